"""Recipes of networks on waveforms."""

import json

import numpy as np
import pytest

from training.callbacks import read_history
from training.run import train_recipe
from zoo.errors import InputError

WAVEFORMS = """
[model]
network = "WaveUNet"
variant = "M4"
sample_rate = 2000
levels = 2
initial_filters = 2
segment_samples = 200
scales = 2
dtype = "mixed_bfloat16"

[data]
batch_size = 4
patches_per_song = 4
steps_per_epoch = 3

[source_gains]

[training]
loss = "mean_squared_error"
epochs = 1

[second_stage]
learning_rate = 1e-5
epochs = 1
"""


@pytest.fixture
def waveforms(tmp_path):
    path = tmp_path / "waveforms.toml"
    path.write_text(WAVEFORMS)
    return path


def test_a_network_on_waveforms_is_trained_and_fine_tuned(waveforms, song_folder, tmp_path):
    first = train_recipe(waveforms, song_folder, tmp_path / "first")
    assert {layer.compute_dtype for layer in first.layers} == {"float32"}
    rows = read_history(tmp_path / "first" / "history.csv")
    assert [row["epoch"] for row in rows] == [0, 1]
    full, half = (
        rows[0][f"vocals{scale}_loss"] + rows[0][f"accompaniment{scale}_loss"]
        for scale in ("", "_2")
    )
    assert rows[0]["loss"] == pytest.approx((full + 0.5 * half) / 2 / 1.5, rel=1e-5)
    assert [row["stage"] for row in rows] == [1, 2]
    settings = json.loads((tmp_path / "first" / "settings.json").read_text())
    assert settings["source_gains"] == {"low": 0.7, "high": 1.0}
    with pytest.raises(InputError, match=r"other values in \[second_stage"):
        train_recipe(
            waveforms,
            song_folder,
            tmp_path / "first",
            resume=True,
            overrides={"second_stage.epochs": 2},
        )

    first.save_to_preset(tmp_path / "preset")
    tune = tmp_path / "tune.toml"
    tune.write_text(
        f"[model]\nstart = '{tmp_path / 'preset'}'\nfreeze = ['encoder_1_*']\n"
        "dtype = 'mixed_bfloat16'\n"
        "[data]\nbatch_size = 4\npatches_per_song = 4\n[remix]\n[training]\nepochs = 1\n"
    )
    tuned = train_recipe(tune, song_folder, tmp_path / "tuned")

    def weights(model, layer):
        return model.get_layer(layer).get_weights()[0]

    np.testing.assert_array_equal(*(weights(m, "encoder_1_conv") for m in (first, tuned)))
    assert np.abs(weights(first, "encoder_2_conv") - weights(tuned, "encoder_2_conv")).max() > 0
    with pytest.raises(InputError, match="preset: works on waveforms and has no front end"):
        train_recipe(
            tune, song_folder, tmp_path / "other", overrides={"front_end.sample_rate": 8000}
        )


def test_synthetic_songs_have_the_networks_rate_and_channels(waveforms, tmp_path, monkeypatch):
    class Rendering(Exception):
        pass

    def render(*arguments, sample_rate, channels, **options):
        raise Rendering(sample_rate, channels)

    monkeypatch.setattr("training.synthetic.synthetic_songs", render)
    overrides = {"model.sample_rate": 8000, "data.kind": "synthetic"}
    with pytest.raises(Rendering) as asked:
        train_recipe(waveforms, None, tmp_path / "run", overrides=overrides)
    assert asked.value.args == (8000, 2)


def test_what_a_network_on_waveforms_cannot_do_is_refused(waveforms, song_folder, tmp_path):
    def refuse(message, **overrides):
        with pytest.raises(InputError, match=message):
            train_recipe(waveforms, song_folder, tmp_path / "run", overrides=overrides)
        assert not (tmp_path / "run").exists()

    refuse("WaveUNet: works on waveforms and has no front end", **{"front_end.bins": 32})
    refuse("stems are vocals, the network's sources accompaniment", **{"data.stems": ["vocals"]})
    refuse("weighs spectrograms", **{"training.loss": "energy_normalized_squared_error"})
    refuse("no stem 'drums'", **{"model.sources": ["drums", "vocals"]})
    refuse("WaveUNet: levels must be positive", **{"model.levels": 0})
    refuse("remix.* exclude each other", **{"remix.coherent": 0.5})
    refuse(r"with 4 patches each do not fill a batch of 32", **{"second_stage.batch_size": 32})

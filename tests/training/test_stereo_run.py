"""Recipes of networks that mask all stems of a stereo spectrogram."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import soundfile

from training.calibration import calibration_examples
from training.callbacks import read_history
from training.loaders.stem_folder import stem_folder
from training.models import build_model
from training.preview import preview_recipe
from training.recipe import load_recipe
from training.recipe_tables import ModelRecipe
from training.run import train_recipe
from zoo.errors import InputError
from zoo.jansson_unet import JanssonUNet
from zoo.separator import Separator
from zoo.spleeter_unet import SpleeterUNet, spleeter_front_end

from .runs import dying_in_epoch

STEREO = replace(
    spleeter_front_end(), sample_rate=2000, frame_length=64, frame_step=48, bins=32, frames=8
)
TINY = f"""
[model]
network = "SpleeterUNet"
filters = [2]

[front_end]
{chr(10).join(f"{key} = {value!r}" for key, value in STEREO.get_config().items())}

[data]
batch_size = 4
patches_per_song = 4
validation_share = 0.2

[training]
loss = "mean_absolute_error"
epochs = 2
jit_compile = false
"""
# For the shipped recipe, with songs of a second and a half.
SMALL = {"data.patches_per_song": 4, "training.epochs": 1, "training.learning_rate": 1e-2}


@pytest.fixture
def recipe(write_recipe):
    return write_recipe(TINY)


def test_a_run_is_resumed_where_it_was_killed(recipe, song_folder, tmp_path, monkeypatch, capsys):
    whole = train_recipe(recipe, song_folder, tmp_path / "whole")
    rows = read_history(tmp_path / "whole" / "history.csv")
    for row in rows:
        for prefix in ("", "val_"):
            stems = [row[f"{prefix}{stem}_loss"] for stem in ("vocals", "accompaniment")]
            assert row[f"{prefix}loss"] == pytest.approx(np.mean(stems), rel=1e-5)

    with dying_in_epoch(1, monkeypatch):
        train_recipe(recipe, song_folder, tmp_path / "run")
    resumed = train_recipe(recipe, song_folder, tmp_path / "run", resume=True)
    assert "resuming from epoch 2 of 2" in capsys.readouterr().out
    assert read_history(tmp_path / "run" / "history.csv") == rows
    # Statistics of batch normalisation are among them.
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_preset_is_fine_tuned_and_its_frozen_layers_stay(song_folder, tmp_path):
    keras.utils.set_random_seed(0)
    network = SpleeterUNet(filters=(2, 4, 4), dropout=0.0, front_end=STEREO)
    Separator(network).save_to_preset(tmp_path / "preset")
    options = {"model.start": str(tmp_path / "preset"), "model.dtype": "mixed_bfloat16", **SMALL}
    tuned = train_recipe("spleeter_finetune", song_folder, tmp_path / "run", overrides=options)
    assert {layer.compute_dtype for layer in tuned.layers} == {"float32"}
    assert tuned.front_end == STEREO

    changed = set()
    for ours, theirs in zip(network.layers, tuned.layers, strict=True):
        weights = list(zip(ours.get_weights(), theirs.get_weights(), strict=True))
        if any(np.any(before != after) for before, after in weights):
            changed.add(ours.name)
            assert all(np.any(before != after) for before, after in weights), ours.name
    kinds = ("conv", "norm")
    # The innermost normalisation is not used.
    levels = [
        f"encoder_3_{kinds[0]}",
        *(f"decoder_{n}_{kind}" for n in (1, 2, 3) for kind in kinds),
    ]
    assert changed == {
        f"{stem}_{layer}"
        for stem in ("vocals", "accompaniment")
        for layer in (*levels, "mask_conv")
    }


def test_frozen_normalisation_uses_its_statistics_in_training():
    model = build_model(
        ModelRecipe("SpleeterUNet", {"filters": (2, 4), "dropout": 0.0}, freeze=["*_norm"]), STEREO
    )
    mixture = np.random.default_rng(0).uniform(size=(2, 8, 32, 2)).astype("float32")
    for stem, estimate in model(mixture, training=True).items():
        np.testing.assert_array_equal(estimate, model(mixture, training=False)[stem])
    for layer in model.layers:
        layer.trainable = True
    training_mode = model(mixture, training=True)["vocals"]
    assert np.abs(training_mode - model(mixture, training=False)["vocals"]).max() > 0.01


def test_examples_to_quantise_with_are_stereo(song_folder):
    network = SpleeterUNet(filters=(2,), front_end=STEREO)
    examples = calibration_examples(network, stem_folder(song_folder)[:2], count=3)
    assert [example["mixture"].shape for example in examples] == [(1, 8, 32, 2)] * 3


def test_a_separator_of_several_networks_is_no_start(tmp_path):
    networks = {stem: JanssonUNet(filters=(2, 4)) for stem in ("vocals", "drums")}
    Separator(networks).save_to_preset(tmp_path / "several")
    with pytest.raises(InputError, match="several: a separator of 2 networks; start from a preset"):
        build_model(ModelRecipe(start=str(tmp_path / "several")))


def test_what_the_songs_do_not_have_is_refused(recipe, song_folder, tmp_path):
    def refuse(message, **overrides):
        with pytest.raises(InputError, match=message):
            train_recipe(recipe, song_folder, tmp_path / "run", overrides=overrides)
        assert not (tmp_path / "run").exists()

    refuse(
        r"\[data\] stems are vocals, the network's stems vocals, accompaniment; leave out stems",
        **{"data.stems": ["vocals"]},
    )
    refuse("no stem 'piano'", **{"model.variant": "5stems"})
    refuse("SpleeterUNet: .*layout 'frames_bins'", **{"front_end.layout": "bins_frames"})


def test_the_recipe_is_the_published_configuration():
    recipe = load_recipe("spleeter_2stems")
    model = build_model(recipe.model, recipe.front_end)
    assert model.count_params() == 2 * 9_826_759
    assert (model.front_end.frames, model.front_end.bins) == (512, 1024)
    (settings, data), *more = recipe.stages()
    assert not more
    assert (settings.learning_rate, settings.loss) == (1e-4, "mean_absolute_error")
    assert (settings.schedule, data.batch_size) == ("constant", 4)
    assert settings.epochs * data.steps_per_epoch == 1_000_000
    assert recipe.remix is None
    assert recipe.augment == ()


def test_a_preview_is_heard_in_stereo(write_recipe, song_folder, tmp_path):
    text = TINY.replace("'frame_step': 48", "'frame_step': 16")
    recipe = load_recipe(write_recipe(text + "[[augment]]\ntransform = 'channel_swap'\n"))
    files = preview_recipe(tmp_path / "mine.toml", song_folder, tmp_path / "out", count=1)
    assert [path.name for path in files] == [
        "mixture.wav",
        "vocals.wav",
        "accompaniment.wav",
        "examples.png",
    ]
    waveform, rate = soundfile.read(files[0], dtype="float32")
    assert rate == recipe.front_end.sample_rate
    assert waveform.shape == (7 * 48, 2)
    assert np.abs(waveform[:, 0] - waveform[:, 1]).max() > 0.01

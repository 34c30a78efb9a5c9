"""examples/fine_tuning in short form, from songs to a preset and its picture, with tiny presets."""

import json
import re
import sys
from dataclasses import replace
from functools import partialmethod
from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile

import zoo

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "fine_tuning"
FRONT_END = zoo.FrontEnd(frame_length=128, frame_step=96, bins=64, frames=16)
SIZES = ["--seconds", "3", "--epochs", "2", "--patches-per-song", "1"]


@pytest.fixture
def fine_tune(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import fine_tune

    monkeypatch.setattr(fine_tune, "HELD_BACK", 3)
    monkeypatch.setattr(fine_tune, "USUAL_SONGS", 1)
    monkeypatch.setattr(fine_tune, "BATCH_SIZE", 2)
    # What these networks take to be compiled is more than what they take to be trained.
    quick = partialmethod(keras.Model.compile, jit_compile=False)
    monkeypatch.setattr(zoo.JanssonUNet, "compile", quick)
    keras.utils.set_random_seed(0)
    yield fine_tune
    for name in ("fine_tune", "comparison", "theremin_songs"):
        sys.modules.pop(name, None)


@pytest.mark.slow
def test_before_from_scratch_and_after(fine_tune, tmp_path, capsys):
    preset = zoo.JanssonUNet(filters=(2, 3, 4), front_end=FRONT_END)
    preset.save_to_preset(tmp_path / "tiny")
    output = tmp_path / "tuned"
    given = ["--preset", str(tmp_path / "tiny"), "--output", str(output), *SIZES]
    comparison = fine_tune.main(given)
    printed = capsys.readouterr().out
    assert "8 songs to train on, 2 to validate, 3 held back" in printed
    assert comparison.songs == ["song 11", "song 12", "song 13"] and comparison.table() in printed
    assert list(comparison.scores) == ["mixture", "preset", "from scratch", "fine-tuned"]
    assert len(set(comparison.medians.values())) == 4
    assert "1 songs of the preset's own kind, median: mixture" in printed
    # As many steps each.
    assert printed.count("Epoch 2/2") == 2 and printed.count("\n4/4 - ") == 4
    assert (output / "fine_tuning.png").read_bytes().startswith(b"\x89PNG")

    tuned = zoo.load_preset(output / "preset")
    origin = json.loads((output / "preset" / "metadata.json").read_text())["origin"]
    assert origin == f"{tmp_path / 'tiny'}, fine-tuned"
    for layer, same in (("encoder_1_conv", True), ("encoder_2_conv", True), ("encoder_3_conv", 0)):
        before, after = (model.get_layer(layer).get_weights()[0] for model in (preset, tuned))
        assert np.array_equal(before, after) == same, layer
    with pytest.raises(zoo.InputError, match="is there already; name a new folder"):
        fine_tune.main(given)


def test_several_stems_in_stereo_on_songs_of_ones_own(fine_tune, tmp_path):
    stereo = replace(FRONT_END, channels=2)
    network = zoo.JanssonUNet(stems=("vocals", "drums"), filters=(2, 3), front_end=stereo)
    network.save_to_preset(tmp_path / "tiny")
    songs, output = tmp_path / "songs", tmp_path / "tuned"
    fine_tune.write_theremin_songs(songs, count=4, duration=3.0, channels=2)
    given = ["--preset", str(tmp_path / "tiny"), "--output", str(output), *SIZES]
    comparison = fine_tune.main([str(songs), *given])
    assert comparison.songs == ["song 04"]
    assert zoo.load_preset(output / "preset").stems == network.stems
    assert not (output / "songs").exists()


def test_the_page_s_keras(fine_tune, tmp_path, monkeypatch):
    """docs/fine_tuning.md's lines do what they say, with a tiny network and one epoch."""
    monkeypatch.chdir(tmp_path)
    zoo.JanssonUNet(filters=(2, 3), front_end=FRONT_END).save_to_preset("tiny")
    fine_tune.write_theremin_songs(Path("my_stems"), count=2, duration=3.0)
    soundfile.write("song.mp3", np.random.default_rng(0).uniform(-0.3, 0.3, (16000, 2)), 16000)
    text = (ROOT / "docs" / "fine_tuning.md").read_text("utf-8")
    (lines,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for given, tiny in (('"jansson_unet_vocals"', '"tiny"'), ("epochs=10", "epochs=1")):
        assert given in lines
        lines = lines.replace(given, tiny)
    names = {}
    exec(lines, names)
    assert names["network"].optimizer.iterations == 2
    assert {path.name for path in Path("stems/song").iterdir()} == {
        "vocals.wav",
        "accompaniment.wav",
    }


def test_the_network_of_the_vocals(fine_tune, tmp_path):
    def network(stem):
        return zoo.JanssonUNet(filters=(2, 3), front_end=FRONT_END, name=stem)

    several = zoo.Separator({stem: network(stem) for stem in ("drums", "vocals")})
    several.save_to_preset(tmp_path / "several")
    assert fine_tune.network_of(tmp_path / "several").name == "vocals"
    waves = zoo.WaveUNet("M1", levels=3, initial_filters=2)
    waves.save_to_preset(tmp_path / "waves")
    with pytest.raises(zoo.InputError, match="waves: works on waveforms"):
        fine_tune.network_of(tmp_path / "waves")


def test_the_best_epoch_stays(fine_tune):
    """A network that learns the contrary of what it is validated on was best at first."""
    import tensorflow as tf

    x = np.ones((4, 1), "float32")
    learned = tf.data.Dataset.from_tensors((x, x)).repeat(20)
    validated = tf.data.Dataset.from_tensors((x, -x))
    network = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    fine_tune.train(network, learned, validated, epochs=3, learning_rate=1e-2)
    losses = network.history.history["val_loss"]
    assert losses[0] == min(losses) < losses[-1]
    assert network.evaluate(validated, verbose=0) == pytest.approx(losses[0])


@pytest.mark.parametrize("count", [3, 4, 12, 20, 50])
def test_songs_that_judge_are_seen_by_no_training(fine_tune, count):
    songs = list(range(count))
    train, validation, test = fine_tune.split(songs)
    assert sorted(train + validation + test) == songs
    assert len(validation) == len(test) == max(1, count // 6)
    with pytest.raises(zoo.InputError, match="one to judge by"):
        fine_tune.split([0, 1])

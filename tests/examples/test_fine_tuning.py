"""examples/fine_tuning in short form, from songs to files, with a tiny preset."""

import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import zoo

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "fine_tuning"


@pytest.fixture
def fine_tune(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import fine_tune

    yield fine_tune
    for name in ("fine_tune", "comparison", "theremin_songs"):
        sys.modules.pop(name, None)


@pytest.fixture
def preset(tmp_path, monkeypatch, fine_tune):
    """The example's preset, replaced by a tiny one at the same rate."""
    keras.utils.set_random_seed(0)
    front_end = zoo.FrontEnd(frame_length=128, frame_step=96, bins=64, frames=16)
    network = zoo.JanssonUNet(filters=(2, 3, 4), front_end=front_end)
    network.save_to_preset(tmp_path / "preset")
    monkeypatch.setattr(fine_tune, "PRESET", str(tmp_path / "preset"))
    return network


def test_from_songs_to_files(fine_tune, preset, tmp_path, capsys):
    output = tmp_path / "tuned"
    sizes = ["--songs", "4", "--seconds", "3", "--epochs", "1", "--patches-per-song", "8"]
    comparison = fine_tune.main(["--output", str(output), *sizes, "--formats", "tflite"])
    printed = capsys.readouterr().out
    assert "2 songs to train on, 1 to validate, 1 held back" in printed
    assert comparison.songs == ["song 04"] and comparison.table() in printed
    assert list(comparison.scores) == ["mixture", "preset", "fine-tuned"]
    assert comparison.medians["fine-tuned"] != comparison.medians["preset"]
    for name in ("scores.png", "spectrograms.png", "run/loss.png"):
        assert (output / name).read_bytes().startswith(b"\x89PNG"), name
    assert (output / "exports" / "model.tflite").is_file()

    tuned = zoo.load_model(output / "run" / "model.keras")
    for layer, same in (("encoder_1_conv", True), ("encoder_2_conv", True), ("encoder_3_conv", 0)):
        before, after = (model.get_layer(layer).get_weights()[0] for model in (preset, tuned))
        assert np.array_equal(before, after) == same, layer
    with pytest.raises(zoo.InputError, match="is there already; name a new folder"):
        fine_tune.main(["--output", str(output)])


@pytest.mark.parametrize("count", [3, 4, 12, 20, 50])
def test_songs_that_judge_are_seen_by_no_training(fine_tune, count):
    songs = list(range(count))
    train, validation, test = fine_tune.split(songs)
    assert sorted(train + validation + test) == songs
    assert len(validation) == len(test) == max(1, count // 6)
    with pytest.raises(zoo.InputError, match="one to judge by"):
        fine_tune.split([0, 1])

"""examples/fine_tuning/spleeter.py with a narrow network: from a checkpoint to stems of a song."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import zoo
from zoo.checkpoints.spleeter_preset import import_spleeter
from zoo.spleeter_unet import spleeter_front_end

from ..zoo.original_spleeter import weights, write_checkpoint

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "fine_tuning"
FILTERS = (2, 3)
FRONT_END = replace(
    spleeter_front_end(), sample_rate=8192, frame_length=256, frame_step=64, bins=64, frames=32
)


@pytest.fixture
def example(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    import spleeter

    yield spleeter
    for name in ("spleeter", "fine_tune", "comparison", "theremin_songs"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    """A preset of a checkpoint in the program's names and layout."""
    folder = tmp_path_factory.mktemp("spleeter")
    write_checkpoint(folder / "2stems", weights(2, FILTERS), training=True)
    import_spleeter(folder / "2stems", folder / "preset", filters=FILTERS, front_end=FRONT_END)
    return folder / "preset"


@pytest.mark.slow
def test_from_a_checkpoint_to_files(example, preset, tmp_path, capsys):
    output = tmp_path / "tuned"
    sizes = ["--songs", "3", "--seconds", "2", "--steps", "1", "--frames", "16", "--batch-size"]
    formats = ["saved_model", "tflite", "onnx"]
    comparisons = example.main(
        [str(preset), "--output", str(output), *sizes, "2", "--formats", *formats]
    )
    printed = capsys.readouterr().out
    assert "1 songs to train on, 1 to validate, 1 held back; 1 steps on vocals" in printed
    assert list(comparisons) == ["vocals", "accompaniment"]
    for comparison in comparisons.values():
        assert list(comparison.scores) == ["mixture", "preset", "fine-tuned"]
        assert comparison.medians["fine-tuned"] != comparison.medians["preset"]
        assert comparison.table() in printed

    before, after = (zoo.load_preset(path) for path in (preset, output / "preset"))
    assert before.get_config() == {**after.get_config(), "name": before.name}
    for layer, same in (("encoder_2_conv", True), ("encoder_1_norm", True), ("mask_conv", False)):
        for stem in before.stems:
            name = f"{stem}_{layer}"
            pairs = zip(*(m.get_layer(name).get_weights() for m in (before, after)), strict=True)
            assert all(np.array_equal(*pair) for pair in pairs) == same, name
    assert "Licence: that of the preset" in (output / "preset" / "README.md").read_text()

    files = ("saved_model", "model.tflite", "model.onnx")
    assert all((output / "exports" / file).exists() for file in files)
    with pytest.raises(zoo.InputError, match="is there already; name a new folder"):
        example.main([str(preset), "--output", str(output)])


def test_fine_tuned_presets_separate_a_real_song(preset, shared_data, tmp_path):
    (song,) = (shared_data / "songs").glob("*Mallory/*mix*")
    zoo.separate_file(song, tmp_path, preset=preset)
    mixture = soundfile.info(song)
    for stem in ("vocals", "accompaniment"):
        (file,) = tmp_path.glob(f"*/{stem}.wav")
        signal, rate = soundfile.read(file)
        assert (rate, signal.shape[1]) == (mixture.samplerate, 2)
        assert np.isfinite(signal).all() and np.abs(signal).max() > 1e-3


def test_stems_of_your_own(example, preset):
    network = zoo.SpleeterUNet.from_preset(preset)
    renamed = example.with_stems(network, ["guitar", "other"])
    mixture = np.random.default_rng(0).uniform(size=(1, 8, 64, 2)).astype("float32")
    outputs = renamed(mixture)
    assert list(outputs) == ["guitar", "other"]
    assert np.array_equal(outputs["guitar"], network(mixture)["vocals"])
    with pytest.raises(zoo.InputError, match="--stems guitar: the preset has vocals, accomp"):
        example.with_stems(network, ["guitar"])

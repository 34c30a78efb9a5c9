"""examples/fine_tuning/spleeter.py with a narrow network: from a checkpoint to stems of a song."""

import io
import sys
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import zoo
from export import FileSeparator
from zoo.checkpoints.spleeter_preset import import_spleeter
from zoo.spleeter_unet import spleeter_front_end

from ..zoo.original_spleeter import weights, write_checkpoint

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "fine_tuning"
# All six levels: variables have the names of the released checkpoints.
FILTERS = (2, 2, 3, 3, 4, 4)
FRONT_END = replace(
    spleeter_front_end(), sample_rate=8192, frame_length=256, frame_step=64, bins=64, frames=64
)
FORMATS = {"saved_model": "saved_model", "tflite": "model.tflite", "onnx": "model.onnx"}
SIZES = ("--songs", "3", "--seconds", "2", "--steps", "3", "--frames", "64", "--batch-size", "2")


@pytest.fixture(scope="module")
def example():
    with pytest.MonkeyPatch.context() as patches:
        patches.syspath_prepend(str(FOLDER))
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


@pytest.fixture(scope="module")
def tuned(example, preset, tmp_path_factory):
    """The example's output folder, what it returns, and what it prints."""
    output = tmp_path_factory.mktemp("example") / "tuned"
    with redirect_stdout(io.StringIO()) as printed:
        comparisons = example.main(
            [str(preset), "--output", str(output), *SIZES, "--formats", *FORMATS]
        )
    return output, comparisons, printed.getvalue()


@pytest.mark.slow
def test_from_a_checkpoint_to_a_fine_tuned_preset(example, preset, tuned):
    output, comparisons, printed = tuned
    assert "1 songs to train on, 1 to validate, 1 held back; 3 steps on vocals" in printed
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
    with pytest.raises(zoo.InputError, match="is there already; name a new folder"):
        example.main([str(preset), "--output", str(output)])


def test_all_that_comes_of_it_separates_a_real_song(preset, tuned, shared_data, tmp_path):
    """The imported preset, the fine-tuned one, and its files, which give what it gives."""
    (song,) = (shared_data / "songs").glob("*Mallory/*mix*")
    mixture, exports = soundfile.info(song), tuned[0] / "exports"
    separators = {path: zoo.Separator.from_preset(path) for path in (preset, tuned[0] / "preset")}
    separators |= {exports / name: FileSeparator(exports / name) for name in FORMATS.values()}
    separated = []
    for number, separator in enumerate(separators.values()):
        zoo.separate_file(song, tmp_path / str(number), separator=separator)
        files = [next(tmp_path.glob(f"{number}/*/{stem}.wav")) for stem in separator.stems]
        stems, rates = zip(*map(soundfile.read, files), strict=True)
        assert {*rates} == {mixture.samplerate}
        separated.append(np.stack(stems))
    imported, fine_tuned, *of_files = separated
    assert imported.shape == fine_tuned.shape == (2, mixture.frames, 2)
    assert np.abs(imported).max() > 1e-3 and np.abs(imported - fine_tuned).max() > 1e-3
    for stems in of_files:
        # Files of 16 bits may differ by a step where values are about to be rounded.
        np.testing.assert_allclose(stems, fine_tuned, atol=1e-4 * np.abs(fine_tuned).max())


def test_stems_of_your_own(example, preset):
    network = zoo.SpleeterUNet.from_preset(preset)
    renamed = example.with_stems(network, ["guitar", "other"])
    mixture = np.random.default_rng(0).uniform(size=(1, 64, 64, 2)).astype("float32")
    outputs = renamed(mixture)
    assert list(outputs) == ["guitar", "other"]
    assert np.array_equal(outputs["guitar"], network(mixture)["vocals"])
    with pytest.raises(zoo.InputError, match="--stems guitar: the preset has vocals, accomp"):
        example.with_stems(network, ["guitar"])

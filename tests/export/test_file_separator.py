"""Songs through exported files: the Keras separator's stems, whatever the file and the song."""

import json
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import soundfile

import export
from export.file_forms import StreamForm, WholeForm
from export.sharing import shared_graphs
from training import synthetic_songs
from zoo import InputError, Separator
from zoo.inference import separate_array, separate_blocks

from .small_separators import context_separator, crossfade_separator, mask_separator

MODELS = {
    "mask": mask_separator,
    "context": context_separator,
    "crossfade": crossfade_separator,
}


def least_samples(model):
    """A fixed length that two patches of a song can be cut to."""
    grid = model.grid
    past = -(-(grid.step + grid.lookahead - grid.offset) // grid.step) * grid.step
    return past + 2 * grid.step + grid.lookahead - grid.pad


def fixed(model):
    return (1, least_samples(model), model.channels or 2)


# Name -> (model, writer, its inputs, the form that songs are run with, patches at a time).
FILES = {
    "mask.tflite": ("mask", export.to_tflite, None, StreamForm, None),
    "mask.onnx": ("mask", export.to_onnx, None, WholeForm, None),
    "mask": ("mask", export.to_saved_model, None, StreamForm, None),
    "mask_fixed.onnx": ("mask", export.to_onnx, fixed, WholeForm, 2),
    "mask_stream.onnx": ("mask", export.to_onnx, "stream", StreamForm, 3),
    "context.tflite": ("context", export.to_tflite, None, StreamForm, None),
    "context_fixed.onnx": ("context", export.to_onnx, fixed, WholeForm, 2),
    "crossfade.onnx": ("crossfade", export.to_onnx, None, WholeForm, None),
}


@pytest.fixture(scope="module")
def models():
    return {name: build() for name, build in MODELS.items()}


@pytest.fixture(scope="module")
def opened(models, tmp_path_factory):
    """Function: a name of `FILES` -> the file's model and the opened file."""
    folder, written = tmp_path_factory.mktemp("files"), {}

    def function(name):
        if name not in written:
            model, writer, inputs, _, _ = FILES[name]
            source = models[model]
            # The comparison is the tests' own.
            with patch("export.exporter.measure"):
                if inputs == "stream":
                    writer(source.streaming(3), folder / name)
                else:
                    writer(source, folder / name, inputs=inputs and inputs(source))
            written[name] = export.FileSeparator(folder / name)
        return models[FILES[name][0]], written[name]

    function.folder = folder
    # What files of one model have in common is traced once.
    with shared_graphs():
        yield function


@pytest.fixture(scope="module")
def expected(models):
    """Function: the Keras separator's stems of a song, computed once."""
    known = {}

    def function(name, song, rate, **options):
        key = (name, song.shape, rate, *options.items())
        if key not in known:
            known[key] = separate_array(models[name], song, rate, **options)
        return known[key]

    return function


def noise(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-0.3, 0.3, shape).astype("float32")


def error(got, wanted):
    """Largest difference, relative to the peak of each stem."""
    assert list(got) == list(wanted)
    return max(np.abs(got[s] - wanted[s]).max() / np.abs(wanted[s]).max() for s in wanted)


@pytest.mark.parametrize("name", FILES)
def test_stems_are_those_of_the_keras_separator(opened, expected, name):
    model, separator = opened(name)
    kind, _, _, form, patches = FILES[name]
    assert type(separator._form) is form and separator.fixed_patches == patches
    assert (separator.stems, separator.sample_rate) == (model.stems, model.sample_rate)
    for samples, channels in ((1, 2), (50, 1), (5003, 2), (5003, 3)):
        song = noise(samples, channels)
        wanted = expected(kind, song, model.sample_rate)
        assert error(separate_array(separator, song, model.sample_rate), wanted) < 1e-5


@pytest.mark.parametrize("name", FILES)
def test_the_chunk_size_does_not_change_the_output(opened, expected, name):
    model, separator = opened(name)
    song = noise(5003, 2)
    wanted = expected(FILES[name][0], song, model.sample_rate)
    for samples in (1200, 2500):
        seconds = samples / model.sample_rate
        got = separate_array(separator, song, model.sample_rate, chunk_seconds=seconds)
        assert error(got, wanted) < 1e-5


@pytest.mark.parametrize("name", ["mask.tflite", "crossfade.onnx"])
@pytest.mark.parametrize("above_band", ["residual", "discard"])
def test_any_rate(opened, expected, name, above_band):
    model, separator = opened(name)
    song = noise(30_011, 2)
    wanted = expected(FILES[name][0], song, 44100, above_band=above_band)
    blocks = [song[i : i + 7000] for i in range(0, len(song), 7000)]
    pieces = list(separate_blocks(separator, blocks, 44100, 2, above_band=above_band))
    got = {stem: np.concatenate([piece[stem] for piece in pieces]) for stem in wanted}
    assert error(got, wanted) < 1e-5
    if above_band == "residual":
        assert np.abs(sum(got.values()) - song).max() < 1e-6


def test_a_song_never_sees_another_one_s_data(opened):
    _, separator = opened("mask.tflite")
    song = noise(4000, 2)
    first = separate_array(separator, song, 8192)
    separate_array(separator, noise(6000, 2, seed=1), 8192)
    again = separate_array(separator, song, 8192)
    assert all(np.array_equal(first[stem], again[stem]) for stem in first)


def test_the_mask_cannot_be_extended(opened):
    with pytest.raises(InputError, match="'extend' needs the masks .* exported files do not give"):
        separate_array(opened("mask.tflite")[1], noise(100, 2), 44100, above_band="extend")


@pytest.mark.parametrize("name", ["mask.tflite", "mask.onnx"])
def test_damaged_files(opened, tmp_path, name):
    opened(name)
    path = tmp_path / name
    path.write_bytes((opened.folder / name).read_bytes()[:3000])
    with pytest.raises(InputError) as raised:
        export.FileSeparator(path)
    assert str(raised.value).startswith(f"{path}: ") and "\n" not in str(raised.value)


def test_metadata_are_json(opened):
    _, separator = opened("mask.tflite")
    assert json.loads(json.dumps(separator.metadata)) == separator.metadata
    assert separator.metadata["stems"] == ["vocals", "accompaniment"]


# A process in which nothing of TensorFlow can be imported runs one command after the other.
WITHOUT = """
import json, sys

ABSENT = {"tensorflow", "keras", "h5py", "librosa", "matplotlib", "onnx", "scipy", "tf2onnx", "jax"}

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
from zoo.cli import main

for arguments in json.loads(sys.argv[1]):
    sys.argv = ["stemzoo", *arguments]
    try:
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code
    print("code", code, flush=True)
assert not ABSENT & set(sys.modules), ABSENT & set(sys.modules)
"""


def test_the_command_without_tensorflow(opened, expected, tmp_path):
    """What the core of the distribution does, and what it says of the rest."""
    tflite, onnx = (
        opened(name) and str(opened.folder / name) for name in ("mask.tflite", "mask.onnx")
    )
    opened("mask")
    song, bad = (str(tmp_path / name) for name in ("song.wav", "bad.wav"))
    soundfile.write(song, noise(30_011, 2), 44100, subtype="FLOAT")
    Path(bad).write_text("These are lyrics.")
    needs_it = [
        ["separate", song, "-o", str(tmp_path / "no")],
        ["separate", song, "-o", str(tmp_path / "no"), "--model", str(opened.folder / "mask")],
        ["train", "jansson_unet_finetune", "-o", str(tmp_path / "no")],
    ]
    commands = [
        ["separate", song, "-o", str(tmp_path / "tflite"), "--model", tflite],
        ["separate", bad, song, "-o", str(tmp_path / "onnx"), "--model", onnx, "--format", "flac"],
        ["separate", song, "-o", str(tmp_path / "no"), "--model", str(tmp_path / "no.onnx")],
        ["models"],
        *needs_it,
    ]
    run = [sys.executable, "-c", WITHOUT, json.dumps(commands)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    codes = [int(line[5:]) for line in done.stdout.splitlines() if line.startswith("code ")]
    assert codes == [0, 2, 2, 0, 2, 2, 2], done.stderr
    hint = 'stemzoo: this needs TensorFlow: pip install "stemzoo[tensorflow]"'
    lines = done.stderr.splitlines()
    assert len(lines) == 5 and lines[2:] == [hint] * 3, done.stderr
    assert lines[0].startswith(f"stemzoo: {bad}: cannot be decoded as audio")
    assert lines[1] == f"stemzoo: {tmp_path / 'no.onnx'}: no such file or folder"
    assert not (tmp_path / "no").exists() and not (tmp_path / "onnx" / "bad").exists()
    wanted = expected("mask", noise(30_011, 2), 44100)
    for folder, suffix, rounding in (("tflite", "wav", 1e-5), ("onnx", "flac", 1e-4)):
        files = {stem: tmp_path / folder / "song" / f"{stem}.{suffix}" for stem in wanted}
        stems = {stem: soundfile.read(file, always_2d=True)[0] for stem, file in files.items()}
        assert error(stems, wanted) < rounding


@pytest.mark.slow
def test_the_shipped_preset_to_60_decibels(tmp_path):
    model = Separator.from_preset("jansson_unet_vocals")
    with patch("export.exporter.measure"):
        export.to_onnx(model.streaming(1), tmp_path / "stream.onnx")
    (track,) = synthetic_songs(3, 1, duration=25)
    song = track.load_mixture()
    wanted = separate_array(model, song, track.sample_rate)
    separator = export.FileSeparator(tmp_path / "stream.onnx")
    assert error(separate_array(separator, song, track.sample_rate), wanted) < 1e-4

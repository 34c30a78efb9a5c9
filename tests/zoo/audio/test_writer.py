"""Writing: the stored samples, what a format cannot hold, and files that appear whole or not."""

import resource
from pathlib import Path

import numpy as np
import pytest
import soundfile

from zoo.audio import FORMATS, AudioWriter, check_writable, matching_subtype
from zoo.errors import InputError

RATE = 44100


def noise(samples: int, channels: int = 2, peak: float = 0.3) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.uniform(-peak, peak, (samples, channels)).astype(np.float32)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("stem.wav", "PCM_16", 0.5001 * 2**-15),
        ("stem.wav", "PCM_24", 0.5001 * 2**-23),
        ("stem.wav", "FLOAT", 0),
        ("stem.flac", "PCM_16", 0.5001 * 2**-15),
        ("stem.flac", "PCM_24", 0.5001 * 2**-23),
    ],
)
def test_samples_are_rounded_to_the_nearest(tmp_path, name, subtype, tolerance):
    stem = noise(70_000)
    with AudioWriter(tmp_path / name, RATE, 2, subtype=subtype) as writer:
        for start in range(0, 70_000, 33_333):
            writer.write(stem[start : start + 33_333])
    written, rate = soundfile.read(tmp_path / name)
    assert soundfile.info(tmp_path / name).subtype == subtype
    assert (rate, written.shape, writer.frames) == (RATE, stem.shape, 70_000)
    assert np.abs(written - stem).max() <= tolerance
    assert names(tmp_path) == [name]


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_stored_samples_survive_a_copy_bit_for_bit(tmp_path, subtype):
    soundfile.write(tmp_path / "a.wav", noise(5000, peak=1.0), RATE, subtype=subtype)
    original = soundfile.read(tmp_path / "a.wav", dtype="float32")[0]
    with AudioWriter(tmp_path / "b.wav", RATE, 2, subtype=subtype) as writer:
        writer.write(original)
    np.testing.assert_array_equal(soundfile.read(tmp_path / "b.wav", dtype="float32")[0], original)
    assert writer.clipped == 0


@pytest.mark.parametrize("suffix", ["ogg", "mp3"])
@pytest.mark.parametrize("samples", [1, 99_999])
def test_lossy_formats_keep_the_length(tmp_path, suffix, samples):
    time = np.arange(samples)[:, None] / RATE
    stem = (0.5 * np.sin(2 * np.pi * 440 * time + np.arange(2))).astype(np.float32)
    path = tmp_path / f"stem.{suffix}"
    with AudioWriter(path, RATE, 2) as writer:
        writer.write(stem)
    written = soundfile.read(path, always_2d=True)[0]
    assert written.shape == stem.shape
    assert np.abs(written - stem)[2000:-2000].max(initial=0) < 0.05


def test_long_block_in_ogg(tmp_path):
    """Given to libsndfile in one piece, it would overflow the stack and end the process."""
    with AudioWriter(tmp_path / "stem.ogg", RATE, 2) as writer:
        writer.write(np.zeros((4_000_000, 2), np.float32))
    assert soundfile.info(tmp_path / "stem.ogg").frames == 4_000_000


def test_clipping_is_counted_and_floats_are_not_clipped(tmp_path):
    stem = np.array([[1.5, -1.5], [1.0, -1.0], [0.5, 0.25]], np.float32)
    for subtype, clipped in (("PCM_16", 3), ("PCM_24", 3), ("FLOAT", 0)):
        with AudioWriter(tmp_path / "stem.wav", RATE, 2, subtype=subtype) as writer:
            writer.write(stem)
        assert writer.clipped == clipped
        written = soundfile.read(tmp_path / "stem.wav")[0]
        expected = np.clip(stem, -1, 1) if clipped else stem
        assert np.abs(written - expected).max() <= 2**-15


@pytest.mark.parametrize(
    ("format", "rate", "channels", "received"),
    [
        ("mp3", 384_000, 2, "sample_rate=384000"),
        ("mp3", 44_100, 8, "channels=8"),
        ("ogg", 384_000, 2, "sample_rate=384000"),
        ("ogg", 44_100, 256, "channels=256"),
        ("flac", 44_100, 9, "channels=9"),
        ("flac", 768_000, 2, "sample_rate=768000"),
        ("aac", 44_100, 2, "format=aac"),
    ],
)
def test_what_a_format_cannot_hold(tmp_path, format, rate, channels, received):
    with pytest.raises(InputError, match=received):
        check_writable(format, rate, channels)
    with pytest.raises(InputError, match=received):
        AudioWriter(tmp_path / f"stem.{format}", rate, channels)
    assert names(tmp_path) == []


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (48_000, 2), (384_000, 2), (44_100, 8)])
def test_what_is_allowed_can_be_written(tmp_path, format, rate, channels):
    try:
        check_writable(format, rate, channels)
    except InputError:
        return
    path = tmp_path / f"stem.{format}"
    with AudioWriter(path, rate, channels) as writer:
        writer.write(noise(1000, channels))
    info = soundfile.info(path)
    assert (info.samplerate, info.channels, info.frames) == (rate, channels, 1000)


def test_unknown_subtype(tmp_path):
    with pytest.raises(InputError, match="PCM_16, PCM_24. Received: subtype='FLOAT'"):
        AudioWriter(tmp_path / "stem.flac", RATE, 2, subtype="FLOAT")


@pytest.mark.parametrize(
    ("source", "wav", "flac"),
    [
        ("PCM_16", "PCM_16", "PCM_16"),
        ("PCM_24", "PCM_24", "PCM_24"),
        ("PCM_32", "PCM_24", "PCM_24"),
        ("FLOAT", "FLOAT", "PCM_24"),
        ("DOUBLE", "FLOAT", "PCM_24"),
        ("PCM_U8", "PCM_16", "PCM_16"),
        ("MPEG_LAYER_III", "PCM_16", "PCM_16"),
    ],
)
def test_output_keeps_the_resolution_of_the_input(source, wav, flac):
    assert matching_subtype("wav", source) == wav
    assert matching_subtype("flac", source) == flac
    assert matching_subtype("ogg", source) == "VORBIS"
    assert matching_subtype("mp3", source) == "MPEG_LAYER_III"


def test_wav_beyond_4_gib_gets_the_header_for_it(tmp_path):
    path = tmp_path / "stem.wav"
    with AudioWriter(path, RATE, 2, frames=9 * 3600 * RATE) as writer:
        writer.write(noise(1000))
    assert soundfile.info(path).format == "RF64"
    assert soundfile.info(path).frames == 1000


def test_wav_of_unknown_length_stops_at_4_gib(tmp_path):
    with (
        pytest.raises(InputError, match="4 GiB of a wav file; choose flac"),
        AudioWriter(tmp_path / "stem.wav", RATE, 2) as writer,
    ):
        writer.frames = 2**30 - 2**14
        writer.write(noise(100))
    assert names(tmp_path) == []


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("format", FORMATS)
def test_interrupted_writing_leaves_the_earlier_file(tmp_path, format, error):
    path = tmp_path / f"stem.{format}"
    path.write_bytes(b"earlier")
    with pytest.raises(error), AudioWriter(path, RATE, 2) as writer:
        writer.write(noise(50_000))
        raise error
    assert names(tmp_path) == [path.name]
    assert path.read_bytes() == b"earlier"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda folder: folder / "none" / "stem.wav", "its folder does not exist"),
        (lambda folder: folder / "file" / "stem.wav", "is a file, not a folder"),
        (lambda folder: folder / "folder.wav", "is a folder"),
    ],
)
def test_places_that_cannot_be_written(tmp_path, make, problem):
    (tmp_path / "file").touch()
    (tmp_path / "folder.wav").mkdir()
    with pytest.raises(InputError, match=problem) as caught:
        AudioWriter(make(tmp_path), RATE, 2)
    assert str(caught.value).startswith(f"{make(tmp_path)}: ")
    assert names(tmp_path) == ["file", "folder.wav"]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("missing", [1, 100, 1000, 5000, 10**9])
def test_full_disk(tmp_path, format, missing):
    """A limit on the file's size fails as a full disk does: in the header, in the middle, or in
    the last bytes, which libsndfile writes while it closes the file without reporting a failure."""
    path = tmp_path / f"stem.{format}"
    stem = noise(20_000)
    with AudioWriter(path, RATE, 2) as writer:
        writer.write(stem)
    size = path.stat().st_size
    path.unlink()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(size - missing, 0), hard))
    try:
        with pytest.raises(InputError) as caught, AudioWriter(path, RATE, 2) as writer:
            writer.write(stem)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert str(caught.value) == f"{path}: cannot be written: file too large"
    assert names(tmp_path) == []


def test_full_disk_before_any_stem_appears(tmp_path):
    """Stems that are finished together appear together."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (25_000, hard))
    try:
        with (
            pytest.raises(InputError, match="accompaniment.flac"),
            AudioWriter(tmp_path / "vocals.flac", RATE, 2) as vocals,
            AudioWriter(tmp_path / "accompaniment.flac", RATE, 2) as accompaniment,
        ):
            vocals.write(np.zeros((20_000, 2), np.float32))
            accompaniment.write(noise(20_000))
            for writer in (vocals, accompaniment):
                writer.finish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    assert names(tmp_path) == []


def test_folder_that_takes_the_name_meanwhile(tmp_path):
    path = tmp_path / "stem.wav"
    with (
        pytest.raises(InputError, match="cannot be replaced"),
        AudioWriter(path, RATE, 2) as writer,
    ):
        writer.write(noise(100))
        path.mkdir()
    assert names(tmp_path) == ["stem.wav"]

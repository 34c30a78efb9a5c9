"""Reading: every format gives what was written, in blocks of any size, in constant memory."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zoo.audio import AudioReader

RATE = 44100


def chirp(samples: int, channels: int = 2) -> np.ndarray:
    time = np.arange(samples)[:, None] / RATE
    phase = 2 * np.pi * (200 * time + 2000 * time**2)
    return (0.5 * np.sin(phase + np.arange(channels))).astype(np.float32)


@pytest.mark.parametrize(
    ("name", "subtype", "tolerance"),
    [
        ("song.wav", "PCM_16", 2**-15),
        ("song.wav", "PCM_24", 2**-23),
        ("song.wav", "FLOAT", 0),
        ("song.flac", "PCM_24", 2**-23),
        ("song.aiff", "PCM_16", 2**-15),
        ("song.ogg", "VORBIS", 0.05),
        ("song.mp3", "MPEG_LAYER_III", 0.05),
    ],
)
def test_reads_what_was_written(tmp_path, name, subtype, tolerance):
    song = chirp(10_000)
    soundfile.write(tmp_path / name, song, RATE, subtype=subtype)
    with AudioReader.open(tmp_path / name) as reader:
        assert (reader.sample_rate, reader.channels, reader.frames) == (RATE, 2, 10_000)
        assert reader.subtype == subtype
        assert reader.duration == pytest.approx(10_000 / RATE)
        samples = reader.read()
    assert samples.shape == song.shape
    assert samples.dtype == np.float32
    edge = 1500 if tolerance > 0.01 else 0  # a lossy encoder's start and end are poor
    assert np.abs(samples - song)[edge : 10_000 - edge].max() <= tolerance


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    block=st.integers(1, 3000),
    start=st.integers(0, 2500),
    length=st.one_of(st.none(), st.integers(0, 2500)),
    suffix=st.sampled_from(["wav", "flac", "ogg"]),
)
def test_blocks_are_one_read_whatever_their_size(tmp_path, block, start, length, suffix):
    path = tmp_path / f"song.{suffix}"
    if not path.exists():
        soundfile.write(path, chirp(2000), RATE)
    stop = None if length is None else start + length
    with AudioReader.open(path) as reader:
        whole = reader.read()
        blocks = list(reader.blocks(block, start=start, stop=stop))
    assert all(len(part) == block for part in blocks[:-1])
    joined = np.concatenate([*blocks, np.zeros((0, 2), np.float32)])
    np.testing.assert_array_equal(joined, whole[start:stop])


def test_each_pass_starts_anew(tmp_path):
    soundfile.write(tmp_path / "song.wav", chirp(1000), RATE)
    with AudioReader.open(tmp_path / "song.wav") as reader:
        next(reader.blocks(300))
        assert len(reader.read()) == 1000


@pytest.mark.parametrize(
    ("samples", "channels", "rate"), [(1, 1, RATE), (500, 8, RATE), (500, 2, 384_000)]
)
@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_unusual_but_valid(tmp_path, suffix, samples, channels, rate):
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, chirp(samples, channels), rate)
    with AudioReader.open(path) as reader:
        assert reader.sample_rate == rate
        assert reader.read().shape == (samples, channels)


def test_codec_without_seeking(tmp_path):
    soundfile.write(tmp_path / "song.wav", chirp(3200, 1), 8000, subtype="GSM610")
    with AudioReader.open(tmp_path / "song.wav") as reader:
        assert reader.read().shape == (3200, 1)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_wav_from_a_pipe_states_no_length(tmp_path, size):
    path = tmp_path / "piped.wav"
    soundfile.write(path, chirp(1000), RATE, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    content[40:44] = size.to_bytes(4, "little")
    path.write_bytes(content)
    with AudioReader.open(path) as reader:
        assert len(reader.read()) == 1000


def test_name_that_is_not_unicode(tmp_path):
    path = tmp_path / b"caf\xe9.wav".decode("utf-8", "surrogateescape")
    try:
        path.touch()
    except OSError:
        pytest.skip("this file system has Unicode names only")
    soundfile.write(tmp_path / "song.wav", chirp(100), RATE)
    (tmp_path / "song.wav").rename(path)
    with AudioReader.open(path) as reader:
        assert reader.frames == 100


def test_block_size_below_one(tmp_path):
    soundfile.write(tmp_path / "song.wav", chirp(100), RATE)
    with (
        AudioReader.open(tmp_path / "song.wav") as reader,
        pytest.raises(ValueError, match="Received"),
    ):
        next(reader.blocks(0))


def test_mp3_is_as_long_as_libsndfile_decodes_it(shared_data):
    path = shared_data / "songs/The Mountaineering Club - Mallory/mix.mp3"
    expected, rate = soundfile.read(path, dtype="float32")
    with AudioReader.open(path) as reader:
        blocks = list(reader.blocks(65_536))
        assert (reader.frames, reader.sample_rate) == (len(expected), rate)
    np.testing.assert_array_equal(np.concatenate(blocks), expected)


_MEASURE = """
import resource, sys
from zoo.audio import AudioReader
with AudioReader.open(sys.argv[1]) as reader:
    samples = sum(len(block) for block in reader.blocks(65536))
print(samples, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_memory_is_the_same_for_ten_minutes_as_for_one(tmp_path):
    minute = np.zeros((60 * 8000, 8), np.float32)
    peaks = []
    for minutes in (1, 10):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", 8000, 8, subtype="PCM_16") as file:
            for _ in range(minutes):
                file.write(minute)
        run = [sys.executable, "-c", _MEASURE, str(path)]
        samples, kibibytes = subprocess.check_output(run, text=True).split()
        assert int(samples) == minutes * 60 * 8000
        peaks.append(int(kibibytes))
    assert peaks[1] - peaks[0] < 10_000  # the nine minutes more are 138 MB as float32

"""`read_audio`: part of a file, at another rate, from many threads; and what importing it costs."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import soundfile

from zoo.audio import read_audio, resampled_length

RATE = 44100


@pytest.fixture
def song(tmp_path):
    time = np.arange(3 * RATE)[:, None] / RATE
    samples = 0.5 * np.sin(2 * np.pi * np.array([440.0, 660.0]) * time)
    soundfile.write(tmp_path / "song.wav", samples, RATE, subtype="FLOAT")
    return tmp_path / "song.wav"


def test_whole_file_as_it_is(song):
    samples, rate = read_audio(song)
    np.testing.assert_array_equal(samples, soundfile.read(song, dtype="float32")[0])
    assert rate == RATE


def test_mono_at_another_rate(song):
    samples, rate = read_audio(song, sample_rate=8192, mono=True)
    time = np.arange(3 * 8192)[:, None] / 8192
    expected = 0.25 * np.sin(2 * np.pi * np.array([440.0, 660.0]) * time).sum(axis=1, keepdims=True)
    assert (samples.shape, samples.dtype, rate) == ((3 * 8192, 1), np.float32, 8192)
    assert np.abs(samples - expected)[200:-200].max() < 1e-4


def test_part(song):
    whole, _ = read_audio(song)
    part, _ = read_audio(song, start=0.5, duration=1.25)
    np.testing.assert_array_equal(part, whole[RATE // 2 : RATE // 2 + 55_125])
    last, _ = read_audio(song, start=2.9, duration=1.0)
    assert len(last) == RATE // 10
    beyond, _ = read_audio(song, start=4.0, sample_rate=8192)
    assert beyond.shape == (0, 2)


@pytest.mark.parametrize("wrong", [{"start": -1.0}, {"duration": -0.5}, {"sample_rate": 0}])
def test_wrong_arguments(song, wrong):
    with pytest.raises(ValueError, match=f"Received: {next(iter(wrong))}="):
        read_audio(song, **wrong)


def test_part_of_an_mp3_is_exact(shared_data):
    path = shared_data / "songs/The Mountaineering Club - Mallory/mix.mp3"
    whole, _ = read_audio(path)
    part, _ = read_audio(path, start=10.0, duration=1.0)
    np.testing.assert_array_equal(part, whole[10 * RATE : 11 * RATE])


def test_spoken_digits(shared_data):
    path = shared_data / "fsdd/recordings/0_george_0.wav"
    stored = len(soundfile.read(path)[0])
    samples, _ = read_audio(path, sample_rate=8192)
    assert samples.shape == (resampled_length(stored, 8000, 8192), 1)


def test_many_threads_at_once(song):
    expected, _ = read_audio(song, sample_rate=8192)
    with ThreadPoolExecutor(8) as threads:
        results = threads.map(lambda _: read_audio(song, sample_rate=8192)[0], range(32))
    for samples in results:
        np.testing.assert_array_equal(samples, expected)


def test_import_brings_only_what_every_file_needs():
    code = "import sys, zoo.audio; print({'av', 'soxr', 'keras', 'tensorflow'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"

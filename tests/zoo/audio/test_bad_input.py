"""Every file that cannot be separated is refused with one line that names it."""

import os
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from zoo.audio import AudioReader, read_audio
from zoo.errors import InputError

RATE = 44100


def noise(samples: int, channels: int = 2) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.uniform(-0.3, 0.3, (samples, channels)).astype(np.float32)


def assert_refused(path, problem: str) -> None:
    before = sorted(path.parent.iterdir())
    with pytest.raises(InputError) as caught:
        read_audio(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert re.search(problem, message), message
    assert "\n" not in message
    assert sorted(path.parent.iterdir()) == before


def test_missing(tmp_path):
    assert_refused(tmp_path / "song.wav", "no such file")


def test_folder(tmp_path):
    assert_refused(tmp_path, "is a folder")


def test_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "song.wav")
    assert_refused(tmp_path / "song.wav", "not a regular file")


@pytest.mark.parametrize("suffix", ["wav", "mp3", "m4a", "txt"])
def test_empty(tmp_path, suffix):
    (tmp_path / f"song.{suffix}").touch()
    assert_refused(tmp_path / f"song.{suffix}", r"empty \(0 bytes\)")


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "m4a", "raw"])
def test_text_with_an_audio_name(tmp_path, suffix, capfd):
    path = tmp_path / f"song.{suffix}"
    path.write_text("These are lyrics and no sound.\n" * 300)
    assert_refused(path, "cannot be decoded as audio|no audio stream")
    assert capfd.readouterr() == ("", "")


def test_playlist_fetches_nothing(tmp_path):
    path = tmp_path / "song.m4a"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://localhost:9/a.ts\n")
    assert_refused(path, "cannot be decoded as audio|no audio stream")


@pytest.mark.parametrize("suffix", ["wav", "flac", "aiff", "ogg", "mp3", "caf", "w64", "rf64"])
@pytest.mark.parametrize("keep", [20, 40, 0.5, 0.9])
def test_truncated(tmp_path, suffix, keep, capfd):
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, noise(30_000), RATE, format=suffix.upper())
    content = path.read_bytes()
    path.write_bytes(content[: keep if keep > 1 else int(keep * len(content))])
    assert_refused(path, "truncated|cannot be decoded|no samples|no audio stream")
    if keep < 1:
        assert capfd.readouterr().err == ""  # decoders like to print their own remarks


def test_truncated_wav_says_by_how_much(tmp_path):
    soundfile.write(tmp_path / "song.wav", noise(1000), RATE, subtype="PCM_16")
    os.truncate(tmp_path / "song.wav", 44 + 2000)
    assert_refused(tmp_path / "song.wav", "promises 4000 bytes of samples and holds 2000")


@pytest.mark.parametrize("suffix", ["flac", "mp3"])
def test_damaged_in_the_middle(tmp_path, suffix):
    path = tmp_path / f"song.{suffix}"
    soundfile.write(path, noise(100_000), RATE)
    content = bytearray(path.read_bytes())
    half = len(content) // 2
    content[half : half + 9000] = bytes(9000)
    path.write_bytes(content)
    with AudioReader.open(path) as reader:
        assert reader.frames == 100_000
    assert_refused(path, "damaged or truncated: decoding stops in the middle")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_sample_that_is_not_a_number(tmp_path, value):
    song = noise(RATE)
    song[RATE // 2, 1] = value
    soundfile.write(tmp_path / "song.wav", song, RATE, subtype="FLOAT")
    assert_refused(tmp_path / "song.wav", "NaN or infinite sample at 0.500 s")


@pytest.mark.parametrize("suffix", ["wav", "aiff"])
def test_header_without_samples(tmp_path, suffix):
    soundfile.write(tmp_path / f"song.{suffix}", noise(0), RATE)
    assert_refused(tmp_path / f"song.{suffix}", "no samples")


def test_stream_that_is_not_there(tmp_path):
    soundfile.write(tmp_path / "song.wav", noise(1000), RATE)
    with pytest.raises(InputError, match=r"holds 1 audio stream.*Received: stream=3"):
        AudioReader.open(tmp_path / "song.wav", stream=3)


_AS_NOBODY = """
import os, sys
from zoo.audio import AudioReader, AudioWriter
from zoo.errors import InputError
import zoo.audio.av_decoder
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    if sys.argv[1] == "read":
        AudioReader.open(sys.argv[2])
    else:
        AudioWriter(sys.argv[2], 44100, 2).__enter__()
except InputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
@pytest.mark.parametrize(
    ("mode", "action", "message"),
    [
        (0o000, "read", "cannot be read: permission denied"),
        (0o555, "write", "cannot be written: permission denied"),
    ],
)
def test_no_permission(tmp_path, mode, action, message, open_to_all):
    """As another user, since the superuser may read everything."""
    folder = tmp_path / "locked"
    folder.mkdir()
    path = folder / "song.wav"
    soundfile.write(path, noise(100), RATE)
    open_to_all(tmp_path)
    folder.chmod(mode)
    try:
        run = [sys.executable, "-c", _AS_NOBODY, action, str(path)]
        printed = subprocess.check_output(run, text=True)
    finally:
        folder.chmod(0o755)
    assert printed == f"{path}: {message}\n"
    assert list(folder.iterdir()) == [path]

"""M4A, AAC and MP4 through PyAV: the length and the start of the signal that was encoded."""

import os
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from zoo.audio import AudioReader, read_audio
from zoo.errors import InputError

RATE = 44100


def chirp(samples: int, channels: int = 2) -> np.ndarray:
    time = np.arange(samples)[:, None] / RATE
    phase = 2 * np.pi * (200 * time + 2000 * time**2)
    return (0.3 * np.sin(phase + np.arange(channels))).astype(np.float32)


def encode(path: Path, *songs: np.ndarray, codec: str = "aac", **options: str) -> None:
    """Writes each stereo song as one audio stream of the file."""
    with av.open(path, "w", options=options) as container:
        streams = [container.add_stream(codec, rate=RATE, layout="stereo") for _ in songs]
        for stream, song in zip(streams, songs, strict=True):
            stream.bit_rate = 256_000
            planar = np.ascontiguousarray(song.T)
            sample_format = "fltp"
            if codec == "alac":
                planar, sample_format = np.round(planar * 2**15).astype(np.int16), "s16p"
                stream.format = sample_format
            frame = av.AudioFrame.from_ndarray(planar, sample_format, "stereo")
            frame.sample_rate = RATE
            frame.time_base = Fraction(1, RATE)
            frame.pts = 0
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)


def box(kind: bytes, *parts: bytes) -> bytes:
    """An MP4 box: size, kind, content."""
    content = b"".join(parts)
    return (8 + len(content)).to_bytes(4, "big") + kind + content


def add_itunes_length(path: Path, delay: int, samples: int) -> None:
    """Adds the tag by which iTunes states the encoder's delay and padding."""
    value = f" 00000000 {delay:08X} {-(delay + samples) % 1024:08X} {samples:016X}".encode()
    tag = box(
        b"----",
        box(b"mean", bytes(4), b"com.apple.iTunes"),
        box(b"name", bytes(4), b"iTunSMPB"),
        box(b"data", b"\0\0\0\1", bytes(4), value),
    )
    content = bytearray(path.read_bytes())
    at = 0
    for kind in (b"moov", b"udta", b"meta", b"ilst"):
        at = content.index(kind, at)
        size = int.from_bytes(content[at - 4 : at], "big")
        content[at - 4 : at] = (size + len(tag)).to_bytes(4, "big")
    content[at + 4 : at + 4] = tag
    path.write_bytes(content)


def assert_close(decoded: np.ndarray, song: np.ndarray) -> None:
    assert decoded.shape == song.shape
    # A lossy encoder's first and last frames are poor.
    assert np.abs(decoded - song)[2000:-2000].max(initial=0) < 0.05


@pytest.mark.parametrize("samples", [441, 1024, 44_100, 50_000])
@pytest.mark.parametrize("suffix", ["m4a", "mp4", "mov"])
def test_encoder_delay_and_padding_are_left_out(tmp_path, suffix, samples):
    path = tmp_path / f"song.{suffix}"
    encode(path, chirp(samples))
    decoded, rate = read_audio(path)
    assert rate == RATE
    assert_close(decoded, chirp(samples))


def test_itunes_states_the_length_in_a_tag(tmp_path):
    path = tmp_path / "song.m4a"
    encode(path, chirp(50_000), use_editlist="0")
    add_itunes_length(path, 1024, 49_900)
    with AudioReader.open(path) as reader:
        assert (reader.frames, reader.duration) == (49_900, 49_900 / RATE)
        assert_close(reader.read(), chirp(49_900))


def test_alac_is_lossless(tmp_path):
    encode(tmp_path / "song.m4a", chirp(10_000), codec="alac")
    with AudioReader.open(tmp_path / "song.m4a") as reader:
        assert reader.subtype == "PCM_16"
        assert np.abs(reader.read() - chirp(10_000)).max() <= 2**-16


def test_raw_aac_has_no_length_and_can_be_read(tmp_path):
    encode(tmp_path / "song.aac", chirp(50_000))
    with AudioReader.open(tmp_path / "song.aac") as reader:
        assert (reader.frames, reader.duration) == (None, None)
        decoded = reader.read()
    # Nothing states the encoder's delay of 1024 samples, nor its padding.
    assert len(decoded) == 50 * 1024
    assert_close(decoded[1024:][:49_000], chirp(49_000))


@pytest.mark.parametrize("block", [1, 1000, 1024, 10_000])
def test_blocks_and_parts(tmp_path, block):
    path = tmp_path / "song.m4a"
    encode(path, chirp(5000))
    with AudioReader.open(path) as reader:
        whole = reader.read()
        blocks = list(reader.blocks(block))
        assert all(len(part) == block for part in blocks[:-1])
        np.testing.assert_array_equal(np.concatenate(blocks), whole)
        part = reader.read(start=1500, stop=4000)
    np.testing.assert_array_equal(part, whole[1500:4000])


def test_each_stream_of_a_stem_file(tmp_path):
    songs = [np.roll(chirp(20_000), 700 * stem, axis=0) for stem in range(3)]
    path = tmp_path / "song.stem.mp4"
    encode(path, *songs)
    for stream, song in enumerate(songs):
        with AudioReader.open(path, stream=stream) as reader:
            assert reader.streams == 3
            assert_close(reader.read(), song)
    with pytest.raises(InputError, match=r"holds 3 audio stream.*Received: stream=3"):
        AudioReader.open(path, stream=3)


def test_real_stem_file(shared_data):
    path = shared_data / "songs/The Easton Ellises - Falcon 69.stem.mp4"
    mixture, *stems = (read_audio(path, stream=stream)[0] for stream in range(5))
    # The streams are separately mastered and compressed, so the sum is near the mixture only.
    residual = mixture - sum(stems)
    assert np.square(residual).mean() < 0.1 * np.square(mixture).mean()


@pytest.mark.parametrize(("options", "keep"), [({}, 0.5), ({"movflags": "faststart"}, 0.5)])
def test_truncated(tmp_path, options, keep):
    """Without "faststart" the index is at the end, and nothing is left to decode."""
    path = tmp_path / "song.m4a"
    encode(path, chirp(100_000), **options)
    os.truncate(path, int(keep * path.stat().st_size))
    with pytest.raises(InputError, match="truncated|cannot be decoded") as caught:
        read_audio(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_damaged_in_the_middle(tmp_path):
    path = tmp_path / "song.m4a"
    encode(path, chirp(100_000))
    content = bytearray(path.read_bytes())
    at = content.index(b"mdat") + 10_000
    content[at : at + 5000] = np.random.default_rng(0).bytes(5000)
    path.write_bytes(content)
    with pytest.raises(InputError, match="cannot be decoded") as caught:
        read_audio(path)
    assert str(caught.value).startswith(f"{path}: ")


def test_film_without_sound(tmp_path):
    path = tmp_path / "film.mp4"
    with av.open(path, "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width = stream.height = 32
        frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), format="rgb24")
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    with pytest.raises(InputError, match="holds no audio stream"):
        AudioReader.open(path)


def test_tags_that_are_not_unicode(tmp_path):
    path = tmp_path / "song.m4a"
    encode(path, chirp(30_000))
    content = path.read_bytes()
    assert b"SoundHandler" in content
    path.write_bytes(content.replace(b"SoundHandler", b"Caf\xe9 Handler"))
    assert read_audio(path)[0].shape == (30_000, 2)

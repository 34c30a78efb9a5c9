"""Audio files: reading, writing and rate conversion, each as a stream and whole."""

import os

import numpy as np

from zoo.audio.formats import FORMATS, check_writable, matching_subtype
from zoo.audio.reader import AudioReader
from zoo.audio.resample import Resampler, resampled, resampled_length
from zoo.audio.writer import AudioWriter

__all__ = [
    "FORMATS",
    "AudioReader",
    "AudioWriter",
    "Resampler",
    "check_writable",
    "matching_subtype",
    "read_audio",
    "resampled",
    "resampled_length",
]

_BLOCK = 1 << 17


def read_audio(
    path: str | os.PathLike,
    *,
    sample_rate: int | None = None,
    mono: bool = False,
    start: float = 0.0,
    duration: float | None = None,
    stream: int = 0,
) -> tuple[np.ndarray, int]:
    """Decodes a file, or a part of it, and converts its rate. Safe to call from many threads.

    Args:
        path: the audio file.
        sample_rate: samples per second of the result; the file's own when `None`.
        mono: whether to average the channels into one.
        start: where to begin, in seconds of the file.
        duration: seconds to read at most; to the end when `None`.
        stream: which of the file's audio streams, counted from 0.

    Returns:
        A float32 array (samples, channels), full scale at -1 and 1, and its sample rate. Without
        `duration` there are `resampled_length` samples; a part beyond the end is empty.

    Raises:
        InputError: the file cannot be read, is damaged or truncated, or has no samples or a NaN.
        ValueError: `start` or `duration` is negative, or `sample_rate` below 1.

    Example:
        >>> import soundfile, tempfile
        >>> path = tempfile.mkdtemp() + "/tone.wav"
        >>> soundfile.write(path, np.zeros((44100, 2)), 44100)
        >>> samples, rate = read_audio(path, sample_rate=8192, mono=True)
        >>> samples.shape, rate
        ((8192, 1), 8192)
    """
    if sample_rate is not None and sample_rate < 1:
        raise ValueError(f"A sample rate is at least 1 Hz. Received: {sample_rate=}")
    if start < 0:
        raise ValueError(f"A file starts at 0 seconds. Received: {start=}")
    if duration is not None and duration < 0:
        raise ValueError(f"A duration is not negative. Received: {duration=}")
    with AudioReader.open(path, stream=stream) as reader:
        first = round(start * reader.sample_rate)
        stop = None if duration is None else first + round(duration * reader.sample_rate)
        rate = sample_rate or reader.sample_rate
        blocks = reader.blocks(_BLOCK, start=first, stop=stop)
        if mono and reader.channels > 1:
            blocks = (block.mean(axis=1, keepdims=True) for block in blocks)
        parts = list(resampled(blocks, reader.sample_rate, rate))
        channels = 1 if mono else reader.channels
    empty = np.zeros((0, channels), np.float32)
    return np.concatenate(parts or [empty]), rate

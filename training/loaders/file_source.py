"""Samples that stay in their file until they are asked for."""

import os
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from zoo.audio.files import file_error
from zoo.errors import system_reason


class Header(NamedTuple):
    """What a file says of itself before it is decoded.

    Attributes:
        sample_rate: the file's own, in Hz.
        channels: how many a source returns.
        samples: of the part that is read, at the file's own rate; `None` where the file does not
            state it.
    """

    sample_rate: int
    channels: int
    samples: int | None


@dataclass(frozen=True)
class FileSource:
    """A source of a `Track`: a file, or a part of it, decoded by each call.

    It holds nothing but these arguments, so that it can be sent to another process.

    Args:
        path: the audio file.
        sample_rate: of the result, in Hz; `None` for the file's own.
        start: where to begin, in seconds of the file.
        duration: seconds to read; `None` for all that follow.
        stream: which of the file's audio streams, counted from 0; a `.stem.mp4` has five.
        channel: the one channel to return, counted from 0; `None` for all.

    Raises:
        ValueError: `start` is negative or `duration` not positive.

    Example:
        >>> import soundfile
        >>> soundfile.write("song.wav", np.zeros((8000, 2)), 8000)
        >>> voice = FileSource("song.wav", start=0.25, duration=0.5, channel=1)
        >>> voice().shape
        (4000, 1)
    """

    path: str | os.PathLike
    _: KW_ONLY
    sample_rate: int | None = None
    start: float = 0.0
    duration: float | None = None
    stream: int = 0
    channel: int | None = None

    def __post_init__(self):
        if not self.start >= 0:
            raise ValueError(f"A file starts at 0 seconds. Received: start={self.start}")
        if self.duration is not None and not self.duration > 0:
            raise ValueError(f"A duration is above 0 seconds. Received: duration={self.duration}")

    def __call__(self) -> np.ndarray:
        """Returns float32 `(samples, channels)`.

        Raises:
            InputError: the file cannot be read, or ends before the part does.
        """
        from zoo.audio import read_audio

        samples, rate = read_audio(
            self.path,
            sample_rate=self.sample_rate,
            start=self.start,
            duration=self.duration,
            stream=self.stream,
        )
        self._check_channel(samples.shape[1])
        wanted = 1 if self.duration is None else round(self.duration * rate)
        # The length is rounded at the file's rate and again at the result's.
        if len(samples) + 1 < wanted or not len(samples):
            raise file_error(self.path, f"ends before {self._part}")
        if self.channel is None:
            return samples
        return np.ascontiguousarray(samples[:, self.channel : self.channel + 1])

    def header(self) -> Header:
        """Returns what the file's header says.

        Raises:
            InputError: as a call, as far as the header tells.
        """
        from zoo.audio import AudioReader

        with AudioReader.open(self.path, stream=self.stream) as reader:
            rate, channels, frames = reader.sample_rate, reader.channels, reader.frames
        self._check_channel(channels)
        channels = channels if self.channel is None else 1
        first, stop = self.bounds(rate)
        if frames is not None and (first >= frames or (stop or 0) > frames):
            raise file_error(self.path, f"ends after {frames / rate:.3f} s, before {self._part}")
        if stop is not None:
            return Header(rate, channels, stop - first)
        return Header(rate, channels, None if frames is None else frames - first)

    def bounds(self, sample_rate: int) -> tuple[int, int | None]:
        """Returns the first sample and the one after the last (`None`: the file's end).

        Args:
            sample_rate: the file's own, in Hz.
        """
        first = round(self.start * sample_rate)
        if self.duration is None:
            return first, None
        return first, first + round(self.duration * sample_rate)

    def identity(self) -> str:
        """Returns a text that changes with what a call would return: caches go by it."""
        try:
            status = Path(self.path).stat()
        except OSError as error:
            raise file_error(self.path, f"cannot be read: {system_reason(error)}") from None
        return f"{self!r} {status.st_mtime_ns} {status.st_size}"

    @property
    def label(self) -> str:
        """The file in a song's message."""
        stream = f" stream {self.stream}" if self.stream else ""
        channel = "" if self.channel is None else f" channel {self.channel}"
        return f"{Path(self.path).name}{stream}{channel}"

    @property
    def _part(self) -> str:
        end = "" if self.duration is None else f" to {self.start + self.duration:g} s"
        return f"the part from {self.start:g} s{end}"

    def _check_channel(self, channels: int) -> None:
        if self.channel is not None and not 0 <= self.channel < channels:
            raise file_error(
                self.path, f"has {channels} channel(s), and channel {self.channel} is needed"
            )

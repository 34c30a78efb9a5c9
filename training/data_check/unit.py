"""What is decoded once: a stream of a file, or a part of it, in blocks, whatever happens."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.data_check.finding import shown
from training.loaders.file_source import FileSource
from training.tracks import Source
from zoo.errors import InputError

BLOCK = 1 << 15

_LOSSY_SUFFIXES = (".mp3", ".ogg", ".opus", ".m4a", ".mp4", ".aac", ".wma", ".webm")


@dataclass(frozen=True)
class Rendered:
    """A source that is no file: an array, or a function that returns one.

    Args:
        label: what messages call it.
        source: a track's.
        sample_rate: in Hz.
    """

    label: str
    source: Source
    sample_rate: int


class Unit:
    """A decoder that never raises.

    Attributes:
        where: the file, for messages.
        problem: why it cannot be decoded (further), or `None`.
        lossy: whether its format changes samples.
        sample_rate: in Hz; 0 where it could not be opened.
        channels: how many.

    Args:
        source: a file, of which all channels are decoded, or what is rendered.
    """

    def __init__(self, source: FileSource | Rendered):
        self.problem: str | None = None
        self.sample_rate = self.channels = 0
        self._reader = None
        if isinstance(source, Rendered):
            self.where, self.lossy = source.label, False
        else:
            stream = f" stream {source.stream}" if source.stream else ""
            self.where = f"{shown(source.path)}{stream}"
            self.lossy = Path(source.path).suffix.lower() in _LOSSY_SUFFIXES
        self._blocks = self._guarded(source)

    def next(self) -> np.ndarray | None:
        """Returns the next block, float32 `(samples, channels)`, or `None` after the last."""
        return next(self._blocks, None)

    def close(self) -> None:
        """Closes the file."""
        self._blocks.close()

    def _guarded(self, source: FileSource | Rendered) -> Iterator[np.ndarray]:
        blocks = self._rendered if isinstance(source, Rendered) else self._decoded
        try:
            yield from blocks(source)
        except InputError as error:
            path = "" if isinstance(source, Rendered) else shown(source.path)
            self.problem = str(error).removeprefix(f"{path}: ")
        except Exception as error:  # A decoder's surprise must not end the check of other files.
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            self.problem = f"cannot be decoded ({reason[:200]})"

    def _decoded(self, source: FileSource) -> Iterator[np.ndarray]:
        from zoo.audio import AudioReader

        replace(source, sample_rate=None).header()
        with AudioReader.open(source.path, stream=source.stream) as reader:
            self.sample_rate, self.channels = reader.sample_rate, reader.channels
            if min(self.sample_rate, self.channels) < 1:
                raise InputError("states no sample rate or no channels")
            first, stop = source.bounds(reader.sample_rate)
            position = first
            for block in reader.blocks(BLOCK, start=first, stop=stop):
                position += len(block)
                yield block
            if position == first or (stop is not None and position < stop):
                raise InputError(f"ends after {position / reader.sample_rate:.3f} s, too early")

    def _rendered(self, source: Rendered) -> Iterator[np.ndarray]:
        samples = source.source() if callable(source.source) else source.source
        self.sample_rate, self.channels = source.sample_rate, samples.shape[1]
        if not np.isfinite(samples).all():
            raise InputError("holds a NaN or infinite sample")
        for start in range(0, len(samples), BLOCK):
            yield samples[start : start + BLOCK]

"""Sources that are made of files: their sum, and silence as long as one of them."""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import reduce

import numpy as np

from training.loaders.file_source import FileSource, Header
from zoo.errors import InputError


@dataclass(frozen=True)
class SumSource:
    """The sum of files, which is made when it is asked for; one after the other is decoded.

    Args:
        parts: at least one; of the same rate, channels and length.

    Raises:
        InputError: by a call or `header`, if the parts differ, or one cannot be read.

    Example:
        >>> import soundfile
        >>> for name in ("lead", "backing"):
        ...     soundfile.write(f"{name}.wav", np.full((800, 1), 0.25), 8000)
        >>> SumSource((FileSource("lead.wav"), FileSource("backing.wav")))()[0, 0]
        np.float32(0.5)
    """

    parts: tuple[FileSource, ...]

    def __call__(self) -> np.ndarray:
        """Returns float32 `(samples, channels)`."""

        def add(total: np.ndarray, part: FileSource) -> np.ndarray:
            samples = part()
            if samples.shape != total.shape:
                raise self._differ({self.parts[0]: total.shape, part: samples.shape})
            return total + samples

        return reduce(add, self.parts[1:], self.parts[0]())

    def header(self) -> Header:
        """Returns what the files' headers say."""
        headers = {part: part.header() for part in self.parts}
        if len(set(headers.values())) > 1:
            raise self._differ({part: tuple(header) for part, header in headers.items()})
        return headers[self.parts[0]]

    def identity(self) -> str:
        """As `FileSource.identity`."""
        return " + ".join(part.identity() for part in self.parts)

    def at_rate(self, sample_rate: int) -> "SumSource":
        """The same at another sample rate, in Hz."""
        return SumSource(tuple(replace(part, sample_rate=sample_rate) for part in self.parts))

    @property
    def label(self) -> str:
        """The files in a song's message."""
        return " + ".join(part.label for part in self.parts)

    def _differ(self, found: dict[FileSource, tuple]) -> InputError:
        listed = ", ".join(f"{part.label} {facts}" for part, facts in found.items())
        return InputError(f"{self.parts[0].path}: files to be summed differ in form: {listed}")


@dataclass(frozen=True)
class Silence:
    """Silence in the form of a file: the stem of an instrument that does not play in a song.

    Args:
        like: the file whose rate, channels and length it has.
        sample_rate: of the result, in Hz; `None` for the file's own.
    """

    like: FileSource
    _: KW_ONLY
    sample_rate: int | None = None

    def __call__(self) -> np.ndarray:
        """Returns float32 zeros `(samples, channels)`."""
        from zoo.audio import resampled_length

        header = self.header()
        if header.samples is None:
            return np.zeros_like(replace(self.like, sample_rate=self.sample_rate)())
        rate = self.sample_rate or header.sample_rate
        samples = resampled_length(header.samples, header.sample_rate, rate)
        return np.zeros((samples, header.channels), "float32")

    def header(self) -> Header:
        """Returns what the file's header says."""
        return self.like.header()

    def identity(self) -> str:
        """As `FileSource.identity`."""
        return f"silence {self.sample_rate} {self.like.identity()}"

    @property
    def label(self) -> str:
        """The file in a song's message."""
        return f"silence like {self.like.label}"


def sum_of(files: Sequence[FileSource], like: FileSource) -> FileSource | SumSource | Silence:
    """The simplest source of the sum of so many files; silence like another for none."""
    if not files:
        return Silence(like)
    return files[0] if len(files) == 1 else SumSource(tuple(files))

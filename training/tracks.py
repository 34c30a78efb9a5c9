"""A song with its stems, decoded only when asked for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np

Source = np.ndarray | Callable[[], np.ndarray]


def _load(source: Source) -> np.ndarray:
    return source() if callable(source) else source


@dataclass(frozen=True)
class Track:
    """One song: a mixture and the stems it is made of.

    A source is a float32 array `(samples, channels)` in [-1, 1], or a function without arguments
    that returns one: a track of a thousand-song corpus costs nothing until it is loaded.

    Args:
        name: what reports and caches call the song; unique in a corpus.
        sample_rate: of every source, in Hz.
        mixture: the mixture's source; `None` for the sum of the stems in mapping order.
        stems: stem name -> source.
        split: `"train"`, `"validation"` or `"test"`, where a corpus says.

    Example:
        >>> track = Track("hum", 8192, None, {"vocals": np.zeros((8192, 1), "float32")})
        >>> track.load_mixture().shape
        (8192, 1)
    """

    name: str
    sample_rate: int
    mixture: Source | None
    stems: Mapping[str, Source]
    split: str | None = None

    def load_stem(self, stem: str) -> np.ndarray:
        """Returns a stem's samples, float32 `(samples, channels)`."""
        return _load(self.stems[stem])

    def load_mixture(self) -> np.ndarray:
        """Returns the mixture's samples, float32 `(samples, channels)`."""
        if self.mixture is not None:
            return _load(self.mixture)
        return reduce(np.add, (self.load_stem(stem) for stem in self.stems))

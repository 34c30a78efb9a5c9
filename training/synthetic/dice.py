"""Random numbers of one stem: its decisions and its noise, kept apart."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter1d


class Dice:
    """Draws the decisions of one part of one song.

    Decisions (notes, timbres, gains) and audio noise come from two generators. The number of noise
    samples depends on the sample rate; the decisions must not, so that a song keeps its notes at
    every rate.

    Args:
        seed: what fixes every draw.

    Example:
        >>> Dice(np.random.SeedSequence([7, 0])).uniform(62, 175) < 175
        True
    """

    def __init__(self, seed: np.random.SeedSequence):
        decisions, noise = np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key).spawn(2)
        self._decisions = np.random.default_rng(decisions)
        self._noise = np.random.default_rng(noise)

    def uniform(self, low: float, high: float, size: int | None = None) -> Any:
        return self._decisions.uniform(low, high, size)

    def log_uniform(self, low: float, high: float, size: int | None = None) -> Any:
        return np.exp(self._decisions.uniform(np.log(low), np.log(high), size))

    def normal(self, mean: float, deviation: float, size: int | tuple | None = None) -> Any:
        return self._decisions.normal(mean, deviation, size)

    def chance(self, probability: float) -> bool:
        return bool(self._decisions.random() < probability)

    def integer(self, low: int, high: int) -> int:
        """Returns an integer in `low .. high - 1`."""
        return int(self._decisions.integers(low, high))

    def pick(self, options: Sequence, weights: Sequence[float] | None = None) -> Any:
        """Returns one of the options; `weights` need not sum to one."""
        if weights is None:
            return options[self.integer(0, len(options))]
        edges = np.cumsum(weights)
        return options[int(np.searchsorted(edges, self._decisions.random() * edges[-1], "right"))]

    def subset(self, options: Sequence, count: int) -> list:
        """Returns `count` different options in random order."""
        return [options[i] for i in self._decisions.permutation(len(options))[:count]]

    def pattern(self, steps: int, density: float) -> np.ndarray:
        """Returns a boolean rhythm `(steps,)` in which each step sounds with chance `density`."""
        return self._decisions.random(steps) < density

    def wander(self, points: int, smoothness: float) -> np.ndarray:
        """Returns a random curve `(points,)`: white noise smoothed over `smoothness` points.

        Its deviation is that of the smoothed noise, `(2 * smoothness * sqrt(pi)) ** -0.5`.
        """
        return gaussian_filter1d(self._decisions.standard_normal(points), smoothness)

    def white(self, samples: int) -> np.ndarray:
        """Returns white audio noise, float32 `(samples,)`, of unit variance."""
        return self._noise.standard_normal(samples, dtype=np.float32)

"""The grids that a song is described on, and how they meet samples.

Curves (pitch, loudness) have 128 points per second, spectral envelopes a fixed grid of frequencies.
Neither depends on the sample rate: the rate only decides how finely they are read.
"""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

CONTROL_RATE = 128
_LINEAR_TOP = 4096.0
FREQUENCIES = np.concatenate(
    [np.arange(0.0, _LINEAR_TOP, 32.0), np.geomspace(_LINEAR_TOP, 24000.0, 25)]
).astype(np.float32)
"""Frequencies in Hz of every spectral envelope: 32 Hz apart to 4096 Hz, then ten to the octave."""


@dataclass(frozen=True)
class Clock:
    """Time and frequency grids of one rendering.

    Args:
        duration: in seconds.
        sample_rate: in Hz.
        channels: 1 or 2.

    Example:
        >>> Clock(2.0, 8192).upsample(np.ones(257)).shape
        (16384,)
    """

    duration: float
    sample_rate: int
    channels: int = 1

    @property
    def samples(self) -> int:
        return round(self.duration * self.sample_rate)

    @property
    def points(self) -> int:
        """Number of points of a control curve, both ends included."""
        return math.ceil(self.duration * CONTROL_RATE) + 1

    @property
    def times(self) -> np.ndarray:
        """Times in seconds of the control points."""
        return np.arange(self.points) / CONTROL_RATE

    @property
    def frame_step(self) -> int:
        """Samples between two render frames: a power of two, about one control point."""
        return 2 ** math.floor(math.log2(self.sample_rate / 120))

    @cached_property
    def frame_positions(self) -> np.ndarray:
        """The render frames' places on the control grid, in points."""
        frames = -(-self.samples // self.frame_step) + 1
        positions = np.arange(frames) * (self.frame_step * CONTROL_RATE / self.sample_rate)
        return np.minimum(positions, self.points - 1)

    @cached_property
    def frequencies(self) -> np.ndarray:
        """The part of `FREQUENCIES` that this sample rate can hear, and one point above."""
        count = int(np.searchsorted(FREQUENCIES, self.sample_rate / 2)) + 1
        return FREQUENCIES[:count]

    @property
    def top(self) -> float:
        """The highest frequency in Hz that a partial may have."""
        return 0.48 * self.sample_rate

    def point(self, seconds: float) -> int:
        """Returns the control point at a time, within the song."""
        return int(np.clip(int(seconds * CONTROL_RATE), 0, self.points))

    def length(self, seconds: float) -> int:
        """Returns a duration in whole control points, at least one."""
        return max(1, int(seconds * CONTROL_RATE))

    def upsample(self, curve: np.ndarray) -> np.ndarray:
        """Returns a control curve `(points,)` at the sample rate, float32 `(samples,)`."""
        nodes = np.interp(self.frame_positions, np.arange(self.points), curve).astype(np.float32)
        ramp = np.arange(self.frame_step, dtype=np.float32) / self.frame_step
        return (nodes[:-1, None] + np.diff(nodes)[:, None] * ramp).ravel()[: self.samples]

    def loudness(self, signal: np.ndarray) -> np.ndarray:
        """Returns the RMS of a signal `(samples,)` around each control point, `(points,)`."""
        step = self.frame_step
        blocks = np.zeros((len(self.frame_positions) - 1) * step, np.float32)
        blocks[: self.samples] = signal
        blocks = blocks.reshape(-1, step)
        rms = np.sqrt(np.einsum("ij,ij->i", blocks, blocks) / step)
        return np.interp(np.arange(self.points), self.frame_positions[:-1], rms)

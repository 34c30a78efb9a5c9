"""Levels: how loud each stem is, and the peak that it must keep below."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from training.synthetic.dice import Dice

_ACCOMPANIMENT = {
    "drums": (0.0, 4.0),
    "bass": (-1.0, 3.0),
    "harmony": (-6.0, 4.0),
    "harmony_2": (-9.0, 5.0),
    "lead": (-9.0, 5.0),
    "effects": (-18.0, 5.0),
}
"""Level in dB of each accompanying stem, and how far it may be from that."""
_CREST = {
    "vocals": 5.0,
    "drums": 6.0,
    "bass": 3.5,
    "harmony": 4.5,
    "harmony_2": 4.5,
    "lead": 4.5,
    "effects": 4.5,
}
"""Room for peaks over the RMS that each stem gets."""
STEMS = tuple(_CREST)
_BLOCK_SECONDS = 0.004


@dataclass(frozen=True)
class Level:
    """What one stem is brought to.

    Args:
        rms: while it sounds.
        peak: largest absolute sample. The peaks of all stems of a song sum to less than 1.
    """

    rms: float
    peak: float


def draw_levels(dice: Dice) -> dict[str, Level]:
    """Returns the level of each stem; vocals are -9 to +6 dB against the accompaniment."""
    decibels = {
        stem: dice.uniform(mean - d, mean + d) for stem, (mean, d) in _ACCOMPANIMENT.items()
    }
    rms = {stem: 10 ** (value / 20) for stem, value in decibels.items()}
    accompaniment = math.sqrt(sum(value**2 for value in rms.values()))
    rms["vocals"] = accompaniment * 10 ** (dice.uniform(-9, 6) / 20)
    scale = 0.998 / sum(rms[stem] * _CREST[stem] for stem in STEMS)
    return {
        stem: Level(rms=scale * rms[stem], peak=scale * rms[stem] * _CREST[stem]) for stem in STEMS
    }


def set_level(signal: np.ndarray, sample_rate: int, level: Level) -> np.ndarray:
    """Returns a stem at its level, float32 `(samples, channels)`; peaks above it are pressed down.

    The level is measured where the stem sounds, so that a stem with long rests is not louder.

    Args:
        signal: `(channels, samples)`.
        sample_rate: in Hz.
        level: RMS and peak to reach.
    """
    channels, samples = signal.shape
    block = max(1, int(_BLOCK_SECONDS * sample_rate))
    blocks = -(-samples // block)
    grid = np.zeros((channels, blocks, block), np.float32)
    grid.reshape(channels, -1)[:, :samples] = signal
    power = np.einsum("ijk,ijk->j", grid, grid) / (channels * block)
    sounding = power > 1e-3 * power.max(initial=0)
    if not sounding.any():
        return np.zeros((samples, channels), np.float32)
    gain = level.rms / math.sqrt(power[sounding].mean())
    peaks = np.maximum(grid.max(axis=(0, 2)), -grid.min(axis=(0, 2))) * gain
    grid *= _limiter(peaks / level.peak, block) * np.float32(gain)
    return np.ascontiguousarray(grid.reshape(channels, -1)[:, :samples].T)


def _limiter(excess: np.ndarray, block: int) -> np.ndarray:
    """Returns gains `(blocks, block)` that yield before a peak comes.

    The least gain needed within reach, averaged over a shorter reach: never more than needed.
    """
    reach = 5
    needed = minimum_filter1d(1 / np.maximum(1, excess), 2 * reach + 1)
    nodes = uniform_filter1d(needed, 2 * reach - 1)
    nodes = np.append(nodes, nodes[-1]).astype(np.float32)
    ramp = np.arange(block, dtype=np.float32) / block
    return nodes[:-1, None] + np.diff(nodes)[:, None] * ramp

"""Remixing of stems across songs, drawn in the tf.data graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from training.bank import Bank
from training.draws import Draw, random_positions, shuffled_songs
from zoo.errors import InputError

REFERENCE_LEVEL = 0.1


def _decibels(value):
    return tf.pow(10.0, value / 20.0)


@dataclass(frozen=True)
class Remix:
    """How stems of different songs become one mixture.

    The defaults are those of the project's experiment with synthetic songs. Levels are relative
    ones: a stem is scaled by the level of its song's accompaniment, so that bass and drums keep
    their place, and the foreground by its own.

    Args:
        foreground: the stem that is set against all others.
        coherent: share of patches whose stems come from one song and position.
        foreground_level_db: range of the foreground's level over the accompaniment's, in dB.
        without_foreground: share of patches without the foreground.
        foreground_only: share of patches with the accompaniment 30 dB down.
        second_foreground: share of patches with the foreground of a second song on top.
        stem_gain_db: each accompaniment stem is made louder or softer by up to this, in dB.
        equalizer_db: standard deviation of each stem's random equaliser at its points, in dB.
        equalizer_points: points of the equaliser's curve, evenly spaced over the logarithm of
            frequency.
        level_db: range of a gain of the whole mixture, in dB. It matters to networks for waveforms,
            which see the level; without it, accompaniments have an RMS of about 0.1.

    Example:
        >>> remix = Remix(foreground_level_db=(-6.0, 3.0), coherent=0.5)
        >>> remix.stem_gain_db
        5.0
    """

    foreground: str = "vocals"
    coherent: float = 1 / 3
    foreground_level_db: tuple[float, float] = (-9.0, 6.0)
    without_foreground: float = 0.06
    foreground_only: float = 0.03
    second_foreground: float = 0.1
    stem_gain_db: float = 5.0
    equalizer_db: float = 4.0
    equalizer_points: int = 7
    level_db: tuple[float, float] = (0.0, 0.0)

    def __post_init__(self):
        shares = ("coherent", "without_foreground", "foreground_only", "second_foreground")
        for name in shares:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share. Received: {name}={getattr(self, name)}")
        for name in ("foreground_level_db", "level_db"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"a range goes from low to high. Received: {name}=({low}, {high})")
            # TOML has no tuples: a list would make the dataclass unhashable.
            object.__setattr__(self, name, (low, high))

    def check(self, stems: Sequence[str]) -> None:
        """Raises `InputError` unless there is a foreground and something to set it against."""
        if self.foreground not in stems:
            raise InputError(
                f"remix: the songs have no stem {self.foreground!r}, they have {', '.join(stems)}"
            )
        if len(stems) < 2:
            raise InputError(f"remix: the songs have no stem besides {self.foreground!r}")

    @property
    def equalizes(self) -> bool:
        """Whether stems go through equalisers at all."""
        return self.equalizer_db != 0

    def draw(
        self,
        bank: Bank,
        length: int,
        *,
        key,
        number,
        patches: int,
        targets: Mapping[str, Sequence[int]] | None = None,
    ) -> Draw:
        """Draws one patch.

        Args:
            bank: the songs.
            length: of a patch, in samples.
            key: int64 scalar, the epoch's seed.
            number: int64 scalar, the patch's number in its epoch.
            patches: patches of an epoch, a multiple of the number of songs: in each row each song
                is drawn equally often.
            targets: not looked at: every stem is drawn for itself.
        """
        foreground = bank.stems.index(self.foreground)
        # The last part is the second foreground, most often silent.
        rows = (*range(len(bank.stems)), foreground)
        kind, coherence, second = tf.unstack(
            tf.random.stateless_uniform([3], tf.stack([key, number]))
        )
        where, loudness = tf.unstack(
            tf.random.stateless_uniform([2, len(rows)], tf.stack([~key, number]))
        )
        coherent = coherence < self.coherent
        songs = shuffled_songs(bank, key, number, patches, len(rows))
        songs = tf.where(coherent, songs[foreground], songs)
        where = tf.where(coherent, where[foreground], where)

        silent = kind < self.without_foreground
        alone = (kind >= 1 - self.foreground_only) & ~silent
        foreground_gain = tf.where(silent, 0.0, 1.0)
        second_gain = tf.where(~coherent & (second < self.second_foreground), foreground_gain, 0.0)
        background_gain = tf.where(alone, _decibels(-30.0), 1.0)
        switches = [background_gain] * len(bank.stems) + [second_gain]
        switches[foreground] = foreground_gain
        gains = self._levels(bank, np.array(rows) == foreground, songs, loudness)
        low, high = self.level_db
        if low < high:
            level = tf.random.stateless_uniform([], tf.stack([~key, ~number]), low, high)
        else:
            level = low
        switches = tf.stack(switches) * _decibels(level)
        positions = random_positions(bank, songs, where, length)
        return Draw(rows, songs, positions, gains * switches)

    def _levels(self, bank: Bank, is_foreground: np.ndarray, songs, loudness) -> tf.Tensor:
        """Gains `(parts,)` that bring parts to their levels, `loudness` in [0, 1) of the range."""
        foreground = bank.stems.index(self.foreground)
        levels = tf.gather(bank.levels, songs)  # (parts, rows)
        others = [row for row in range(len(bank.stems)) if row != foreground]
        background = tf.sqrt(tf.reduce_sum(tf.square(tf.gather(levels, others, axis=1)), axis=1))
        level = tf.where(is_foreground, levels[:, foreground], background)
        low, high = self.foreground_level_db
        gain_db = tf.where(
            is_foreground, low + loudness * (high - low), (2 * loudness - 1) * self.stem_gain_db
        )
        return tf.math.divide_no_nan(REFERENCE_LEVEL, level) * _decibels(gain_db)

    def equalizers(self, stems: int, bins: int, *, key, number) -> tf.Tensor:
        """Draws a smooth gain curve for each stem, float32 `(stems, bins)`, linear."""
        frequency = np.log2(np.maximum(np.arange(bins), 1)) / np.log2(bins - 1)
        points = np.linspace(0.35, 1.0, self.equalizer_points)
        distance = (frequency - points[:, None]) / (points[1] - points[0])
        # Raised cosines that overlap by half add up to one: (points, bins).
        basis = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance, -1, 1))
        basis[0, frequency < points[0]] = 1.0
        # Complements of key and number keep the draws of a patch apart.
        curve = tf.random.stateless_normal([stems, self.equalizer_points], tf.stack([key, ~number]))
        return _decibels(self.equalizer_db * tf.matmul(curve, basis.astype("float32")))

"""Remixing of stems across songs, drawn in the tf.data graph."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from training.bank import SongBank

REFERENCE_LEVEL = 0.1


@dataclass(frozen=True)
class Draw:
    """Where a patch's parts come from: one entry a part.

    Args:
        rows: the bank's row of each part.
        songs: int64 `(parts,)`.
        positions: first samples, int64 `(parts,)`.
        gains: linear, float32 `(parts,)`.
    """

    rows: tuple[int, ...]
    songs: tf.Tensor
    positions: tf.Tensor
    gains: tf.Tensor

    def waveforms(self, bank: SongBank, length: int) -> list[tf.Tensor]:
        """One waveform `(length,)` for each row of the bank's stems: parts of a row are added."""
        sums: dict[int, tf.Tensor] = {}
        for part, row in enumerate(self.rows):
            segment = bank.segment(row, self.songs[part], self.positions[part], length)
            segment = segment * self.gains[part]
            sums[row] = sums[row] + segment if row in sums else segment
        return [sums[row] for row in sorted(sums)]


def shuffled_songs(bank: SongBank, key, number, patches: int, count: int) -> tf.Tensor:
    """Draws `count` songs for a patch, int64 `(count,)`.

    In each of the `count` places the patches of an epoch visit every song equally often, in an
    order of the place's own.

    Args:
        key: int64 scalar, the epoch's seed.
        number: int64 scalar, the patch's number in its epoch.
        patches: patches of an epoch, a multiple of the number of songs.
    """
    places = tf.range(count, dtype=tf.int64)
    seeds = tf.stack([tf.fill([count], key), places, places], axis=1)  # (count, 3)
    # The raw operator: the public function pads seeds for several places along the wrong axis.
    shuffled = tf.raw_ops.RandomIndexShuffle(
        index=tf.fill([count], number),
        seed=seeds,
        max_index=tf.constant(patches - 1, tf.int64),
        rounds=4,
    )
    return shuffled % bank.size


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

    def __post_init__(self):
        shares = ("coherent", "without_foreground", "foreground_only", "second_foreground")
        for name in shares:
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is a share. Received: {name}={getattr(self, name)}")
        low, high = self.foreground_level_db
        if low > high:
            raise ValueError(
                f"a range goes from low to high. Received: foreground_level_db=({low}, {high})"
            )
        # TOML has no tuples: a list would make the dataclass unhashable.
        object.__setattr__(self, "foreground_level_db", (low, high))

    def draw(self, bank: SongBank, length: int, *, key, number, patches: int) -> Draw:
        """Draws one patch.

        Args:
            bank: the songs.
            length: of a patch, in samples.
            key: int64 scalar, the epoch's seed.
            number: int64 scalar, the patch's number in its epoch.
            patches: patches of an epoch, a multiple of the number of songs: in each row each song
                is drawn equally often.
        """
        foreground = bank.stems.index(self.foreground)
        rows = (*range(len(bank.stems)), foreground)
        parts = len(rows)
        is_foreground = np.array([row == foreground for row in rows])

        songs = shuffled_songs(bank, key, number, patches, parts)
        uniform = tf.random.stateless_uniform([parts, 3], tf.stack([key, number]))
        choice = tf.unstack(uniform[:, 0])
        coherent = choice[0] < self.coherent
        first = np.zeros(parts, "int64")
        songs = tf.where(coherent, tf.gather(songs, first), songs)
        where = tf.where(coherent, tf.gather(uniform[:, 1], first), uniform[:, 1])
        room = tf.cast(tf.gather(bank.lengths, songs) - length + 1, tf.float32)
        positions = tf.cast(where * room, tf.int64)

        own_level = tf.gather(bank.levels[:, foreground], songs)
        background = np.delete(bank.levels[:, : len(bank.stems)], foreground, axis=1)
        song_level = tf.gather(np.sqrt(np.sum(background**2, axis=1)), songs)
        level = tf.where(is_foreground, own_level, song_level)
        low, high = self.foreground_level_db
        spread = uniform[:, 2]
        gain_db = tf.where(
            is_foreground, low + spread * (high - low), (2 * spread - 1) * self.stem_gain_db
        )
        silenced = choice[1] < self.without_foreground
        alone = (choice[1] >= 1 - self.foreground_only) & ~silenced
        gains = tf.math.divide_no_nan(REFERENCE_LEVEL, level) * _decibels(gain_db)
        gains *= tf.where(is_foreground & silenced, 0.0, 1.0)
        gains *= tf.where(~is_foreground & alone, _decibels(-30.0), 1.0)
        second = ~coherent & (choice[2] < self.second_foreground)
        is_second = np.arange(parts) == parts - 1
        gains = tf.where(is_second & ~second, 0.0, gains)
        return Draw(rows, songs, positions, gains)

    def equalizers(self, stems: int, bins: int, *, key, number) -> tf.Tensor:
        """Draws a smooth gain curve for each stem, float32 `(stems, bins)`, linear."""
        frequency = np.log2(np.maximum(np.arange(bins), 1)) / np.log2(bins - 1)
        points = np.linspace(0.35, 1.0, self.equalizer_points)
        distance = (frequency - points[:, None]) / (points[1] - points[0])
        # Raised cosines that overlap by half add up to one: (points, bins).
        basis = 0.5 + 0.5 * np.cos(np.pi * np.clip(distance, -1, 1))
        basis[0, frequency < points[0]] = 1.0
        # The complement of the patch's number keeps these draws apart from those of `draw`.
        curve = tf.random.stateless_normal([stems, self.equalizer_points], tf.stack([key, ~number]))
        return _decibels(self.equalizer_db * tf.matmul(curve, basis.astype("float32")))

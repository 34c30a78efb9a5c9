"""Which song and place a patch or segment is cut from: stateless draws in the tf.data graph."""

from dataclasses import dataclass

import tensorflow as tf

from training.bank import Bank


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

    def waveforms(self, bank: Bank, length: int, *, lead: int = 0) -> list[tf.Tensor]:
        """One waveform for each row of the bank's stems: parts of a row are added.

        Args:
            bank: the songs.
            length: in samples.
            lead: how many of them come before the positions.

        Returns:
            float32 `(length, channels)` each.
        """
        sums: dict[int, tf.Tensor] = {}
        for part, row in enumerate(self.rows):
            segment = bank.segment(row, self.songs[part], self.positions[part] - lead, length)
            segment = segment * self.gains[part]
            sums[row] = sums[row] + segment if row in sums else segment
        return [sums[row] for row in sorted(sums)]


def shuffled_numbers(number, size, *, key, count: int = 1) -> tf.Tensor:
    """Where a number lands in random orders of the numbers below `size`, int64 `(count,)`.

    Args:
        number: int64 scalar.
        size: how many numbers there are.
        key: int64 scalar, fixes the orders.
        count: of orders.
    """
    # The operator sees the lower half of each seed only; by seeds with few bits set, or in four
    # rounds, it leaves many a number where it was. The public function pads seeds for several
    # places along the wrong axis.
    seeds = tf.random.stateless_uniform(
        [count, 3], tf.stack([key, ~key]), minval=None, maxval=None, dtype=tf.int32
    )
    return tf.raw_ops.RandomIndexShuffle(
        index=tf.fill([count], number),
        seed=seeds,
        max_index=tf.cast(size, tf.int64) - 1,
        rounds=8,
    )


def shuffled_songs(bank: Bank, key, number, patches: int, count: int) -> tf.Tensor:
    """Draws `count` songs for a patch, int64 `(count,)`.

    In each of the `count` places the patches of an epoch visit every song equally often, in an
    order of the place's own.

    Args:
        key: int64 scalar, the epoch's seed.
        number: int64 scalar, the patch's number in its epoch.
        patches: patches of an epoch, a multiple of the number of songs; or, where an epoch goes
            through several banks, of this one.
    """
    shuffled = shuffled_numbers(number - bank.first, patches, key=key, count=count)
    return shuffled % bank.size


def random_positions(bank: Bank, songs, where, length: int) -> tf.Tensor:
    """Turns random numbers into positions at which a segment fits into its song.

    Args:
        songs: int64 `(count,)`.
        where: float32 `(count,)` in [0, 1).
        length: of a segment, in samples.

    Returns:
        int64 `(count,)`.
    """
    first, count = bank.places(songs, length)
    positions = tf.cast(where * tf.cast(count, tf.float32), tf.int64)
    # In single precision a number just below one may land on the end.
    return first + tf.minimum(positions, count - 1)


def random_place(bank: Bank, key, number, patches: int, length: int):
    """Draws one song and a position in it.

    Args:
        bank, key, number, patches: as for `shuffled_songs`.
        length: of a segment, in samples.

    Returns:
        Song and position, each int64 `(1,)`.
    """
    song = shuffled_songs(bank, key, number, patches, 1)
    where = tf.random.stateless_uniform([1], tf.stack([key, number]))
    return song, random_positions(bank, song, where, length)

"""Sources of one song, each made softer by its own random gain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import tensorflow as tf

from training.bank import Bank
from training.draws import Draw, random_place


@dataclass(frozen=True)
class SourceGains:
    """The Wave-U-Net's augmentation: each source times a random gain, the mixture is their sum.

    All sources come from one song and position. The stems that add up to one target share its
    gain; one that belongs to several targets has the first one's, one that belongs to none has
    its own.

    Source: Stoller, Ewert, Dixon, "Wave-U-Net", ISMIR 2018, section 4.1.

    Args:
        low: smallest gain, linear.
        high: largest gain, linear.

    Example:
        >>> SourceGains(low=0.5).high
        1.0
    """

    low: float = 0.7
    high: float = 1.0

    def __post_init__(self):
        if not 0 <= self.low <= self.high < float("inf"):
            raise ValueError(
                "gains go from a low one, zero or more, to a high one. "
                f"Received: low={self.low}, high={self.high}"
            )

    @property
    def equalizes(self) -> bool:
        """Whether stems go through equalisers: they do not."""
        return False

    def check(self, stems: Sequence[str]) -> None:
        """Any stems will do."""

    def draw(
        self,
        bank: Bank,
        length: int,
        *,
        key,
        number,
        patches: int,
        targets: Mapping[str, Sequence[int]],
    ) -> Draw:
        """Draws one segment: song and position as without augmentation, and gains.

        Args:
            bank: the songs.
            length: of a segment, in samples.
            key: int64 scalar, the epoch's seed.
            number: int64 scalar, the segment's number in its epoch.
            patches: segments of an epoch, a multiple of the number of songs.
            targets: target name -> the bank's rows that add up to it.
        """
        rows = range(len(bank.stems))
        owners = {row: target for target, of in reversed(targets.items()) for row in of}
        groups = list(dict.fromkeys(owners.get(row, row) for row in rows))
        gains = tf.random.stateless_uniform(
            [len(groups)], tf.stack([~key, number]), self.low, self.high
        )
        gains = tf.gather(gains, [groups.index(owners.get(row, row)) for row in rows])
        song, position = random_place(bank, key, number, patches, length)
        return Draw(tuple(rows), tf.repeat(song, len(rows)), tf.repeat(position, len(rows)), gains)

"""Patches of spectrograms that were computed beforehand."""

from collections.abc import Sequence

import tensorflow as tf

from training.bank import Bank
from training.patches import finished_patch
from zoo.front_end import FrontEnd


class MagnitudeMaker:
    """Makes one (mixture, {target: patch}[, weight]) of a bank of magnitudes.

    Args:
        bank: whose samples are frames, and whose channels are those of the front end, each with
            all its bins.
        front_end: that made them.
        targets: rows of the bank.
        energy_weights: whether to return a weight.
    """

    unit = "patches"

    def __init__(
        self, bank: Bank, front_end: FrontEnd, targets: Sequence[str], *, energy_weights: bool
    ):
        self.bank = bank
        self.front_end = front_end
        self.targets = tuple(targets)
        self.energy_weights = energy_weights
        self.length = front_end.frames
        self.reach = 0, self.length

    def original(self, song, position):
        """The mixture's patch, and its targets at the same place.

        Args:
            song: int64 scalar tensor.
            position: int64 scalar tensor, the first frame.
        """
        mixture, *targets = (
            self._magnitude(self.bank.segment(row, song, position, self.length))
            for row in map(self.bank.rows.index, (self.bank.rows[-1], *self.targets))
        )
        return finished_patch(
            self.front_end,
            mixture,
            dict(zip(self.targets, targets, strict=True)),
            energy_weights=self.energy_weights,
        )

    def _magnitude(self, frames):
        """`(frames, channels * bins)` -> `(channels, frames, bins)`."""
        channels, bins = self.front_end.channels, self.front_end.bins
        if channels == 1:
            return frames[None]
        return tf.transpose(tf.reshape(frames, (self.length, channels, bins)), (1, 0, 2))

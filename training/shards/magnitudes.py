"""Patches of spectrograms that were computed beforehand."""

from collections.abc import Sequence

from training.bank import Bank
from training.patches import finished_patch
from zoo.front_end import FrontEnd


class MagnitudeMaker:
    """Makes one (mixture, {target: patch}[, weight]) of a bank of magnitudes.

    Args:
        bank: whose samples are frames, and whose channels are bins.
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
            self.bank.segment(self.bank.rows.index(row), song, position, self.length)[None]
            for row in (self.bank.rows[-1], *self.targets)
        )
        return finished_patch(
            self.front_end,
            mixture,
            dict(zip(self.targets, targets, strict=True)),
            energy_weights=self.energy_weights,
        )

"""What every transform of stems offers."""

from collections.abc import Sequence
from typing import Protocol


class Transform(Protocol):
    """Changes the stems of one example at random, in the tf.data graph."""

    def check(self, stems: Sequence[str]) -> None:
        """Raises `InputError` unless songs with these stems can be transformed."""

    def __call__(self, waveforms, *, stems: Sequence[str], sample_rate: int, key, number):
        """Returns the stems, changed.

        Args:
            waveforms: one float32 tensor `(samples, channels)` for each stem.
            stems: their names.
            sample_rate: in Hz.
            key: int64 scalar tensor, seed of the epoch and of this transform.
            number: int64 scalar tensor, the example's number in its epoch.
        """

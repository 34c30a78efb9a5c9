"""Additive noise."""

from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from training.transforms.transform import StemTransform, between


@dataclass(frozen=True)
class Noise(StemTransform):
    """Adds white Gaussian noise, which becomes a part of the stem, and so of its target.

    To teach a network to put noise elsewhere, name the stem that it shall be a part of, such as
    `stems=("other",)`, and set `relative=False`.

    Args:
        level_db: range of the noise's RMS level in dB, drawn evenly; with `relative`, it is minus
            the signal-to-noise ratio.
        relative: whether the level is one over the stem's own RMS level in the example, so that
            silence stays silent, or over full scale, where RMS is 1.
        probability, stems, together: as for every transform of single stems. The noise itself is
            different in every stem and channel.

    Example:
        >>> Noise((-60.0, -30.0), probability=0.3).relative
        True
    """

    name: ClassVar[str] = "noise"

    level_db: tuple[float, float] = (-60.0, -30.0)
    relative: bool = True

    def change(self, waveform, applies, where, *, sample_rate: int, seed):
        def noisy():
            level = tf.pow(10.0, between(*self.level_db, where) / 20)
            if self.relative:
                level *= tf.sqrt(tf.reduce_mean(tf.square(waveform)))
            return waveform + level * tf.random.stateless_normal(waveform.shape, seed)

        return tf.cond(applies, noisy, lambda: waveform)

    def words(self, where: float) -> str:
        return f"noise {between(*self.level_db, where):.0f} dB"

"""Transforms that multiply a stem by one number: gain, polarity, silence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import tensorflow as tf

from training.transforms.transform import StemTransform, Transform, between
from zoo.errors import InputError


@dataclass(frozen=True)
class Gain(StemTransform):
    """Makes stems louder or softer.

    Uhlich et al., "Improving Music Source Separation Based on Deep Neural Networks through Data
    Augmentation and Network Blending", ICASSP 2017, section 3, draw such gains for each instrument.
    Networks for spectrograms see relative levels only where patches are divided by their peak.

    Args:
        gain_db: range of the gain in dB, drawn evenly.
        probability, stems, together: as for every transform of single stems.

    Example:
        >>> gain = Gain((-6.0, 3.0), stems=("vocals",))
        >>> gain.probability, gain.gain_db
        (1.0, (-6.0, 3.0))
    """

    name: ClassVar[str] = "gain"

    gain_db: tuple[float, float] = (-6.0, 6.0)

    def change(self, waveform, applies, where, *, sample_rate: int, seed):
        decibels = tf.where(applies, between(*self.gain_db, where), 0.0)
        return waveform * tf.pow(10.0, decibels / 20)

    def words(self, where: float) -> str:
        return f"gain {between(*self.gain_db, where):+.1f} dB"


@dataclass(frozen=True)
class Polarity(StemTransform):
    """Turns stems upside down: nothing to hear in one stem, but they add up to another mixture.

    Args:
        probability, stems, together: as for every transform of single stems.

    Example:
        >>> Polarity(probability=0.5).together
        False
    """

    name: ClassVar[str] = "polarity"

    def change(self, waveform, applies, where, *, sample_rate: int, seed):
        return waveform * tf.where(applies, -1.0, 1.0)


@dataclass(frozen=True)
class SilentStem(Transform):
    """Silences one stem of an example, so that a network learns that a stem can be absent.

    Args:
        probability: share of the examples in which a stem is silent.
        stems: of which one is drawn; `None` for all.

    Example:
        >>> SilentStem(probability=0.1, stems=("vocals",)).stems
        ('vocals',)
    """

    name: ClassVar[str] = "silent_stem"

    def check(self, stems: Sequence[str], *, channels: int) -> None:
        super().check(stems, channels=channels)
        if len(stems) < 2:
            raise InputError(f"augment: {self.name}: nothing is left of songs with one stem")

    def draw(self, parts: int, seed) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns whether a part is silent, and which one, both scalar."""
        applies, where = tf.unstack(tf.random.stateless_uniform([2], seed))
        return applies < self.probability, tf.cast(where * parts, tf.int32)

    def __call__(self, waveforms, *, stems: Sequence[str], sample_rate: int, seed) -> list:
        changed = list(waveforms)
        places = self.places(stems)
        applies, drawn = self.draw(len(places), seed)
        for part, place in enumerate(places):
            silent = applies & (drawn == part)
            changed[place] = waveforms[place] * tf.where(silent, 0.0, 1.0)
        return changed

    def describe(self, stems: Sequence[str], seed) -> dict[str, str]:
        places = self.places(stems)
        applies, drawn = self.draw(len(places), seed)
        return {stems[places[int(drawn)]]: "silent"} if applies else {}

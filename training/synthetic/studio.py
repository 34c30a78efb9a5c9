"""What a studio does to a voice: compression and echoes, and now and then far more."""

from dataclasses import dataclass, replace

import numpy as np

from training.synthetic.clock import CONTROL_RATE, Clock
from training.synthetic.dice import Dice
from training.synthetic.effects import compress, echo, normalize, saturate
from training.synthetic.song import Song
from training.synthetic.space import Equalizer, Reverb

TELEPHONE = 0.05
"""Chance of a voice as through a telephone."""
DISTORTION = 0.06
"""Chance of a voice that is driven hard."""
LONG_REVERB = 0.06
"""Chance of a reverb that is long and as loud as the voice."""
THROW = 0.12
"""Chance that some moments, and only they, echo long."""


def treat(dice: Dice, song: Song, clock: Clock, buses: list[np.ndarray]) -> list[np.ndarray]:
    """Returns the buses through the same compressor, saturation and echo, or some of them."""
    squeeze = dice.uniform(0.2, 0.75) if dice.chance(0.75) else 0.0
    drive = dice.log_uniform(0.2, 2.5) if dice.chance(0.2) else 0.0
    beats, feedback = dice.pick([0.5, 0.75, 1, 0.25]), dice.uniform(0.1, 0.4)
    echoes = dice.chance(0.25)
    treated = []
    for signal in buses:
        level = np.float32(signal.std())
        signal = normalize(signal)
        if squeeze:
            signal = compress(signal, clock, squeeze)
        if drive:
            signal = saturate(normalize(signal), drive, clock.sample_rate)
        if echoes:
            signal = echo(signal, clock, song.beat * beats, feedback)
        treated.append(signal * level)
    return treated


@dataclass(frozen=True)
class HeavyEffects:
    """Effects that few voices have, drawn apart from the common ones.

    Args:
        telephone: corners of a narrow band as log2 of Hz, or `None`.
        drive: of the distortion; 0 for none.
        reverb: seconds and level of a long reverb, or `None`.
        throws: seconds between echoes, their feedback, and how often a half second is thrown,
            or `None`.
    """

    telephone: tuple[float, float] | None
    drive: float
    reverb: tuple[float, float] | None
    throws: tuple[float, float, float] | None

    @classmethod
    def draw(cls, dice: Dice, song: Song) -> "HeavyEffects":
        band = np.log2(dice.log_uniform(250, 600)), np.log2(dice.log_uniform(2200, 4200))
        drive = dice.log_uniform(3, 12)
        reverb = dice.uniform(2.5, 6), dice.uniform(0.4, 1.2)
        throws = song.beat * dice.pick([0.5, 0.75, 1]), dice.uniform(0.4, 0.75), 0.12
        return cls(
            band if dice.chance(TELEPHONE) else None,
            drive if dice.chance(DISTORTION) else 0.0,
            reverb if dice.chance(LONG_REVERB) else None,
            throws if dice.chance(THROW) else None,
        )

    def apply(self, dice: Dice, clock: Clock, buses: list[np.ndarray]) -> list[np.ndarray]:
        """Returns the buses, each `(samples,)`, with distortion and thrown echoes."""
        if self.drive:
            buses = [
                normalize(saturate(normalize(signal), self.drive, clock.sample_rate))
                * np.float32(signal.std())
                for signal in buses
            ]
        if self.throws:
            seconds, feedback, share = self.throws
            gate = _gate(dice, clock, share)
            buses = [signal + _echoes(signal * gate, clock, seconds, feedback) for signal in buses]
        return buses

    def color(self, equalizer: Equalizer) -> Equalizer:
        if self.telephone is None:
            return equalizer
        low, high = self.telephone
        return replace(equalizer, low_cut=(36.0, low), high_cut=(36.0, high))

    def room(self, reverb: Reverb) -> Reverb:
        if self.reverb is None:
            return reverb
        seconds, wet = self.reverb
        return replace(reverb, time=seconds, wet=wet)


def _gate(dice: Dice, clock: Clock, share: float) -> np.ndarray:
    """Returns 1 in a share of all half seconds and 0 in the others, with soft edges."""
    half = CONTROL_RATE // 2
    gate = np.repeat(dice.pattern(-(-clock.points // half), share).astype(float), half)
    ramp = np.hanning(7) / np.hanning(7).sum()
    return clock.upsample(np.convolve(gate[: clock.points], ramp, "same"))


def _echoes(sent: np.ndarray, clock: Clock, seconds: float, feedback: float) -> np.ndarray:
    """Returns six fading repetitions without the sound itself."""
    delay = int(seconds * clock.sample_rate)
    echoes = np.zeros_like(sent)
    for repetition in range(1, 7):
        lag = repetition * delay
        if lag < len(sent):
            echoes[lag:] += sent[:-lag] * np.float32(feedback**repetition)
    return echoes

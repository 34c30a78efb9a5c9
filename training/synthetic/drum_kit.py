"""The sounds of a drum set."""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from training.synthetic.dice import Dice


@dataclass(frozen=True)
class Kit:
    """The sounds of a drum set, each float32 `(samples,)`."""

    kick: np.ndarray
    snares: list[np.ndarray]
    hats: list[np.ndarray]
    open_hat: np.ndarray
    crash: np.ndarray
    toms: list[np.ndarray]
    percussion: list[np.ndarray]


class _Workshop:
    """Makes single hits at one sample rate."""

    def __init__(self, dice: Dice, sample_rate: int):
        self.dice, self.rate = dice, sample_rate

    def time(self, seconds: float) -> np.ndarray:
        return np.arange(int(seconds * self.rate)) / self.rate

    def decay(self, seconds: float, shortest: float, longest: float) -> np.ndarray:
        return np.exp(-self.time(seconds) / self.dice.log_uniform(shortest, longest))

    def band(self, seconds: float, low: float, high: float) -> np.ndarray:
        """Returns noise between two frequencies, 12 dB per octave outside, of unit density.

        Its level is that of white noise of RMS 1 at 8192 Hz that went through the band.
        """
        samples = int(seconds * self.rate)
        hertz = np.maximum(fft.rfftfreq(samples, 1 / self.rate), 1)
        gain = 1 / np.sqrt((1 + (low / hertz) ** 4) * (1 + (hertz / max(high, 1.3 * low)) ** 4))
        gain *= np.sqrt(self.rate / 8192)
        return fft.irfft(fft.rfft(self.dice.white(samples)) * gain, samples)

    def tone(self, hertz: float, time: np.ndarray) -> np.ndarray:
        return np.sin(2 * np.pi * hertz * time) if hertz < 0.48 * self.rate else 0 * time

    def kick(self) -> np.ndarray:
        dice, time = self.dice, self.time(0.5)
        pitch, sweep, speed = dice.uniform(38, 70), dice.uniform(1, 6), dice.uniform(15, 60)
        phase = pitch * time + pitch * sweep / speed * (1 - np.exp(-speed * time))
        body = np.sin(2 * np.pi * phase) * self.decay(0.5, 0.05, 0.3)
        click = self.band(0.5, dice.uniform(800, 2000), dice.uniform(2500, 5000))
        click *= np.exp(-time / 0.004) * dice.uniform(0, 1.5)
        return np.tanh((body + click) * dice.uniform(0.8, 3))

    def snare(self) -> np.ndarray:
        dice, time = self.dice, self.time(0.6)
        pitch = dice.uniform(150, 280)
        body = self.tone(pitch, time) + 0.6 * self.tone(1.6 * pitch, time)
        body *= self.decay(0.6, 0.03, 0.15) * dice.uniform(0.1, 1)
        wires = self.band(0.6, dice.log_uniform(200, 1500), dice.log_uniform(2400, 9000))
        return body + wires * self.decay(0.6, 0.03, 0.25) * dice.uniform(0.6, 2)

    def clap(self) -> np.ndarray:
        dice, time = self.dice, self.time(0.4)
        hands = 0.6 * self.decay(0.4, 0.05, 0.2)
        for late in (0, 0.011, 0.022):
            hands += np.exp(-np.maximum(time - late, 0) / 0.008) * (time >= late)
        return hands * self.band(0.4, dice.uniform(500, 1200), dice.uniform(1800, 6000))

    def hat(self, shortest: float, longest: float) -> np.ndarray:
        dice, time = self.dice, self.time(0.5)
        noise = self.band(0.5, dice.log_uniform(1200, 3300), 15000) * dice.uniform(0.3, 1)
        level = dice.uniform(0, 0.15)
        # The odd harmonics of square waves at unrelated pitches: metal.
        for pitch in dice.uniform(1500, 4000, 4):
            for odd in (1, 3, 5):
                noise += level * 4 / (np.pi * odd) * self.tone(odd * pitch, time)
        return noise * self.decay(0.5, shortest, longest)

    def crash(self) -> np.ndarray:
        low = self.dice.log_uniform(400, 2000)
        return self.band(2.5, low, 12000) * self.decay(2.5, 0.3, 1.2)

    def tom(self, pitch: float) -> np.ndarray:
        time = self.time(0.7)
        phase = pitch * time + 0.02 * pitch * (1 - np.exp(-20 * time))
        skin = self.band(0.7, 200, 2000) * np.exp(-time / 0.02) * 0.3
        return np.sin(2 * np.pi * phase) * self.decay(0.7, 0.08, 0.3) + skin

    def percussion(self) -> np.ndarray:
        dice, time = self.dice, self.time(0.3)
        pitch = dice.log_uniform(300, 3000)
        body = self.tone(pitch, time) + 0.5 * self.tone(1.48 * pitch, time)
        noise = self.band(0.3, pitch, 2 * pitch) * np.exp(-time / 0.02) * dice.uniform(0, 0.6)
        return body * self.decay(0.3, 0.01, 0.12) + noise


def draw_kit(dice: Dice, sample_rate: int) -> Kit:
    """Returns a drum set; its sounds are scaled as in a balanced recording."""
    make = _Workshop(dice, sample_rate)
    return Kit(
        kick=make.kick(),
        snares=[make.snare() if dice.chance(0.75) else make.clap() for _ in range(2)],
        hats=[make.hat(0.012, 0.07) for _ in range(3)],
        open_hat=make.hat(0.1, 0.5),
        crash=make.crash(),
        toms=[make.tom(dice.uniform(80, 130)), make.tom(dice.uniform(130, 220))],
        percussion=[make.percussion() for _ in range(2)],
    )

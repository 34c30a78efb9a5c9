"""Equalizer, reverb and panning of a stem, applied as one convolution for each channel."""

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import fft
from scipy.signal import lfilter

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice

_EQ_POINTS = np.log2([30, 80, 160, 320, 640, 1280, 2560, 4096, 8192, 16384])


@dataclass(frozen=True)
class Equalizer:
    """A smooth random curve, now and then with resonances, a low cut and a high cut.

    Args:
        curve: gain in dB at ten frequencies from 30 Hz to 16 kHz.
        peaks: height in dB, center in log2 of Hz and width in octaves of each resonance.
        low_cut: slope in dB per octave and corner in log2 of Hz.
        high_cut: the same, above its corner.

    Example:
        >>> flat = Equalizer(np.zeros(10), [], (0.0, 0.0), (0.0, 0.0))
        >>> float(flat.decibels(np.array([1000.0]))[0])
        0.0
    """

    curve: np.ndarray
    peaks: list[tuple[float, float, float]]
    low_cut: tuple[float, float]
    high_cut: tuple[float, float]

    @classmethod
    def draw(
        cls, dice: Dice, *, tilt: float = 0.0, low_cut: tuple[float, float] | None = None
    ) -> "Equalizer":
        """Draws an equalizer.

        Args:
            dice: what to draw from.
            tilt: added slope in dB per octave.
            low_cut: range in Hz of a low cut that is always there; without it 40 % have one.
        """
        curve = dice.normal(0, 1, len(_EQ_POINTS)) * dice.uniform(1, 5)
        curve = curve + tilt * (_EQ_POINTS - np.log2(640))
        peaks = [
            (dice.normal(0, 4), dice.uniform(7, 12), dice.uniform(0.1, 0.5))
            for _ in range(dice.integer(0, 3))
        ]
        drawn_low = (12 * dice.uniform(0.5, 3), np.log2(dice.log_uniform(60, 350)))
        if not dice.chance(0.4):
            drawn_low = (0.0, 0.0)
        if low_cut:
            drawn_low = (dice.uniform(12, 30), np.log2(dice.log_uniform(*low_cut)))
        drawn_high = (12 * dice.uniform(0.5, 2), np.log2(dice.log_uniform(1200, 4000)))
        if not dice.chance(0.2):
            drawn_high = (0.0, 0.0)
        return cls(curve, peaks, drawn_low, drawn_high)

    def through_cabinet(self, low: float, high: float) -> "Equalizer":
        """Returns the equalizer with a guitar speaker's band, its corners in log2 of Hz."""
        return replace(self, low_cut=(12.0, low), high_cut=(12.0, high))

    def decibels(self, frequencies: np.ndarray) -> np.ndarray:
        """Returns the gain in dB at frequencies in Hz."""
        octave = np.log2(np.maximum(frequencies, 20))
        gain = np.interp(octave, _EQ_POINTS, self.curve)
        for height, center, width in self.peaks:
            gain += height * np.exp(-0.5 * ((octave - center) / width) ** 2)
        slope, corner = self.low_cut
        gain -= slope * np.maximum(0, corner - octave)
        slope, corner = self.high_cut
        return gain - slope * np.maximum(0, octave - corner)

    def response(self, sample_rate: int) -> np.ndarray:
        """Returns the minimum-phase impulse response, about 0.1 s long, that passes no DC."""
        length = fft.next_fast_len(sample_rate // 8, real=True)
        frequencies = fft.rfftfreq(length, 1 / sample_rate)
        decibels = self.decibels(frequencies) - 12 * np.maximum(0, 20 - frequencies) / 2
        # Folding the cepstrum to positive time gives the minimum phase of a magnitude.
        cepstrum = fft.irfft(decibels * (np.log(10) / 20), length)
        cepstrum[1 : (length + 1) // 2] *= 2
        cepstrum[length // 2 + 1 :] = 0
        return fft.irfft(np.exp(fft.rfft(cepstrum)), length)


@dataclass(frozen=True)
class Reverb:
    """Decaying noise: its length, darkness, delay and level.

    Args:
        time: seconds to -60 dB.
        damping: pole of the low-pass at 8192 Hz, 0 (bright) to 0.9 (dark).
        delay: seconds before the tail begins.
        wet: level of the tail against the dry sound; 0 for none.
    """

    time: float
    damping: float
    delay: float
    wet: float

    @classmethod
    def draw(cls, dice: Dice, *, chance: float = 0.7, wettest: float = 0.6) -> "Reverb":
        time, damping = dice.log_uniform(0.15, 3.0), dice.uniform(0, 0.9)
        delay, wet = dice.uniform(0, 0.04), dice.log_uniform(0.05, wettest)
        return cls(time, damping, delay, wet if dice.chance(chance) else 0.0)

    def tail(self, dice: Dice, sample_rate: int) -> np.ndarray:
        """Returns the reverb's impulse response without the dry sound."""
        samples = int(min(self.time, 2.5) * sample_rate)
        decay = np.exp(np.arange(samples) * (-6.9 / (self.time * sample_rate)))
        tail = dice.white(samples) * decay.astype(np.float32)
        tail *= self.wet / (np.linalg.norm(tail) + 1e-6)
        tail[: int(self.delay * sample_rate)] = 0
        pole = self.damping ** (8192 / sample_rate)
        return lfilter([1 - pole], [1, -pole], tail)


def place(
    dice: Dice,
    clock: Clock,
    parts: list[tuple[np.ndarray, float]],
    *,
    equalizer: Equalizer,
    reverb: Reverb,
) -> np.ndarray:
    """Returns parts in a room: panned, equalized, with reverb.

    Args:
        dice: noise for the reverb.
        clock: the grids and the number of channels.
        parts: pairs of a signal `(samples,)` and its pan, -1 (left) to 1 (right).
        equalizer: for dry and wet sound alike.
        reverb: fed with the sum of the parts, different in every channel.

    Returns:
        float32 `(channels, samples)`.
    """
    inputs, direct = _buses(clock.channels, parts)
    equalized = equalizer.response(clock.sample_rate)
    tails = [np.zeros(1)] * clock.channels
    if reverb.wet:
        tails = [reverb.tail(dice, clock.sample_rate) for _ in range(clock.channels)]
    taps = len(tails[0]) + len(equalized) - 1
    length = 2 ** math.ceil(math.log2(max(3 * taps, 16384)))
    color = fft.rfft(equalized, length)
    feed = 1 / len(inputs)
    responses = [
        [(gain + feed * fft.rfft(tail, length)) * color for gain in row]
        for row, tail in zip(direct, tails, strict=True)
    ]
    return _convolve(inputs, np.asarray(responses, np.complex64), length, taps)


def _buses(channels: int, parts: list) -> tuple[list[np.ndarray], np.ndarray]:
    """Returns the signals to filter, and how each of them enters each channel directly."""
    if channels == 1:
        return [sum(signal for signal, _ in parts)], np.ones((1, 1))
    # Constant power, scaled so that a centered part is as loud in each channel as in mono.
    pans = np.array([pan for _, pan in parts])
    gains = np.sqrt(2) * np.sin(np.pi / 4 * (1 + np.outer([-1, 1], pans)))
    if len(parts) == 1:
        return [parts[0][0]], gains
    sides = [
        sum(signal * np.float32(gain) for (signal, _), gain in zip(parts, row, strict=True))
        for row in gains
    ]
    return sides, np.eye(2)


def _convolve(
    inputs: list[np.ndarray], responses: np.ndarray, length: int, taps: int
) -> np.ndarray:
    """Overlap-add convolution of `inputs` with `responses` (channels, inputs, bins)."""
    samples = len(inputs[0])
    block = length - taps + 1
    output = np.zeros((len(responses), samples + length), np.float32)
    for begin in range(0, samples, block):
        spectra = [fft.rfft(signal[begin : begin + block], length) for signal in inputs]
        for channel, row in zip(output, responses, strict=True):
            spectrum = sum(s * response for s, response in zip(spectra, row, strict=True))
            channel[begin : begin + length] += fft.irfft(spectrum, length)
    return output[:, :samples]

"""Effects that a stem passes through: compression, saturation, echo, modulation."""

import numpy as np
from scipy.signal import lfilter, resample_poly

from training.synthetic.clock import CONTROL_RATE, Clock
from training.synthetic.dice import Dice


def normalize(signal: np.ndarray) -> np.ndarray:
    """Returns a signal `(samples,)` with an RMS of 1; silence stays silent."""
    rms = np.sqrt(np.dot(signal, signal) / max(1, len(signal)))
    return signal / np.float32(rms + 1e-6)


def roughen(voice: np.ndarray, pitch: np.ndarray, clock: Clock, amount: float) -> np.ndarray:
    """Returns a voice `(samples,)` whose every second glottal pulse is weaker: a subharmonic.

    Args:
        voice: sung at `pitch`.
        pitch: in Hz, `(points,)`.
        clock: the grids.
        amount: 0 leaves it, 1 silences every second pulse.
    """
    half = np.cumsum(clock.upsample(pitch), dtype=np.float64) * (np.pi / clock.sample_rate)
    return voice * (1 + amount * np.sin(half)).astype(np.float32)


def compress(signal: np.ndarray, clock: Clock, amount: float) -> np.ndarray:
    """Returns a signal of RMS 1 whose loudness is evened out.

    Args:
        signal: `(samples,)`, of RMS 1.
        clock: the grids.
        amount: 0 leaves it, 1 makes every moment equally loud.
    """
    decay = np.exp(-1 / (0.012 * CONTROL_RATE))
    power = lfilter([1 - decay], [1, -decay], clock.loudness(signal) ** 2)
    gain = np.maximum(np.sqrt(power), 0.05) ** -amount
    return signal * clock.upsample(gain)


def saturate(signal: np.ndarray, drive: float, sample_rate: int) -> np.ndarray:
    """Returns `tanh(drive * signal)`, oversampled where its harmonics would fold back."""
    driven = signal * np.float32(drive)
    if sample_rate >= 32000:
        return np.tanh(driven)
    return resample_poly(np.tanh(resample_poly(driven, 2, 1)), 1, 2)[: len(signal)]


def echo(signal: np.ndarray, clock: Clock, seconds: float, feedback: float) -> np.ndarray:
    """Returns a signal `(samples,)` with three fading repetitions."""
    delay = int(seconds * clock.sample_rate)
    wet = signal.copy()
    for repetition in range(1, 4):
        lag = repetition * delay
        if lag < len(signal):
            wet[lag:] += signal[:-lag] * np.float32(feedback**repetition)
    return wet


def tremolo(signal: np.ndarray, clock: Clock, rate: float, depth: float) -> np.ndarray:
    """Returns a signal whose level swings `rate` times per second by `depth` (0 to 1)."""
    return signal * clock.upsample(1 + depth * np.sin(2 * np.pi * rate * clock.times))


def chorus(signal: np.ndarray, clock: Clock, rate: float) -> np.ndarray:
    """Returns a signal plus a copy whose delay swings around 8 ms, `rate` times per second."""
    delay = 0.008 * clock.sample_rate * (1 + 0.6 * np.sin(2 * np.pi * rate * clock.times))
    places = np.arange(clock.samples) - clock.upsample(delay)
    whole = np.floor(places)
    fraction = (places - whole).astype(np.float32)
    whole = np.maximum(whole.astype(np.int64), 0)
    following = np.minimum(whole + 1, clock.samples - 1)
    return signal + np.float32(0.7) * (
        signal[whole] * (1 - fraction) + signal[following] * fraction
    )


def draw_chorus(dice: Dice, signal: np.ndarray, clock: Clock, chance: float) -> np.ndarray:
    """Returns the signal through a chorus, or as it is."""
    used, rate = dice.chance(chance), dice.uniform(0.1, 1.5)
    return chorus(signal, clock, rate) if used else signal

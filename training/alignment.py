"""How much later one signal is than another: cross-correlation, and moving by part of a sample."""

from typing import NamedTuple

import numpy as np


class Delay(NamedTuple):
    """Where two signals are most alike.

    Attributes:
        samples: by which the second is later than the first.
        correlation: at this delay, -1 to 1.
        at_zero: correlation without a delay.
    """

    samples: int
    correlation: float
    at_zero: float

    @property
    def is_clear(self) -> bool:
        """Whether the delay explains at least half of what differs without it."""
        unexplained = 1 - abs(self.correlation)
        return self.samples != 0 and unexplained < 0.5 * (1 - abs(self.at_zero))


class CrossCorrelation:
    """Cross-correlation of two signals, summed over blocks.

    Args:
        block: samples of a block at most; delays of up to half of it are found.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=1000)
        >>> spectra = np.fft.rfft([noise, np.roll(noise, 7)], 2 * 1024)
        >>> correlation = CrossCorrelation(1024)
        >>> correlation.add(spectra, (noise @ noise, noise @ noise), 1000)
        >>> correlation.delay().samples
        7
    """

    def __init__(self, block: int):
        self.block = block
        self.cross: np.ndarray | float = 0.0
        self._energies = np.zeros(2)
        self._length = 1

    @property
    def reach(self) -> int:
        """The largest delay that is looked for."""
        return min(self.block // 2, self._length // 2)

    def add(self, spectra, energies, length: int) -> None:
        """Takes the next block of both.

        Args:
            spectra: real Fourier transforms of length `2 * block`, of the first and the second.
            energies: of both blocks.
            length: samples of the block.
        """
        first, second = spectra
        self.cross = self.cross + np.conj(first) * second
        self._energies += energies
        self._length = max(self._length, length)

    def delay(self) -> Delay | None:
        """Returns where they are most alike; `None` if one of them is silent."""
        values = self.normalised()
        if values is None:
            return None
        best = int(np.abs(values).argmax())
        return Delay(best - self.reach, float(values[best]), float(values[self.reach]))

    def normalised(self) -> np.ndarray | None:
        """Returns the correlations, -1 to 1, at the delays from `-reach` to `reach`."""
        norm = float(np.sqrt(self._energies.prod()))
        if not norm:
            return None
        lags = self.lags
        correlation = np.fft.irfft(self.cross, 2 * self.block) / norm
        # Of two blocks that are shifted, only a part overlaps.
        return correlation[lags] / (1 - np.abs(lags) / self._length)

    @property
    def lags(self) -> np.ndarray:
        """The delays that are looked at, `(2 * reach + 1,)`."""
        return np.arange(-self.reach, self.reach + 1)


class Alignment(NamedTuple):
    """Where a signal lies in a mixture, if it does.

    Attributes:
        samples: by which its part of the mixture is later than the signal, with a fraction.
        correlation: with the mixture at this delay, -1 to 1; negative for an inverted signal.
        prominence: how far the whitened correlation's peak stands out of its values at all other
            delays, in their root mean square.
        inverted: whether the whitened correlation is negative there.
    """

    samples: float
    correlation: float
    prominence: float
    inverted: bool


_BLOCK = 1 << 17
# The largest delay that `align` finds, in samples.
REACH = _BLOCK // 2
# Frequencies over which the level of both is averaged, about 17 Hz at 22,050 Hz.
_SMOOTHING = 200
# What a weight is kept above, relative to the largest power.
_FLOOR = 1e-9
# Ends of a block are faded: what both begin or end with would be alike.
_FADE = 2048
# Neighbours of a peak that belong to it.
_PEAK = 20


def align(mixture: np.ndarray, signal: np.ndarray, *, sample_rate: int) -> Alignment | None:
    """Looks for a signal in a mixture, whatever its level, its polarity, and what else is there.

    The phase of the cross-spectrum tells the delay (the phase transform: Knapp and Carter, "The
    Generalized Correlation Method for Estimation of Time Delay", IEEE Transactions on Acoustics,
    Speech, and Signal Processing 24(4), 1976); a frequency counts by the square root of the
    signal's level over the mixture's about it. Other music in the mixture has random phases.

    Args:
        mixture: `(samples,)`; blocks of 2^17 samples are looked at.
        signal: of the same length.
        sample_rate: in Hz. Frequencies from 60 Hz to four fifths of the Nyquist frequency count.

    Returns:
        The delay, of up to 65,536 samples and half the length; `None` if one of them is silent.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(2, 30000))
        >>> found = align(noise[0] - moved(noise[1], 80.25), noise[1], sample_rate=22050)
        >>> round(found.samples, 2), found.inverted
        (80.25, True)
    """
    correlation = CrossCorrelation(_BLOCK)
    powers = np.zeros((2, _BLOCK + 1))
    for start in range(0, len(mixture), _BLOCK):
        blocks = [np.asarray(x[start : start + _BLOCK], "float64") for x in (signal, mixture)]
        fade = _fade(len(blocks[0]))
        spectra = [np.fft.rfft(block * fade, 2 * _BLOCK) for block in blocks]
        energies = [float(np.sum((block * fade) ** 2)) for block in blocks]
        correlation.add(spectra, energies, len(blocks[0]))
        powers += np.abs(spectra) ** 2
    plain = correlation.normalised()
    if plain is None:
        return None
    weighted = correlation.cross * _weights(correlation.cross, powers, sample_rate)
    lags = correlation.lags
    values = np.fft.irfft(weighted, 2 * _BLOCK)[lags]
    best = int(np.abs(values).argmax())
    others = np.delete(values, range(max(0, best - _PEAK), min(len(values), best + _PEAK + 1)))
    spread = float(np.sqrt(np.mean(others**2)))
    inverted = bool(values[best] < 0)
    delay = _refined(-weighted if inverted else weighted, int(lags[best]))
    prominence = float(abs(values[best]) / max(spread, 1e-30))
    return Alignment(delay, float(plain[best]), prominence, inverted)


def _fade(length: int) -> np.ndarray:
    fade = np.ones(length)
    count = min(_FADE, length // 4)
    rise = np.sin(np.pi / 2 * (np.arange(count) + 0.5) / max(count, 1)) ** 2
    fade[:count] = rise
    fade[length - count :] = rise[::-1]
    return fade


def _weights(cross: np.ndarray, powers: np.ndarray, sample_rate: int) -> np.ndarray:
    hertz = np.linspace(0, sample_rate / 2, len(cross))
    heard = (hertz >= 60) & (hertz <= 0.4 * sample_rate)
    signal, mixture = (_smooth(power) for power in powers)
    levels = np.sqrt(signal / np.maximum(mixture, _FLOOR * mixture.max()))
    # Where the signal has nothing, its phase is that of rounding.
    heard &= signal > _FLOOR * signal.max()
    return heard * levels / np.maximum(np.abs(cross), 1e-30)


def _smooth(power: np.ndarray) -> np.ndarray:
    sums = np.concatenate(([0.0], np.cumsum(power)))
    places = np.arange(len(power))
    low = np.maximum(places - _SMOOTHING, 0)
    high = np.minimum(places + _SMOOTHING + 1, len(power))
    return (sums[high] - sums[low]) / (high - low)


def _refined(cross: np.ndarray, delay: int) -> float:
    """The delay between samples at which a whitened correlation, a sum of cosines, is largest."""
    used = np.flatnonzero(cross)
    angle = np.pi * used / (len(cross) - 1)
    turned = cross[used] * np.exp(1j * angle * delay)

    def derivatives(offset: float) -> tuple[float, float, float]:
        values = turned * np.exp(1j * angle * offset)
        return values.real.sum(), -(angle @ values.imag), -(angle**2 @ values.real)

    offset = max(np.linspace(-0.75, 0.75, 7), key=lambda start: derivatives(start)[0])
    for _ in range(4):
        _, slope, curvature = derivatives(offset)
        if curvature < 0:
            offset += np.clip(-slope / curvature, -0.25, 0.25)
    return float(delay + offset)


def moved(signal: np.ndarray, samples: float, *, taps: int = 64) -> np.ndarray:
    """Makes a signal later by any number of samples, or earlier by a negative one.

    Whole samples are moved, the rest is a windowed sinc filter (Laakso et al., "Splitting the Unit
    Delay", IEEE Signal Processing Magazine 13(1), 1996, section 4).

    Args:
        signal: `(samples,)`.
        samples: how much later.
        taps: of the filter on each side; the fraction is exact to -60 dB up to about
            `1 - 4 / taps` of the Nyquist frequency.

    Returns:
        As long as the signal; silence comes in at its ends.

    Example:
        >>> moved(np.array([1.0, 2.0, 3.0]), 1).tolist()
        [0.0, 1.0, 2.0]
    """
    whole = round(samples)
    fraction = samples - whole
    if abs(fraction) > 1e-4:
        places = np.arange(-taps, taps + 1) - fraction
        kernel = np.sinc(places) * np.kaiser(2 * taps + 1, 8.0)
        padded = np.pad(signal, taps)
        signal = np.convolve(padded, kernel / kernel.sum(), mode="valid").astype(signal.dtype)
    result = np.zeros_like(signal)
    kept = max(0, len(signal) - abs(whole))
    if whole >= 0:
        result[whole : whole + kept] = signal[:kept]
    else:
        result[:kept] = signal[-whole : -whole + kept]
    return result

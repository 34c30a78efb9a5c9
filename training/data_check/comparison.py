"""Whether a song's stems are those of its mixture: their sum, and their delays."""

from collections.abc import Mapping

import numpy as np

from training.alignment import CrossCorrelation, Delay
from training.data_check.unit import BLOCK

# Energy of the mixture minus the stems over the mixture's, in dB, up to which they add up. Of
# lossy files each is changed by itself: those of MUSDB18 leave about -15 dB.
TOLERANCE, LOSSY_TOLERANCE = -40.0, -10.0
# Below this correlation at every delay, two signals have nothing to do with each other.
RELATED = 0.5


class Comparison:
    """Takes a song's blocks side by side.

    Args:
        stems: their names.

    Example:
        >>> noise = np.random.default_rng(0).normal(0, 0.1, (4000, 1)).astype("float32")
        >>> comparison = Comparison(["vocals"])
        >>> comparison.add(np.roll(noise, 25, axis=0), {"vocals": noise})
        >>> comparison.mixture_delay().samples
        25
    """

    def __init__(self, stems):
        self._mixture = CrossCorrelation(BLOCK)
        self._stems = {stem: CrossCorrelation(BLOCK) for stem in stems}
        self._energies = np.zeros(3)  # of mixture, sum of stems, residual

    def add(self, mixture: np.ndarray, stems: Mapping[str, np.ndarray]) -> None:
        """Takes the next block of each, `(samples, channels)`, shorter ones where they end."""
        length = max(len(block) for block in (mixture, *stems.values()))
        total = _add(length, stems.values())
        residual = _add(length, [mixture, -total])
        energies = [float(np.vdot(x, x)) for x in (mixture, total, residual)]
        self._energies += energies
        if energies[2] <= 10 ** (TOLERANCE / 10) * energies[0]:
            return
        left = _Signal(residual)
        parts = {stem: _Signal(block) for stem, block in stems.items()}
        whole = _Signal(total)
        self._mixture.add(*_pair(whole, left), length)
        for stem, part in parts.items():
            # What the mixture holds besides the other stems should be this one.
            self._stems[stem].add(*_pair(part, left), length)

    @property
    def residual(self) -> float | None:
        """Energy of what the stems leave over that of the mixture, in dB; `None` for silence."""
        mixture, total, residual = self._energies
        if not mixture or not total:
            return None
        return float(10 * np.log10(max(residual / mixture, 1e-12)))

    def mixture_delay(self) -> Delay | None:
        """Of the mixture against the sum of the stems; `None` where they are (nearly) equal."""
        return self._mixture.delay()

    def stem_delays(self) -> dict[str, Delay]:
        """Of the mixture, without the other stems, against each stem."""
        delays = {stem: correlation.delay() for stem, correlation in self._stems.items()}
        return {stem: delay for stem, delay in delays.items() if delay is not None}

    def gain(self) -> float:
        """The mixture's level over that of the stems' sum, in dB."""
        return float(10 * np.log10(self._energies[0] / self._energies[1]))


class _Signal:
    """The mean of a block's channels and its spectrum."""

    def __init__(self, block: np.ndarray):
        self.samples = np.zeros(BLOCK, "float32")
        self.samples[: len(block)] = block @ np.full(block.shape[1], 1 / block.shape[1], "float32")
        self.spectrum = np.fft.rfft(self.samples, 2 * BLOCK)


def _pair(part: _Signal, left: _Signal):
    """Spectra and energies of a signal and of the same with what is left over."""
    with_rest = part.samples + left.samples
    energies = [float(np.vdot(x, x)) for x in (part.samples, with_rest)]
    return (part.spectrum, part.spectrum + left.spectrum), energies


def _add(length: int, blocks) -> np.ndarray:
    """The sum of blocks that may end early; a mono one goes into every channel."""
    blocks = list(blocks)
    total = np.zeros((length, max(block.shape[1] for block in blocks)), "float32")
    for block in blocks:
        total[: len(block)] += block
    return total

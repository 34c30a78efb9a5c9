"""The null test: what is left of a mixture when a stem is taken away."""

from typing import NamedTuple

import numpy as np

from training.evaluation.ratios import signal_to_distortion
from training.pair_check.preparation import FRONT_END, SAMPLE_RATE, WINDOW

# Frames that are compared, those in which the stem is loudest: a minute.
_FRAMES = 60 * SAMPLE_RATE // WINDOW
_BLOCK = 256 * WINDOW
_ROUNDS = 30
# Of the loudest bin of the stem, below which a bin does not count: -60 dB.
_QUIET = 1e-6
# Share of the stem's energy that is looked at: where it is heard best.
_SHARE = 0.25


class NullTest(NamedTuple):
    """What a mixture minus a stem leaves.

    Attributes:
        residual: its energy over the mixture's, in dB. 0 or more says that nothing cancels.
        depth: its energy over the stem's, in dB, in the quarter of the stem's energy where it is
            lowest: how well the stem cancels where nothing else is heard.
    """

    residual: float
    depth: float


class Spectra(NamedTuple):
    """Complex spectra of a mixture and a stem, where the stem is loudest: `(frames, bins)`."""

    mixture: np.ndarray
    stem: np.ndarray

    @classmethod
    def of(cls, mixture: np.ndarray, stem: np.ndarray) -> "Spectra":
        """Transforms two signals `(samples,)`; of long ones a minute is kept."""
        starts = np.arange(0, len(stem) - 2 * WINDOW + 1, WINDOW)
        sums = np.concatenate(([0.0], np.cumsum(np.square(stem, dtype="float64"))))
        energies = sums[starts + 2 * WINDOW] - sums[starts]
        chosen = np.sort(starts[np.argsort(-energies, kind="stable")[:_FRAMES]])
        places = chosen[:, None] + np.arange(2 * WINDOW)
        return cls(*(_spectrum(signal[places]) for signal in (mixture, stem)))


def _spectrum(frames: np.ndarray) -> np.ndarray:
    real, imaginary = FRONT_END.stft(frames.astype("float32"), center=False)
    return (np.asarray(real) + 1j * np.asarray(imaginary))[:, 0]


def gain_of(spectra: Spectra, *, inverted: bool) -> float:
    """Returns the factor by which a stem is in a mixture, negative for an inverted one.

    The least-squares factor would be wrong by whatever else in the mixture sounds like the stem.
    Each bin of the spectrogram is weighted by one over what it leaves (iteratively reweighted
    least squares: Huber and Ronchetti, "Robust Statistics", 2009, section 7.8, with the weights
    of a Cauchy distribution), so that bins that hold little else decide.

    Args:
        spectra: of an aligned pair.
        inverted: its sign, which the alignment tells.
    """
    energy = np.square(np.abs(spectra.stem))
    heard = energy > _QUIET * energy.max()
    energy, mixture = energy[heard], spectra.mixture[heard]
    product = np.real(np.conj(spectra.stem[heard]) * mixture)
    level = np.square(np.abs(mixture))
    gain = float(np.sum(product / level.clip(1e-20)) / np.sum(energy / level.clip(1e-20)))
    gain = -abs(gain) if inverted else abs(gain)
    for _ in range(_ROUNDS):
        left = level - 2 * gain * product + gain**2 * energy
        weights = 1 / (left.clip(0) + 1e-4 * gain**2 * energy + 1e-20)
        gain = float(np.sum(weights * product) / np.sum(weights * energy))
    return gain


def null_test(mixture: np.ndarray, stem: np.ndarray) -> NullTest:
    """Takes a stem away from a mixture.

    Args:
        mixture: `(samples,)`.
        stem: of the same length, as it is in the mixture.

    Example:
        >>> noise = np.random.default_rng(0).normal(0, 0.1, (2, 40000)).astype("float32")
        >>> mixture = noise.sum(axis=0)
        >>> round(null_test(mixture, noise[0]).residual), round(null_test(mixture, mixture).depth)
        (-3, -120)
    """
    residual = -signal_to_distortion(mixture, stem)
    spectra = Spectra.of(mixture, stem)
    energy = np.square(np.abs(spectra.stem)).ravel()
    left = np.square(np.abs(spectra.mixture - spectra.stem)).ravel()
    ratio = left / energy.clip(1e-20)
    order = np.argsort(ratio)
    reached = np.cumsum(energy[order]) <= _SHARE * energy.sum()
    best = order[: max(1, int(reached.sum()))]
    depth = 10 * np.log10(max(left[best].sum() / energy[best].sum(), 1e-12))
    return NullTest(max(residual, -120.0), float(depth))

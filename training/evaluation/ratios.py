"""Ratios of a whole signal that need no filters: SDR and SI-SDR."""

import numpy as np


def _decibels(signal: float, error: float) -> float:
    """10 log10 of a ratio of energies, of which at most one is zero."""
    if signal == 0:
        return float("-inf")
    return float("inf") if error == 0 else float(10 * np.log10(signal / error))


def signal_to_distortion(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Returns 10 log10 of the reference's energy over the error's, in dB.

    Over the whole signal and all channels at once: the SDR of Mitsufuji et al., "Music Demixing
    Challenge 2021", Frontiers in Signal Processing 1, 2022. The challenge adds 1e-7 to
    both energies, which tells apart from this only what is silent or without error.

    Args:
        reference: of any shape.
        estimate: of the same shape.

    Returns:
        NaN for a silent reference, for which the ratio says nothing; infinity without an error; 0
        for a silent estimate.

    Example:
        >>> signal_to_distortion(np.ones(8), np.full(8, 0.9)).__round__(3)
        20.0
    """
    energy = float(np.sum(np.square(reference, dtype="float64")))
    error = float(np.sum(np.square(reference - estimate, dtype="float64")))
    return _decibels(energy, error) if energy else float("nan")


def scale_invariant_signal_to_distortion(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Returns the SDR of an estimate whose loudness does not matter, in dB.

    The reference is scaled to what of it is in the estimate, by one factor for all channels: Le
    Roux et al., "SDR - Half-baked or Well Done?", ICASSP 2019. No mean is taken out.

    Args:
        reference: of any shape.
        estimate: of the same shape.

    Returns:
        NaN for a silent reference or a silent estimate; infinity for an estimate that is the
        reference but for its loudness; minus infinity for one with nothing of the reference.

    Example:
        >>> reference, error = np.array([1.0, 0.0]), np.array([0.0, 0.1])
        >>> scale_invariant_signal_to_distortion(reference, 7 * (reference + error)).__round__(3)
        20.0
    """
    reference = np.asarray(reference, "float64")
    estimate = np.asarray(estimate, "float64")
    energy = float(np.sum(np.square(reference)))
    if energy == 0 or not estimate.any():
        return float("nan")
    target = float(np.sum(estimate * reference)) / energy * reference
    return _decibels(float(np.sum(np.square(target))), float(np.sum(np.square(estimate - target))))

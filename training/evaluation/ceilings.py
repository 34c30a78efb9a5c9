"""What masks could reach at a model's front end: the ceilings of its scores."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from zoo.audio import resampled
from zoo.stretches import SignalSeparator

if TYPE_CHECKING:
    from zoo.front_end import FrontEnd

CEILINGS = {
    "IRM1": "ideal ratio mask of magnitudes",
    "IRM2": "ideal ratio mask of energies",
    "IBM": "ideal binary mask",
}
# What networks on waveforms, which have no front end, are compared by.
FRAME_LENGTH, FRAME_STEP = 4096, 1024
# Frames that are in memory at a time.
_BLOCK_FRAMES = 1024
_SILENCE = 1e-20


def ceiling_front_end(separator: SignalSeparator) -> "FrontEnd":
    """Returns the spectra that a separator's ideal masks are made of.

    They are those of its own front end; of a separator on waveforms all bins of frames of 4096
    samples at its rate, every 1024.

    Example:
        >>> front_end = ceiling_front_end(Separator(WaveUNet("M1", levels=2, initial_filters=2)))
        >>> front_end.frame_length, front_end.bins, front_end.sample_rate
        (4096, 2049, 22050)
    """
    from zoo.front_end import FrontEnd

    front_end = getattr(separator, "front_end", None)
    if front_end is not None:
        return front_end
    settings = getattr(separator, "metadata", {}).get("front_end")
    if settings is not None:
        return FrontEnd(**settings)
    return FrontEnd(
        sample_rate=separator.sample_rate,
        frame_length=FRAME_LENGTH,
        frame_step=FRAME_STEP,
        bins=FRAME_LENGTH // 2 + 1,
        first_bin=0,
    )


def ideal_masks(magnitudes: Sequence[np.ndarray]) -> dict[str, list[np.ndarray]]:
    """Returns the masks that are best if the stems are known.

    A ratio mask is a stem's share of the stems' magnitudes or, of energies, of their squares (IRM1
    and IRM2 of SiSEC 2018: Liutkus and Badeau, "Generalized Wiener Filtering with Fractional Power
    Spectrograms", ICASSP 2015, with the exponents 1 and 2). The binary mask gives each bin to the
    loudest stem.

    Args:
        magnitudes: of each stem, all of one shape.

    Returns:
        A dict ceiling -> one mask a stem, in [0, 1]; 0 where all stems are silent.

    Example:
        >>> masks = ideal_masks([np.array([3.0, 0.0]), np.array([1.0, 0.0])])
        >>> {name: [mask.tolist() for mask in pair] for name, pair in masks.items()}["IRM2"]
        [[0.9, 0.0], [0.1, 0.0]]
    """
    ratios = {}
    for name, power in (("IRM1", 1), ("IRM2", 2)):
        parts = [magnitude**power for magnitude in magnitudes]
        total = np.maximum(sum(parts), _SILENCE)
        ratios[name] = [part / total for part in parts]
    loudest = np.argmax(magnitudes, axis=0)
    heard = sum(magnitudes) > 0
    binary = [((loudest == place) & heard).astype("float32") for place in range(len(magnitudes))]
    return {**ratios, "IBM": binary}


def ideal_estimates(
    separator: SignalSeparator, mixture: np.ndarray, references: np.ndarray, sample_rate: int
) -> dict[str, np.ndarray]:
    """Separates a song by masks made of its true stems, on the way that the separator takes.

    Mixture and stems go to the rate of the front end; each channel of the mixture's spectrum is
    multiplied by its own mask, 0 outside the band; the stems go back to the song's rate, where the
    residual is the mixture minus the others.

    Args:
        separator: whose front end, stems and residual count.
        mixture: float32 `(samples, channels)`.
        references: of each of the separator's stems, `(stems, samples, channels)`.
        sample_rate: of the song, in Hz.

    Returns:
        A dict ceiling -> `(stems, samples, channels)`.
    """
    front_end = ceiling_front_end(separator)
    signals = np.concatenate((mixture[None], references)).astype("float32")
    low = [_converted(signal, sample_rate, front_end.sample_rate) for signal in signals]
    masked = _masked(front_end, np.stack(low))
    residual = separator.residual
    places = [place for place, stem in enumerate(separator.stems) if stem != residual]
    estimates = {}
    for name, stems in masked.items():
        estimate = np.zeros_like(references, "float32")
        for place in places:
            back = _converted(stems[place], front_end.sample_rate, sample_rate)
            estimate[place] = back[: len(mixture)]
        if residual:
            place = separator.stems.index(residual)
            estimate[place] = mixture - estimate.sum(axis=0)
        estimates[name] = estimate
    return estimates


def _converted(signal: np.ndarray, from_rate: int, to_rate: int) -> np.ndarray:
    return np.concatenate(list(resampled([signal], from_rate, to_rate)))


def _masked(front_end: "FrontEnd", signals: np.ndarray) -> dict[str, np.ndarray]:
    """The mixture, first of `(1 + stems, samples, channels)`, through each kind of masks."""
    count, samples, channels = signals.shape
    masked = {name: np.zeros((count - 1, samples, channels), "float32") for name in CEILINGS}
    step = front_end.frame_step
    # Frames that reach over a block's end are transformed with what lies there.
    margin = -(-front_end.frame_length // step) * step
    block = _BLOCK_FRAMES * step
    for start in range(0, samples, block):
        first, end = max(0, start - margin), min(samples, start + block)
        piece = signals[:, first : end + margin]
        for name, stems in _masked_piece(front_end, piece).items():
            masked[name][:, start:end] = stems[:, start - first : end - first]
    return masked


def _masked_piece(front_end: "FrontEnd", signals: np.ndarray) -> dict[str, np.ndarray]:
    count, samples, channels = signals.shape
    flat = np.moveaxis(signals, 2, 1).reshape(-1, samples)
    real, imaginary = front_end.stft(flat)
    magnitude = np.asarray(front_end.magnitude(real, imaginary))
    magnitude = magnitude.reshape(count, channels, *magnitude.shape[1:])
    real, imaginary = np.asarray(real)[:channels], np.asarray(imaginary)[:channels]

    def heard(mask: np.ndarray) -> np.ndarray:
        mask = np.asarray(front_end.restore_band(mask))
        signal = front_end.inverse_stft(real * mask, imaginary * mask)
        return np.asarray(signal)[:, :samples].T

    masks = ideal_masks(list(magnitude[1:]))
    return {name: np.stack([heard(mask) for mask in stems]) for name, stems in masks.items()}

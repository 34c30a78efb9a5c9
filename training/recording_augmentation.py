"""Recordings made a little different each time: what a classifier should not care about."""

import numpy as np

# Shares of a clip, of the rate, and of the spectrogram's rows and columns.
_SHIFT, _SPEED, _MASKED = 0.125, 0.1, 0.125
_GAIN_DB = (-12.0, 12.0)
_NOISE_DB = (-40.0, -5.0)


def augmented(waveforms: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns clips that start later, are played faster or slower, and have gain and white noise.

    Each clip starts up to an eighth of its length later, at 0.9 to 1.1 times its speed, pitch
    included; its level changes by up to 12 dB, and noise lies 5 to 40 dB below it.

    Args:
        waveforms: `(clips, samples)`.
        rng: draws the changes.

    Returns:
        float32 of the same shape.

    Example:
        >>> clip = np.sin(np.arange(1000) / 5)[None]
        >>> augmented(clip, np.random.default_rng(0)).shape
        (1, 1000)
    """
    clips, samples = waveforms.shape
    speeds = rng.uniform(1 - _SPEED, 1 + _SPEED, clips)
    delays = rng.uniform(0, _SHIFT * samples, clips)
    places = np.arange(samples)
    moved = np.stack(
        [
            np.interp((places - delay) * speed, places, clip, left=0, right=0)
            for clip, speed, delay in zip(waveforms, speeds, delays, strict=True)
        ]
    ).astype("float32")
    moved *= _amplitude(rng.uniform(*_GAIN_DB, (clips, 1)))
    level = np.sqrt(np.mean(np.square(moved), axis=1, keepdims=True))
    noise = rng.standard_normal(moved.shape, dtype="float32")
    return moved + level * _amplitude(rng.uniform(*_NOISE_DB, (clips, 1))) * noise


def masked(spectrograms: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns spectrograms in which a band of bins and a stretch of frames are zero.

    Of up to an eighth of each (Park et al., "SpecAugment", Interspeech 2019).

    Args:
        spectrograms: `(clips, bins, frames, 1)`.
        rng: draws the places.
    """
    result = spectrograms.copy()
    for axis in (0, 1):
        size = spectrograms.shape[1 + axis]
        widths = rng.integers(0, int(_MASKED * size) + 1, len(result))
        starts = rng.integers(0, size - widths + 1)
        for clip, start, width in zip(result, starts, widths, strict=True):
            np.moveaxis(clip, axis, 0)[start : start + width] = 0
    return result


def _amplitude(decibels: np.ndarray) -> np.ndarray:
    return (10 ** (decibels / 20)).astype("float32")

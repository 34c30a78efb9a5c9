"""Magnitudes as decibels, scaled clip by clip to [0, 1], and back: the log spectrogram."""

import math

from keras import ops

# Of a magnitude of 1e-5, the least that is told from silence: librosa's `amin`.
FLOOR_DB = -100.0
_STEP = 20 / math.log(10)


def _over_clip(reduce, x):
    """Reduces all axes but the first, and keeps them with size 1."""
    return reduce(x, axis=tuple(range(1, len(x.shape))), keepdims=True)


def to_decibels(magnitude, dynamic_range: float = 80.0):
    """Magnitudes in decibels relative to 1.

    Equal to `librosa.amplitude_to_db(magnitude, ref=1.0, amin=1e-5, top_db=dynamic_range)` of each
    clip.

    Args:
        magnitude: `(batch, ...)`, not negative.
        dynamic_range: what lies further below a clip's loudest value than this, in dB, is raised.

    Returns:
        The same shape, at least `FLOOR_DB`.

    Example:
        >>> np.round(to_decibels(np.float32([[1.0, 0.1, 0.0]]), 30.0)).tolist()
        [[0.0, -20.0, -30.0]]
    """
    decibels = _STEP * ops.log(ops.maximum(magnitude, 10 ** (FLOOR_DB / 20)))
    return ops.maximum(decibels, _over_clip(ops.max, decibels) - dynamic_range)


def to_magnitude(decibels):
    """Inverse of `to_decibels`; what is no louder than its floor is silent.

    Example:
        >>> np.round(to_magnitude(np.float32([[0.0, -20.0, -100.0]])), 6).tolist()
        [[1.0, 0.10000000149011612, 0.0]]
    """
    heard = ops.cast(decibels > FLOOR_DB + 1e-3, "float32")
    return heard * ops.exp(decibels / _STEP)


def min_max(decibels):
    """Scales each clip to [0, 1] by its own minimum and maximum.

    Args:
        decibels: `(batch, ...)`.

    Returns:
        The same shape in [0, 1], 0 where a clip is the same everywhere, as silence is; and each
        clip's minimum and maximum, `(batch, 2)`.
    """
    low, high = _over_clip(ops.min, decibels), _over_clip(ops.max, decibels)
    width = high - low
    scaled = (decibels - low) / ops.where(width > 0, width, ops.ones_like(width))
    return scaled, ops.concatenate((_flat(low), _flat(high)), axis=1)


def undo_min_max(scaled, decibel_range):
    """Inverse of `min_max`.

    Args:
        scaled: `(batch, ...)`.
        decibel_range: each clip's minimum and maximum in dB, `(batch, 2)`.

    Returns:
        Decibels, of the shape of `scaled`.

    Example:
        >>> decibels = np.float32([[-40.0, 0.0, 20.0]])
        >>> undo_min_max(*min_max(decibels)).numpy().tolist()
        [[-40.0, 0.0, 20.0]]
    """
    shape = (-1, *[1] * (len(scaled.shape) - 1))
    low = ops.reshape(decibel_range[:, :1], shape)
    high = ops.reshape(decibel_range[:, 1:], shape)
    return scaled * (high - low) + low


def _flat(x):
    return ops.reshape(x, (-1, 1))

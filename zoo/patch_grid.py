"""How a signal of any length is laid out in overlapping patches: its end and the cross-fades."""

import numpy as np
from keras import ops


def fade_weights(frames: int, overlap: int) -> np.ndarray:
    """Weights of a patch's frames, `(frames,)`: neighbours' overlapping weights add up to one."""
    rise = np.sin(np.pi / 2 * (np.arange(overlap) + 0.5) / max(overlap, 1)) ** 2
    return np.concatenate((rise, np.ones(frames - 2 * overlap), rise[::-1])).astype("float32")


def mirrored(signal, samples):
    """What comes after a signal that is played backwards and forwards from its end on.

    The last patch is filled up with it: networks know music on all frames of a patch, and take the
    few sounds before a silence for vocals.

    Args:
        signal: `(rows, length)`.
        samples: how many to return, more than `length` if need be.

    Returns:
        `(rows, samples)`.
    """
    length = ops.shape(signal)[1]
    place = ops.arange(length, length + samples, dtype="int32") % (2 * length)
    return ops.take(signal, ops.minimum(place, 2 * length - 1 - place), axis=1)

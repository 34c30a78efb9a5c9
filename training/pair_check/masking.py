"""A soft mask on a mixture that makes its fingerprint the stem's, found by gradient descent."""

import functools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from training.pair_check.fingerprint import distances, fingerprint, magnitude, profile_distance
from training.pair_check.measures import GROUPS, profile_of
from training.pair_check.preparation import FRONT_END, WINDOW
from zoo.crossfade import fade_weights
from zoo.progress import progress

STEPS = 60
# What the search makes small.
TERMS = (*GROUPS, "rest")
LEARNING_RATE = 0.4
# Windows in memory at a time, and how many of them two pieces share: 6 s and 0.4 s.
PIECE, OVERLAP = 128, 8
_DECAYS = 0.9, 0.99


class Extraction(NamedTuple):
    """What a mask makes of a mixture.

    Attributes:
        stem: `(samples,)`.
        losses: `(steps, 7)`: distances before each step, in the order of `TERMS`, the mean of all
            pieces.
    """

    stem: np.ndarray
    losses: np.ndarray


class _Mask:
    """Adam (Kingma and Ba, 2015) on the logits of one piece, compiled for its size."""

    def __init__(self):
        self._step = tf.function(self._step, autograph=False)
        self._targets = tf.function(_targets, autograph=False)

    def fitted(self, mixture, stem, rest, steps: int):
        targets = self._targets(stem, rest)
        logits = first = second = tf.zeros_like(mixture)
        losses = []
        for number in range(1, steps + 1):
            logits, first, second, terms = self._step(
                logits, first, second, tf.constant(number, tf.float32), mixture, targets
            )
            losses.append(terms)
        return tf.sigmoid(logits), np.stack(losses)

    def _step(self, logits, first, second, number, mixture, targets):
        target, rest = targets
        with tf.GradientTape() as tape:
            tape.watch(logits)
            passed = tf.sigmoid(logits) * mixture
            held = profile_of((mixture - passed)[None])
            left = profile_distance(held, rest, target["profile"][:1])
            terms = tf.concat((distances(fingerprint(passed), target), [left]), axis=0)
            loss = tf.reduce_sum(terms)
        gradient = tape.gradient(loss, logits)
        slow, slower = _DECAYS
        first = slow * first + (1 - slow) * gradient
        second = slower * second + (1 - slower) * tf.square(gradient)
        mean, square = first / (1 - slow**number), second / (1 - slower**number)
        return logits - LEARNING_RATE * mean / (tf.sqrt(square) + 1e-12), first, second, terms


def _targets(stem, rest):
    return fingerprint(stem), profile_of(rest[None])


@functools.cache
def _mask() -> _Mask:
    """One for all pairs: to trace it takes as long as twenty steps."""
    return _Mask()


def extract(
    mixture: np.ndarray, stem: np.ndarray, *, steps: int = STEPS, piece: int = PIECE
) -> Extraction:
    """Extracts a stem from a mixture by the mask whose fingerprint is nearest to the stem's.

    What the mask holds back is to have the profile of the rest. With the stem's magnitude alone,
    too much passes where stem and rest differ in phase, and are louder than the mixture. Both
    together, squared, are nearest to theirs at `(|S| + |X| - |R|) / (2 |X|)`, which is near to the
    best of all masks that keep the mixture's phase, `(|S|^2 + |X|^2 - |R|^2) / (2 |X|^2)`: the
    phase-sensitive filter (Erdogan et al., "Phase-Sensitive and Recognition-Boosted Speech
    Separation Using Deep Recurrent Neural Networks", ICASSP 2015, section 2).

    The mask begins at one half and stays between 0 and 1; the mixture's phase is kept. Long signals
    go through in pieces that are cross-faded, so that memory grows by the signals alone.

    Args:
        mixture: float32 `(samples,)` at 22,050 Hz.
        stem: of the same length, at its level in the mixture.
        steps: of gradient descent on each piece.
        piece: windows in memory at a time, more than twice the 8 that pieces share.

    Example:
        >>> stem = np.sin(np.arange(8192) * 0.1).astype("float32")
        >>> mixture = stem + np.sin(np.arange(8192) * 1.0).astype("float32")
        >>> extraction = extract(mixture, stem, steps=3)
        >>> extraction.stem.shape, extraction.losses.shape
        ((8192,), (3, 7))
    """
    samples = len(mixture)
    extracted, weights = np.zeros((2, samples), "float32")
    mask, losses = _mask(), []
    for start, end in progress(list(_pieces(samples, piece)), "Matching fingerprints"):
        heard, part = mixture[start:end], stem[start:end]
        waveforms = np.stack((heard, part, heard - part))
        ratios, terms = mask.fitted(*magnitude(waveforms), steps)
        real, imaginary = FRONT_END.stft(waveforms[:1])
        whole = FRONT_END.restore_band(ratios[None])
        found = np.asarray(FRONT_END.inverse_stft(real * whole, imaginary * whole))[0]
        fade = _fade(end - start, start > 0, end < samples)
        extracted[start:end] += fade * found[: end - start]
        weights[start:end] += fade
        losses.append(terms)
    return Extraction(extracted / weights, np.mean(losses, axis=0))


def _pieces(samples: int, windows: int) -> Iterator[tuple[int, int]]:
    """Pieces of one length, for which one program is compiled, evenly over the signal."""
    length, overlap = windows * WINDOW, OVERLAP * WINDOW
    if samples <= length:
        yield 0, samples
        return
    count = -(-(samples - overlap) // (length - overlap))
    for number in range(count):
        start = round(number * (samples - length) / (count - 1))
        yield start, start + length


def _fade(samples: int, before: bool, after: bool) -> np.ndarray:
    overlap = OVERLAP * WINDOW
    fade = np.ones(samples, "float32")
    rise = fade_weights(2 * overlap, overlap)[:overlap]
    if before:
        fade[:overlap] = rise
    if after:
        fade[samples - overlap :] = rise[::-1]
    return fade

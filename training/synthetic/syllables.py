"""Where the syllables of an utterance are: a vowel each, and consonants between them."""

from dataclasses import dataclass

import numpy as np
from scipy import signal
from scipy.ndimage import gaussian_filter1d

from training.synthetic.clock import CONTROL_RATE, FREQUENCIES

_BAND = (250.0, 3500.0)
_SMOOTHNESS = 2.5
_PROMINENCE = 0.35
_NEAREST = int(0.08 * CONTROL_RATE)


@dataclass(frozen=True)
class Nucleus:
    """One syllable.

    Args:
        begin: its first frame: the weakest since the vowel before.
        end: the first frame of the next syllable.
        weight: how much each of its frames may be stretched, `(end - begin,)`: 1 in the vowel, 0
            in the consonants.
        loudness: natural logarithm of the vowel's level.
    """

    begin: int
    end: int
    weight: np.ndarray
    loudness: float


def find_nuclei(envelope: np.ndarray, voicing: np.ndarray) -> list[Nucleus]:
    """Returns the syllables of an utterance in order; together they cover all frames.

    Args:
        envelope: log envelope as in `Utterance`.
        voicing: `(frames,)`, 0 to 1.
    """
    hertz = FREQUENCIES[: envelope.shape[1]]
    band = (hertz > _BAND[0]) & (hertz < _BAND[1])
    level = 0.5 * np.log(np.exp(2 * envelope[:, band]).mean(axis=1))
    sonority = gaussian_filter1d(level + 1.5 * voicing, _SMOOTHNESS)
    padded = np.pad(sonority, 1, constant_values=sonority.min() - 1)
    peaks, _ = signal.find_peaks(padded, prominence=_PROMINENCE, distance=_NEAREST)
    peaks = peaks - 1
    voiced = peaks[voicing[peaks] > 0.4]
    peaks = voiced if len(voiced) else peaks[:1]
    valleys = [
        left + int(np.argmin(sonority[left:right]))
        for left, right in zip(peaks[:-1], peaks[1:], strict=True)
    ]
    edges = [0, *valleys, len(sonority)]
    return [
        _nucleus(sonority, voicing, level, peak, begin, end)
        for peak, begin, end in zip(peaks, edges[:-1], edges[1:], strict=True)
    ]


def _nucleus(sonority, voicing, level, peak, begin, end) -> Nucleus:
    near = np.clip(1 - (sonority[peak] - sonority[begin:end]) / 1.2, 0, 1)
    weight = near**2 * voicing[begin:end] + 1e-3
    return Nucleus(int(begin), int(end), weight.astype(np.float32), float(level[peak]))

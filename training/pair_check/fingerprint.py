"""The fingerprint of a signal, and how far two of them are apart."""

import numpy as np
from keras import ops

from training.pair_check.measures import FLOOR, GROUPS, measures
from training.pair_check.preparation import FRONT_END
from training.pair_check.views import views

# What counts as much as the whole of a profile, in the units of `measures`.
SCALES = {
    "bands": (10.0,) * 6,
    "shape": (1000.0, 1000.0, 1.0, 0.2, 0.1, 3.0),
    "harmonics": (1.0, 0.3, 0.2, 0.3, 0.2),
    "formants": (200.0, 300.0, 300.0, 400.0),
    "dynamics": (10.0, 1e-3, 1e-3, 3.0),
}
# The profile holds 400 of the 425 measures, and tells bins apart.
_WEIGHT = 0.02


def magnitude(waveform):
    """Returns the spectrogram of signals in which a full-scale sine is 1.

    Args:
        waveform: `(batch, samples)` at 22,050 Hz.

    Returns:
        `(batch, frames, 1024)`.
    """
    real, imaginary = FRONT_END.stft(waveform)
    return FRONT_END.magnitude(real, imaginary) / (FRONT_END.frame_length / 4)


def fingerprint(spectrogram):
    """Returns 18 views by 425 measures of every window.

    Args:
        spectrogram: `(frames, 1024)`, as `magnitude` gives it. Of 100 windows it is 765,000
            numbers.

    Returns:
        A dict group of `training.pair_check.measures.GROUPS` -> `(18, frames, measures)`; all
        groups along the last axis are in the order of `MEASURES`.

    Example:
        >>> found = fingerprint(np.ones((3, 1024), "float32"))
        >>> tuple(np.concatenate([found[group] for group in found], axis=-1).shape)
        (18, 3, 425)
    """
    return measures(views(spectrogram))


def distances(first, second):
    """Returns how far one fingerprint is from another, group by group.

    A profile's distance is the energy of the difference over that of the second, the mean of all
    views. Of other measures it is `log(1 + d^2)` of the difference in units of `SCALES`, so that
    no single one outweighs the rest; windows count by the level of the second, because silence has
    no pitch. These are multiplied by 0.02.

    Args:
        first: of `fingerprint`.
        second: of `fingerprint`, with as many frames.

    Returns:
        `(6,)`, in the order of `GROUPS`.

    Example:
        >>> tone = fingerprint(np.eye(3, 1024, 40, dtype="float32"))
        >>> float(ops.sum(distances(tone, tone)))
        0.0
    """
    target = second["profile"]
    level = ops.mean(target[0], axis=-1)
    weight = (level / (ops.mean(level) + FLOOR))[:, None]
    terms = [profile_distance(first["profile"], target, target)]
    for group in list(GROUPS)[1:]:
        steps = (first[group] - second[group]) / np.float32(SCALES[group])
        terms.append(_WEIGHT * ops.mean(weight * ops.log1p(ops.square(steps))))
    return ops.stack(terms)


def profile_distance(first, second, reference):
    """Returns the energy of the difference of profiles over that of a third, the mean of all views.

    Args:
        first: `(views, frames, 400)`, as `profile_of` gives it.
        second: of the same shape.
        reference: of the same shape.

    Returns:
        A number, not negative.

    Example:
        >>> ones = np.ones((1, 3, 400), "float32")
        >>> float(profile_distance(3 * ones, ones, 2 * ones)).__round__(3)
        1.0
    """
    energy = ops.sum(ops.square(reference), axis=(1, 2))
    difference = ops.sum(ops.square(first - second), axis=(1, 2))
    # Silence is near to silence only: a mask on it has to close.
    least = FLOOR**2 * reference.shape[1] * reference.shape[2]
    return ops.mean(difference / (energy + least))

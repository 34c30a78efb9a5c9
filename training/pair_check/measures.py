"""425 measures of every window of a view."""

import functools

import numpy as np
from keras import ops

from training.pair_check.preparation import SAMPLE_RATE, WINDOW

# Bins that a point stands for, and how many such points: single bins up to 1.4 kHz, pairs up to
# 3.4 kHz, then fours.
_WIDTHS = np.repeat((1, 2, 4), (128, 96, 176))
_ENDS = (128, 320, 1024)
POINTS = len(_WIDTHS)
BANDS = ((60, 250), (250, 500), (500, 1000), (1000, 2000), (2000, 4000), (4000, 11025))
FORMANTS = ((200, 1000), (800, 2400), (1800, 3200), (2800, 4500))
PITCHES = 80 * 2 ** (np.arange(28) / 8)
HARMONICS = 8
# What a window must exceed to have a shape: -80 dB of a full-scale sine.
FLOOR = 1e-4

GROUPS = {
    "profile": tuple(f"profile_{point}" for point in range(POINTS)),
    "bands": tuple(f"band_{low}_{high}" for low, high in BANDS),
    "shape": ("centroid", "bandwidth", "skewness", "flatness", "entropy", "slope"),
    "harmonics": ("pitch", "clarity", "harmonicity", "odd_even", "fundamental"),
    "formants": ("formant_1", "formant_2", "formant_3", "formant_4"),
    "dynamics": ("level", "rise", "fall", "crest"),
}
MEASURES = tuple(name for names in GROUPS.values() for name in names)


def measures(pictures):
    """Measures every window of every view.

    All but the profile are computed from the profile, whose points have the sum of their bins as
    weight. The names are in `MEASURES`:

    - 400 points of a frequency profile: means of one, two or four bins;
    - the energies of 6 bands, in dB of a full-scale sine (mean over the band's bins);
    - 6 of spectral shape: centroid and bandwidth in Hz and skewness (the first three moments of
      Peeters, "A Large Set of Audio Features for Sound Description", 2004, section 6.1), flatness
      (of energies), entropy (0 to 1), and slope in dB an octave;
    - 5 of harmony: pitch in octaves above 80 Hz and its clarity (0 to 1), by subharmonic summation
      (Hermes, "Measurement of Pitch by Subharmonic Summation", JASA 83(1), 1988), each candidate
      counting by the eighth power of its sum; at these pitches the share of 8 harmonics in the
      profile, their odd ones against the even ones (-1 to 1), and the fundamental's share in them;
    - 4 formants: the frequency about which the energy lies in four ranges, in Hz;
    - 4 of dynamics: level in dB, mean rise and fall since the window before, and crest, which is
      the largest point over the root mean square.

    All can be differentiated. A window below -80 dB of a full-scale sine has no shape: measures of
    it go to 0.

    Args:
        pictures: `(views, frames, 1024)`, non-negative; a full-scale sine is 1.

    Returns:
        A dict group of `GROUPS` -> `(views, frames, measures of the group)`.

    Example:
        >>> tone = np.zeros((1, 1, 1024), "float32")
        >>> tone[..., 100] = 1.0
        >>> found = measures(tone)
        >>> round(float(found["shape"][0, 0, 0])), round(100 * 22050 / 2048)
        (1077, 1077)
    """
    profile = profile_of(pictures)
    energy = ops.square(profile)
    tables = _tables()
    weighted = profile * tables["widths"]
    whole = ops.sum(weighted, axis=-1, keepdims=True) + FLOOR
    logarithm = ops.log(energy + FLOOR**2)
    mean_energy = ops.sum(energy * tables["widths"], axis=-1, keepdims=True) / WINDOW
    return {
        "profile": profile,
        "bands": _decibels(energy @ tables["bands"]),
        "shape": _shape(weighted / whole, energy, logarithm, tables),
        "harmonics": _harmonics(profile, tables),
        "formants": _formants(energy, tables),
        "dynamics": _dynamics(weighted, profile, mean_energy),
    }


def profile_of(pictures):
    """Returns means of one, two or four bins: the first of the `measures`.

    Args:
        pictures: `(views, frames, 1024)`.

    Returns:
        `(views, frames, 400)`.

    Example:
        >>> tuple(profile_of(np.ones((1, 3, 1024), "float32")).shape)
        (1, 3, 400)
    """
    views, frames, _ = pictures.shape
    single, pairs, fours = (
        pictures[..., start:end] for start, end in zip((0, *_ENDS), _ENDS, strict=False)
    )
    pairs = ops.mean(ops.reshape(pairs, (views, frames, -1, 2)), axis=-1)
    fours = ops.mean(ops.reshape(fours, (views, frames, -1, 4)), axis=-1)
    return ops.concatenate((single, pairs, fours), axis=-1)


def _decibels(energy):
    return ops.log(energy + FLOOR**2) * (10 / np.log(10))


def _shape(share, energy, logarithm, tables):
    moments = share @ tables["moments"]  # of the frequency in kHz
    first, second, third = (moments[..., place : place + 1] for place in range(3))
    # About 1, and 0 in silence, whose frequencies are not spread about 0 Hz.
    weight = ops.sum(share, axis=-1, keepdims=True)
    variance = second - first**2 * (2 - weight)
    bandwidth = ops.sqrt(ops.maximum(variance, 1e-6))
    central = third - 3 * first * second + (3 - weight) * first**3
    # The third moment of what is narrower than 50 Hz is rounding.
    skewness = central / ops.maximum(variance, 0.05**2) ** 1.5
    mean_log = ops.mean(logarithm, axis=-1, keepdims=True)
    flatness = ops.exp(mean_log) / (ops.mean(energy, axis=-1, keepdims=True) + FLOOR**2)
    entropy = -ops.sum(share * ops.log(share + 1e-7), axis=-1, keepdims=True) / np.log(POINTS)
    slope = logarithm @ tables["slope"]
    return ops.concatenate(
        (1000 * first, 1000 * bandwidth, skewness, flatness, entropy, slope), axis=-1
    )


def _harmonics(profile, tables):
    found = profile @ tables["combs"]
    salience, odd, even, first = ops.split(found, 4, axis=-1)
    largest = ops.max(salience, axis=-1, keepdims=True)
    power = ops.square(ops.square(ops.square(salience / (largest + FLOOR))))
    share = power / (ops.sum(power, axis=-1, keepdims=True) + 1e-6)
    harmonic = odd + even
    total = ops.sum(profile, axis=-1, keepdims=True) + FLOOR
    parts = (
        share * tables["octaves"],
        share * share,
        share * harmonic / total,
        share * (odd - even) / (harmonic + FLOOR),
        share * first / (harmonic + FLOOR),
    )
    return ops.stack([ops.sum(part, axis=-1) for part in parts], axis=-1)


def _formants(energy, tables):
    sums = energy @ tables["formants"]
    frequency, whole = sums[..., : len(FORMANTS)], sums[..., len(FORMANTS) :]
    return frequency / (whole + FLOOR**2)


def _dynamics(weighted, profile, mean_energy):
    before = ops.pad(weighted[:, :-1], ((0, 0), (1, 0), (0, 0)))
    change = weighted - before
    rise = ops.sum(ops.relu(change), axis=-1, keepdims=True) / WINDOW
    fall = ops.sum(ops.relu(-change), axis=-1, keepdims=True) / WINDOW
    largest = ops.max(profile, axis=-1, keepdims=True)
    crest = largest / ops.sqrt(mean_energy + FLOOR**2)
    return ops.concatenate((_decibels(mean_energy), rise, fall, crest), axis=-1)


@functools.cache
def frequencies() -> np.ndarray:
    """Returns the centres of the profile's points in Hz, float64 `(400,)`."""
    last = np.cumsum(_WIDTHS)
    return (last - (_WIDTHS + 1) / 2) * SAMPLE_RATE / (2 * WINDOW)


@functools.cache
def _tables() -> dict[str, np.ndarray]:
    hertz, widths = frequencies(), _WIDTHS.astype("float64")

    def within(low, high):
        return widths * ((hertz >= low) & (hertz < high))

    bands = np.stack([within(*band) for band in BANDS], axis=-1)
    formants = np.stack([within(*formant) for formant in FORMANTS], axis=-1)
    octaves = np.log2(np.maximum(hertz, hertz[1]))
    octaves -= octaves.mean()
    # (harmonics, points, pitches)
    harmonic = np.stack([_comb(pitch) for pitch in PITCHES], axis=-1)
    decay = 0.84 ** np.arange(HARMONICS)
    odd, even = harmonic[::2].sum(axis=0), harmonic[1::2].sum(axis=0)
    combs = (np.tensordot(decay, harmonic, 1), odd, even, harmonic[0])
    tables = {
        "widths": widths,
        "bands": bands / bands.sum(axis=0),
        "moments": np.stack([(hertz / 1000) ** power for power in (1, 2, 3)], axis=-1),
        "slope": (10 / np.log(10) * octaves / np.sum(octaves**2))[:, None],
        "combs": np.concatenate(combs, axis=-1),
        "octaves": np.log2(PITCHES / PITCHES[0]),
        "formants": np.concatenate((formants * hertz[:, None], formants), axis=-1),
    }
    return {name: np.ascontiguousarray(table, "float32") for name, table in tables.items()}


def _comb(pitch: float) -> np.ndarray:
    """Weights that read a profile at a pitch's harmonics, between its points: a row each."""
    hertz = frequencies()
    rows = np.zeros((HARMONICS, POINTS))
    for row, frequency in zip(rows, pitch * np.arange(1, HARMONICS + 1), strict=True):
        above = int(np.searchsorted(hertz, frequency))
        share = (frequency - hertz[above - 1]) / (hertz[above] - hertz[above - 1])
        row[above - 1 : above + 1] = 1 - share, share
    return rows

"""The views and measures of a pair check, against SciPy, librosa and computation by hand."""

import librosa
import numpy as np
import pytest
import scipy.ndimage
import scipy.stats
import tensorflow as tf
from keras import ops

from training.pair_check.fingerprint import SCALES, distances, fingerprint, magnitude
from training.pair_check.measures import (
    BANDS,
    FORMANTS,
    GROUPS,
    MEASURES,
    PITCHES,
    frequencies,
    measures,
)
from training.pair_check.preparation import SAMPLE_RATE
from training.pair_check.views import LINES, ORIENTED, STEPS, VIEWS, views

HERTZ = np.arange(1024) * SAMPLE_RATE / 2048


def pictures(frames: int = 4) -> np.ndarray:
    """Louder than the floor by so much that it does not count."""
    return np.random.default_rng(0).uniform(0.5, 3, (1, frames, 1024)).astype("float32")


def measured(picture: np.ndarray) -> dict[str, np.ndarray]:
    """Name of each measure but the profile -> `(frames,)`; the profile `(400, frames)`."""
    found = measures(picture)
    values = {
        name: np.asarray(found[group])[0, :, place]
        for group, names in GROUPS.items()
        for place, name in enumerate(names)
    }
    values["profile"] = np.asarray(found["profile"])[0].T
    return values


def spectrum(peaks: dict[float, float]) -> np.ndarray:
    """Lines at frequencies in Hz, between bins shared out to both."""
    line = np.zeros(1024, "float32")
    for hertz, level in peaks.items():
        below, share = divmod(hertz * 2048 / SAMPLE_RATE, 1)
        line[int(below)] += level * (1 - share)
        line[int(below) + 1] += level * share
    return line[None, None]


def test_a_clip_has_765000_numbers():
    assert (len(VIEWS), len(set(VIEWS)), len(MEASURES), len(set(MEASURES))) == (18, 18, 425, 425)
    sizes = {group: len(names) for group, names in GROUPS.items()}
    assert list(sizes.values()) == [400, 6, 6, 5, 4, 4]
    assert {group: len(scales) for group, scales in SCALES.items()} == {
        group: size for group, size in sizes.items() if group != "profile"
    }
    found = fingerprint(np.zeros((100, 1024), "float32"))
    assert sum(int(np.prod(part.shape)) for part in found.values()) == 765_000


def test_a_full_scale_sine_is_1():
    tone = np.sin(2 * np.pi * 100 / 2048 * np.arange(20_480)).astype("float32")
    assert np.asarray(magnitude(tone[None]))[0, 5:15].max() == pytest.approx(1, abs=1e-4)


def test_views_are_the_filters_they_are_said_to_be():
    image = np.random.default_rng(1).uniform(0, 1, (7, 30)).astype("float32")

    def filtered(kernel):
        return scipy.ndimage.correlate(image, np.array(kernel, "float64"), mode="constant")

    # Rows are frames: what is steady is a column of the kernel.
    lines = {
        "horizontal_line": [[-1, 2, -1]] * 3,
        "vertical_line": np.transpose([[-1, 2, -1]] * 3),
        "rising_line": 3 * np.eye(3) - 1,
        "falling_line": 3 * np.eye(3)[::-1] - 1,
    }
    assert tuple(lines) == LINES
    expected = {"magnitude": image}
    expected |= {name: filtered(kernel).clip(0) / 6 for name, kernel in lines.items()}
    gradients = [scipy.ndimage.sobel(image, axis, mode="constant") / 8 for axis in (0, 1)]
    signed = [sign * gradient for gradient in gradients for sign in (1, -1)]
    expected |= {name: part.clip(0) for name, part in zip(STEPS, signed, strict=True)}
    for name in ORIENTED:
        angle = np.radians(float(name.removeprefix("edge_")))
        expected[name] = abs(np.cos(angle) * gradients[0] + np.sin(angle) * gradients[1])
    expected["laplacian"] = abs(scipy.ndimage.laplace(image, mode="constant")) / 4
    expected["pooled"] = scipy.ndimage.uniform_filter(image, 5, mode="constant")
    assert tuple(expected) == VIEWS
    for name, found in zip(VIEWS, np.asarray(views(image)), strict=True):
        np.testing.assert_allclose(found, expected[name], atol=2e-6, err_msg=name)
    assert [float(name[5:]) for name in ORIENTED] == [22.5, 45, 67.5, 90, 112.5, 135, 157.5]


def test_a_profile_holds_every_bin_once():
    picture = pictures()
    profile = measured(picture)["profile"]
    np.testing.assert_allclose(profile[:128].T, picture[0, :, :128], rtol=1e-6)
    pairs = picture[0, :, 128:320].reshape(4, 96, 2).mean(axis=2)
    np.testing.assert_allclose(profile[128:224].T, pairs, rtol=1e-6)
    fours = picture[0, :, 320:].reshape(4, 176, 4).mean(axis=2)
    np.testing.assert_allclose(profile[224:].T, fours, rtol=1e-6)
    places = np.split(HERTZ, [128, 320])
    centres = [
        places[0],
        *(part.reshape(-1, n).mean(1) for part, n in zip(places[1:], (2, 4), strict=True)),
    ]
    np.testing.assert_allclose(frequencies(), np.concatenate(centres))


def test_shape_is_librosas_and_scipys():
    picture = pictures()
    found = measured(picture)
    widths = np.repeat((1, 2, 4), (128, 96, 176))[:, None]
    hertz, profile = frequencies(), found["profile"].astype("float64")
    given = {"S": profile * widths, "freq": hertz, "sr": SAMPLE_RATE}
    centroid = librosa.feature.spectral_centroid(**given)[0]
    bandwidth = librosa.feature.spectral_bandwidth(**given)[0]
    np.testing.assert_allclose(found["centroid"], centroid, rtol=1e-4)
    np.testing.assert_allclose(found["bandwidth"], bandwidth, rtol=1e-4)
    flatness = librosa.feature.spectral_flatness(S=profile)[0]
    np.testing.assert_allclose(found["flatness"], flatness, rtol=1e-4)
    share = profile * widths / np.sum(profile * widths, axis=0)
    entropy = scipy.stats.entropy(share, axis=0) / np.log(400)
    np.testing.assert_allclose(found["entropy"], entropy, rtol=1e-4)
    skewness = np.sum(share * (hertz[:, None] - centroid) ** 3, axis=0) / bandwidth**3
    np.testing.assert_allclose(found["skewness"], skewness, atol=1e-3)
    octaves = np.log2(np.maximum(hertz, hertz[1]))
    slope = np.polyfit(octaves, 20 * np.log10(profile), 1)[0]
    np.testing.assert_allclose(found["slope"], slope, atol=1e-3)


def test_bands_and_dynamics_by_hand():
    picture = np.zeros((1, 3, 1024), "float32")
    picture[0, 1, 30:40], picture[0, 2, 30:35] = 0.5, 1.0
    found = measured(picture)
    hertz = frequencies()
    for low, high in BANDS:
        inside = [0.5] * int(np.sum((hertz[30:40] >= low) & (hertz[30:40] < high)))
        bins = np.repeat((1, 2, 4), (128, 96, 176))[(hertz >= low) & (hertz < high)].sum()
        decibels = 10 * np.log10(np.square(inside).sum() / bins + 1e-8)
        assert found[f"band_{low}_{high}"][1] == pytest.approx(decibels, abs=1e-3)
    assert found["level"][1] == pytest.approx(10 * np.log10(2.5 / 1024), abs=1e-3)
    assert found["level"][0] == pytest.approx(-80, abs=1e-3)
    np.testing.assert_allclose(found["rise"] * 1024, [0, 5, 2.5], atol=1e-4)
    np.testing.assert_allclose(found["fall"] * 1024, [0, 0, 2.5], atol=1e-4)
    assert found["crest"][1] == pytest.approx(0.5 / np.sqrt(2.5 / 1024), rel=1e-3)


def test_formants_are_where_the_energy_lies():
    placed = (600, 1500, 2600, 3900)
    found = measured(spectrum(dict.fromkeys(placed, 0.1)))
    # The first two ranges overlap with nothing between; the others share what lies in both.
    expected = [
        np.mean([hertz for hertz in placed if low <= hertz < high]) for low, high in FORMANTS
    ]
    names = GROUPS["formants"]
    np.testing.assert_allclose([found[name][0] for name in names], expected, atol=15)


def test_harmonics_of_a_tone():
    pitch = PITCHES[12]
    found = measured(spectrum({pitch * n: 0.1 for n in range(1, 9)}))
    assert found["pitch"][0] == pytest.approx(12 / 8, abs=0.1)
    assert found["harmonicity"][0] > 0.8
    odd = measured(spectrum({pitch * n: 0.1 for n in (1, 3, 5, 7)}))
    assert odd["odd_even"][0] > 0.8 > 0.2 > abs(found["odd_even"][0])
    alone = measured(spectrum({pitch: 0.1}))
    assert alone["fundamental"][0] > 0.4 > found["fundamental"][0]
    noise = measured(pictures())
    assert noise["clarity"].max() < 0.3 < found["clarity"][0]


def gradient(function, values: np.ndarray) -> np.ndarray:
    values = tf.constant(values)
    with tf.GradientTape() as tape:
        tape.watch(values)
        result = function(values)
    return tape.gradient(result, values).numpy()


@pytest.mark.parametrize("place", range(6))
def test_every_group_of_measures_can_be_descended(place):
    random = np.random.default_rng(2)
    picture = random.uniform(0.05, 0.1, (1, 3, 1024)).astype("float32")
    # One bin is by far the loudest, and every window louder than the one before.
    picture[..., 50] = 0.5
    picture *= np.float32([1, 3, 9])[:, None]
    target = measures(picture[:, :, ::-1] ** 2)
    direction = random.normal(1e-4, 1e-4, picture.shape).astype("float32") * picture

    def distance(values):
        return distances(measures(values), target)[place]

    expected = (distance(picture + direction) - distance(picture - direction)) / 2
    found = np.sum(gradient(distance, picture) * direction, dtype="float64")
    assert found == pytest.approx(float(expected), rel=0.05)
    assert abs(found) > 1e-9


def test_gradients_are_finite_in_silence():
    picture = np.random.default_rng(2).uniform(0.02, 0.1, (4, 1024)).astype("float32")
    picture[1:3] = 0
    for target in (fingerprint(picture[::-1].copy()), fingerprint(np.zeros_like(picture))):
        found = gradient(
            lambda values, t=target: ops.sum(distances(fingerprint(values), t)), picture
        )
        assert np.isfinite(found).all() and found[0].all() and found[3].all()
    assert float(ops.sum(distances(target, target))) == 0

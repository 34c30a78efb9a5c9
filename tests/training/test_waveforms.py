import numpy as np
import pytest
import tensorflow as tf

from training.remix import Remix
from training.waveforms import EQUALIZER_BINS, coarse, equalized

SAMPLES = 6 * 1024


def curves(rows):
    key, number = tf.constant(3, tf.int64), tf.constant(4, tf.int64)
    return Remix(equalizer_db=6.0).equalizers(rows, EQUALIZER_BINS, key=key, number=number)


def noise(rows, channels, samples=SAMPLES):
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.1, (rows, samples, channels)).astype("float32")


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_equalisers_are_gains_of_the_spectrum(channels):
    rows, gains = noise(3, channels), curves(3).numpy()
    frequencies = np.linspace(0, 1, SAMPLES // 2 + 1)
    points = np.linspace(0, 1, EQUALIZER_BINS)
    filtered = [
        np.fft.irfft(
            np.fft.rfft(row, axis=0) * np.interp(frequencies, points, gain)[:, None], axis=0
        )
        for row, gain in zip(rows, gains, strict=True)
    ]
    groups = [range(3), [1], [0, 2]]
    results = equalized([tf.constant(row) for row in rows], gains, groups)
    for result, group in zip(results, groups, strict=True):
        assert result.shape == (SAMPLES, channels)
        np.testing.assert_allclose(result, sum(filtered[row] for row in group), atol=2e-6)


def test_what_comes_around_stays_within_half_a_thousand_samples():
    """Inside, a segment sounds as if the whole song had been equalised."""
    (song,) = noise(1, 2)
    gains = curves(1)
    (whole,) = equalized([tf.constant(song)], gains, [[0]])
    (part,) = equalized([tf.constant(song[1500 : 1500 + 3 * 1024])], gains, [[0]])
    inside = slice(EQUALIZER_BINS, -EQUALIZER_BINS)
    difference = part.numpy()[inside] - whole.numpy()[1500 : 1500 + 3 * 1024][inside]
    assert 20 * np.log10(np.abs(difference).max() / np.abs(whole).max()) < -60


@pytest.mark.parametrize("scale", [2, 4, 32])
@pytest.mark.parametrize("channels", [1, 2])
def test_coarse_samples_are_weighted_means(scale, channels):
    (waveform,) = noise(1, channels, 1000)
    count = 9
    triangle = np.maximum(0, 1 - np.abs(np.arange(-999, 1000)) / scale) / scale
    assert triangle.sum() == pytest.approx(1)
    kept = 50 + scale * np.arange(count)
    truth = [triangle[999 - place : 1999 - place] @ waveform for place in kept]
    got = coarse(tf.constant(waveform), scale, 50, count)
    assert got.shape == (count, channels)
    np.testing.assert_allclose(got, truth, atol=1e-6)


def test_coarse_is_the_adjoint_of_linear_interpolation():
    """<interpolate(x), y> = scale <x, coarse(y)>, for x at every fourth sample of y."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=20), rng.normal(size=100)
    interpolated = np.interp(np.arange(100), 10 + 4 * np.arange(-1, 21), [0, *x, 0], 0, 0)
    smooth = coarse(tf.constant(y[:, None], tf.float32), 4, 10, 20)[:, 0]
    assert interpolated @ y == pytest.approx(4 * np.sum(x * smooth), rel=1e-4)

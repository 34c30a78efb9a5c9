"""Where a stem lies in a mixture, at which level, and what it leaves when it is taken away."""

import numpy as np
import pytest

from training.alignment import align, moved
from training.pair_check.check import PROMINENCE, belongs
from training.pair_check.null_test import Spectra, gain_of, null_test
from training.synthetic import synthetic_songs

RATE = 22050


@pytest.fixture(scope="module")
def songs() -> list[tuple[np.ndarray, np.ndarray]]:
    """Mixtures and vocals of 5 s."""
    tracks = synthetic_songs(5, 2, duration=5.0, sample_rate=RATE, channels=1)
    return [(track.load_mixture()[:, 0], track.load_stem("vocals")[:, 0]) for track in tracks]


def quieter(mixture: np.ndarray, stem: np.ndarray, decibels: float) -> tuple[np.ndarray, float]:
    """The mixture with the stem so far below the rest, and the stem's gain in it."""
    rest = mixture - stem
    gain = 10 ** (-decibels / 20) * np.linalg.norm(rest) / np.linalg.norm(stem)
    return (rest + gain * stem).astype("float32"), float(gain)


@pytest.mark.parametrize("samples", [0.0, 1.0, 0.5, -0.3, 1234.25, -3.75])
def test_a_signal_is_moved_by_parts_of_a_sample(samples):
    time = np.arange(6000)
    middle = slice(1500, 4500)
    for frequency in (0.01, 0.2, 0.46):
        signal = np.sin(2 * np.pi * frequency * time)
        expected = np.sin(2 * np.pi * frequency * (time - samples))
        assert np.abs(moved(signal, samples) - expected)[middle].max() < 1e-3


@pytest.mark.parametrize(
    ("delay", "gain", "below"), [(0, 1, 0), (777.3, -0.2, 0), (-4000.5, 3, 10), (3.25, -1, 20)]
)
def test_delay_polarity_and_level_are_found(songs, delay, gain, below):
    for mixture, stem in songs:
        mixture, own = quieter(mixture, stem, below)
        given = moved(stem * np.float32(gain), -delay)
        found = align(mixture, given, sample_rate=RATE)
        assert found.samples == pytest.approx(delay, abs=0.1)
        assert found.inverted == (gain < 0)
        spectra = Spectra.of(mixture, moved(given, found.samples))
        measured = gain_of(spectra, inverted=found.inverted)
        left = null_test(mixture, measured * moved(given, found.samples))
        assert belongs(found, left) and left.depth < -4
        decibels = 20 * np.log10(measured * gain / own)
        assert abs(decibels) < (0.1 if below < 20 else 0.5)


def test_a_stem_of_another_song_neither_stands_out_nor_cancels(songs):
    for place, (mixture, _) in enumerate(songs):
        for other, (_, stem) in enumerate(songs):
            if other != place:
                found = align(mixture, stem, sample_rate=RATE)
                there = moved(stem, found.samples)
                gain = gain_of(Spectra.of(mixture, there), inverted=found.inverted)
                left = null_test(mixture, gain * there)
                assert found.prominence < PROMINENCE / 2 and left.depth > 2
                assert not belongs(found, left)


def test_long_signals_are_looked_at_in_blocks():
    noise = np.random.default_rng(0).normal(size=(2, 300_000))
    mixture = noise[0] + 0.3 * np.roll(noise[1], 60_000)
    found = align(mixture, noise[1], sample_rate=RATE)
    assert found.samples == pytest.approx(60_000, abs=0.05)
    assert align(mixture, np.zeros(300_000), sample_rate=RATE) is None


def test_a_null_test_tells_how_well_a_stem_cancels(songs):
    for mixture, stem in songs:
        exact = null_test(mixture, stem)
        rest = np.sum(np.square(mixture - stem, dtype="float64"))
        residual = 10 * np.log10(rest / np.sum(np.square(mixture, dtype="float64")))
        assert exact.residual == pytest.approx(residual, abs=1e-3)
        late, later = (null_test(mixture, moved(stem, samples)) for samples in (1, 20))
        assert exact.depth < -25 < late.depth < -10
        assert late.depth < later.depth and exact.residual < later.residual
        assert null_test(mixture, stem[::-1]).depth > -4

"""Ideal masks: hand computation, the separator's own way, and a figure of others."""

from types import SimpleNamespace

import numpy as np
import pytest
import scipy.signal

from training.evaluation import evaluate, signal_to_distortion
from training.evaluation.ceilings import (
    CEILINGS,
    ceiling_front_end,
    ideal_estimates,
    ideal_masks,
)
from training.tracks import Track
from zoo.audio import read_audio
from zoo.front_end import FrontEnd
from zoo.jansson_unet import JanssonUNet
from zoo.separator import Separator
from zoo.wave_unet import WaveUNet

RATE = 2000
FRONT_END = FrontEnd(sample_rate=RATE, frame_length=64, frame_step=16, bins=32, frames=8)


@pytest.fixture(scope="module")
def separator():
    return Separator(JanssonUNet(filters=(2, 4), front_end=FRONT_END))


@pytest.fixture(scope="module")
def song():
    rng = np.random.default_rng(0)
    return rng.normal(0, 0.1, (2, 3000, 2)).astype("float32")


def test_masks_of_known_magnitudes():
    masks = ideal_masks([np.array([3.0, 1.0, 0.0]), np.array([1.0, 1.0, 0.0])])
    assert list(masks) == list(CEILINGS)
    np.testing.assert_allclose(masks["IRM1"], [[0.75, 0.5, 0], [0.25, 0.5, 0]])
    np.testing.assert_allclose(masks["IRM2"], [[0.9, 0.5, 0], [0.1, 0.5, 0]])
    # What two stems share equally, only one gets.
    np.testing.assert_array_equal(masks["IBM"], [[1, 1, 0], [0, 0, 0]])


def test_the_estimate_is_scipy_s_masked_spectrum(separator, song):
    """SciPy's transforms with the same window and step, away from the song's ends."""
    mixture = song.sum(axis=0)
    estimate = ideal_estimates(separator, mixture, song, RATE)["IRM2"]
    options = {"fs": RATE, "window": "hann", "nperseg": 64, "noverlap": 48}
    spectra = [scipy.signal.stft(x, axis=0, **options)[2] for x in (mixture, *song)]
    whole, vocals, rest = np.moveaxis(np.array(spectra), 1, -1)
    mask = np.abs(vocals) ** 2 / (np.abs(vocals) ** 2 + np.abs(rest) ** 2)
    mask[..., 0] = 0
    # (channels, frames, bins) -> (channels, samples)
    expected = scipy.signal.istft(np.swapaxes(mask * whole, 1, 2), **options)[1].T
    middle = slice(100, 2900)
    np.testing.assert_allclose(estimate[0][middle], expected[middle], atol=1e-5)
    np.testing.assert_allclose(estimate.sum(axis=0), mixture, atol=1e-6)


def test_long_songs_are_masked_piece_by_piece(separator, song, monkeypatch):
    mixture = song.sum(axis=0)
    whole = ideal_estimates(separator, mixture, song, RATE)
    monkeypatch.setattr("training.evaluation.ceilings._BLOCK_FRAMES", 9)
    for name, pieces in ideal_estimates(separator, mixture, song, RATE).items():
        np.testing.assert_allclose(pieces, whole[name], atol=1e-5)


def test_front_ends(separator):
    assert ceiling_front_end(separator) is FRONT_END
    # Exported files say in their metadata what they were made from.
    file = SimpleNamespace(metadata={"front_end": FRONT_END.get_config()}, sample_rate=RATE)
    assert ceiling_front_end(file) == FRONT_END
    network = WaveUNet("M6", sample_rate=RATE, levels=2, initial_filters=2, segment_samples=2000)
    front_end = ceiling_front_end(Separator(network))
    sizes = front_end.sample_rate, front_end.frame_length, front_end.frame_step
    assert sizes == (RATE, 4096, 1024)
    assert (front_end.first_bin, front_end.bins) == (0, 2049)


def test_ceilings_are_columns_between_which_a_model_cannot_rise(separator, song):
    """At a rate above the front end's, whose upper band no mask reaches."""
    track = Track("song", 2 * RATE, None, dict(zip(("vocals", "drums"), song, strict=True)))
    scores = evaluate(separator, [track], ceilings=True)
    assert scores.scores == ("SDR", "mixture", "improvement", "IRM1", "IRM2", "IBM")
    estimates = ideal_estimates(separator, track.load_mixture(), song, 2 * RATE)
    for place, row in enumerate(scores.rows):
        for name in CEILINGS:
            expected = signal_to_distortion(song[place], estimates[name][place])
            assert row[name] == pytest.approx(expected)
        assert row["mixture"] < row["IRM1"] and row["SDR"] < row["IRM1"]
    # Half of the band is the residual's, with half of the other stem's energy as its error.
    assert scores.rows[0]["IRM1"] < 10 * np.log10(2)
    named = {(row["stem"], row["estimate"]) for row in scores.comparisons}
    assert ("drums", "IBM") not in named and ("accompaniment", "IBM") in named


def test_a_ceiling_of_a_real_song(shared_data):
    """An ideal ratio mask at 8192 Hz scores 10.25 dB by the data's README."""
    folder = shared_data / "songs" / "The Mountaineering Club - Mallory"
    names = ("mix", "vocals_true", "accompaniment_true")
    mixture, *stems = (read_audio(folder / f"{name}.mp3")[0] for name in names)
    separator = Separator(JanssonUNet(filters=(2, 3)))
    estimate = ideal_estimates(separator, mixture, np.stack(stems), 44100)["IRM2"][0]

    def rounded(signal):
        return np.round(signal.astype("float64") * 32768)

    frames = []
    for start in range(0, len(mixture) - 44099, 44100):
        truth, guess = (rounded(x[start : start + 44100]) for x in (stems[0], estimate))
        if truth.any() and guess.any():
            frames.append(signal_to_distortion(truth, guess))
    assert np.median(frames) == pytest.approx(10.25, abs=0.01)

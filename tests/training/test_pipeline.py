from dataclasses import replace

import keras
import librosa
import numpy as np
import pytest

from training.pipeline import spectrogram_patches
from training.remix import Remix
from training.tracks import Track
from zoo.errors import InputError


def collect(dataset, batches=None):
    dataset = dataset if batches is None else dataset.take(batches)
    parts = [(x.numpy(), {k: v.numpy() for k, v in y.items()}, *w) for x, y, *w in dataset]
    inputs = np.concatenate([part[0] for part in parts])
    return inputs, {k: np.concatenate([part[1][k] for part in parts]) for k in parts[0][1]}


def test_fixed_patches_equal_librosa(front_end, make_songs):
    track = make_songs(1, samples=1200)[0]
    dataset = spectrogram_patches(
        [track], front_end, stems=("vocals", "accompaniment"), training=False, patches_per_song=2
    )
    mixtures, targets = collect(dataset)
    assert mixtures.shape == (2, 32, 8, 1)
    assert mixtures.dtype == np.float32

    def magnitude(waveform, start):
        segment = waveform[start : start + front_end.patch_samples(), 0]
        stft = librosa.stft(segment, n_fft=64, hop_length=48, center=False)
        return np.abs(stft)[1:]  # DC dropped

    room = 1200 - front_end.patch_samples()
    for patch, start in enumerate((room // 4, room * 3 // 4)):
        mixture = magnitude(track.load_mixture(), start)
        rest = track.stems["drums"] + track.stems["bass"]
        for got, truth in (
            (mixtures, mixture),
            (targets["vocals"], magnitude(track.stems["vocals"], start)),
            (targets["accompaniment"], magnitude(rest, start)),
        ):
            np.testing.assert_allclose(got[patch, :, :, 0], truth / mixture.max(), atol=2e-4)


@pytest.mark.parametrize("remix", [None, Remix()])
def test_the_seed_fixes_the_patches(songs, front_end, remix):
    def draw(seed, first_epoch=0, batches=6):
        dataset = spectrogram_patches(
            songs,
            front_end,
            batch_size=4,
            patches_per_song=3,
            seed=seed,
            first_epoch=first_epoch,
            remix=remix,
        )
        return collect(dataset, batches)[0]

    two_epochs = draw(seed=1)
    np.testing.assert_array_equal(two_epochs, draw(seed=1))
    np.testing.assert_array_equal(two_epochs[12:], draw(seed=1, first_epoch=1, batches=3))
    for other in (draw(seed=2)[:12], two_epochs[12:]):
        distances = np.abs(two_epochs[:12, None] - other[None]).max(axis=(2, 3, 4))
        assert distances.min() > 0.01


def test_each_iteration_is_an_epoch_of_new_patches(songs, front_end):
    dataset = spectrogram_patches(songs, front_end, batch_size=4, patches_per_song=3)
    assert int(dataset.cardinality()) in (3, -2)
    first, second = collect(dataset)[0], collect(dataset)[0]
    assert first.shape == second.shape == (12, 32, 8, 1)
    assert np.abs(first - second).max() > 0.1


def test_patches_are_normalised_by_the_mixtures_peak(songs, front_end):
    inputs, targets = collect(spectrogram_patches(songs, front_end, batch_size=4))
    np.testing.assert_allclose(inputs.max(axis=(1, 2, 3)), 1, rtol=1e-6)
    assert inputs.min() >= 0
    assert 0.1 < targets["vocals"].max() < 2


def test_every_song_is_drawn_equally_often(front_end):
    """Songs are told apart by the ratio of two stems, whatever the position."""
    rng = np.random.default_rng(0)
    tracks = []
    for song in range(5):
        noise = rng.normal(0, 0.1, (2000, 1)).astype("float32")
        tracks.append(Track(f"{song}", 2000, None, {"vocals": noise, "bass": noise * song}))
    dataset = spectrogram_patches(tracks, front_end, batch_size=5, patches_per_song=4)
    _, targets = collect(dataset)
    shares = targets["vocals"].max(axis=(1, 2, 3))  # 1 / (1 + song)
    values, counts = np.unique(np.round(1 / shares).astype(int), return_counts=True)
    assert values.tolist() == [1, 2, 3, 4, 5]
    assert counts.tolist() == [4] * 5


def test_a_given_mixture_is_the_input(front_end, make_songs):
    vocals = make_songs(1)[0].stems["vocals"]
    dataset = spectrogram_patches(
        [Track("loud", 2000, 4 * vocals, {"vocals": vocals})], front_end, batch_size=4
    )
    inputs, targets = collect(dataset)
    np.testing.assert_allclose(targets["vocals"] * 4, inputs, atol=1e-3)


def test_energy_weights_turn_squared_error_into_relative_error(songs, front_end):
    dataset = spectrogram_patches(songs, front_end, batch_size=4, energy_weights=True)
    inputs, targets, weights = next(iter(dataset))
    assert weights.shape == (4, 1, 1)
    estimate = 0.5 * inputs
    loss = keras.losses.MeanSquaredError()(targets["vocals"], estimate, sample_weight=weights)
    errors = np.mean((targets["vocals"] - estimate) ** 2, axis=(1, 2, 3))
    energies = np.mean(inputs.numpy() ** 2, axis=(1, 2, 3))
    assert float(loss) == pytest.approx(np.mean(errors / energies), rel=1e-5)


def test_silence_stays_silence(front_end):
    silent = Track("silent", 2000, None, {"vocals": np.zeros((2000, 1), "float32")})
    dataset = spectrogram_patches([silent], front_end, batch_size=2, energy_weights=True)
    inputs, targets, weights = next(iter(dataset))
    assert np.abs(inputs).max() == np.abs(targets["vocals"]).max() == 0
    assert np.isfinite(weights).all()


def test_unusable_requests_are_refused(songs, front_end):
    with pytest.raises(InputError, match="no stem 'piano', they have vocals, drums, bass"):
        spectrogram_patches(songs, front_end, stems=("piano",))
    with pytest.raises(InputError, match="4 songs give 8 patches an epoch, less than a batch of 9"):
        spectrogram_patches(songs, front_end, patches_per_song=2, batch_size=9)
    with pytest.raises(InputError, match="remix: the songs have no stem 'piano'"):
        spectrogram_patches(songs, front_end, remix=replace(Remix(), foreground="piano"))


def test_an_epoch_knows_its_length(front_end, make_songs):
    dataset = spectrogram_patches(
        make_songs(3), front_end, batch_size=4, patches_per_song=3, remix=Remix()
    )
    assert int(dataset.cardinality()) == sum(1 for _ in dataset) == 2

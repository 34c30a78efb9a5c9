from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from training.bank import load_bank
from training.pipeline import spectrogram_patches
from training.remix import Remix
from zoo.errors import InputError

RATE = 2000
LENGTH = 400


@pytest.fixture(scope="module")
def bank(make_songs):
    return load_bank(make_songs(8), RATE)


def draws(bank, remix, count=400):
    """Songs, positions and gains of many patches, each `(patches, parts)`."""

    def draw(number):
        drawn = remix.draw(bank, LENGTH, key=tf.constant(7, tf.int64), number=number, patches=count)
        return drawn.songs, drawn.positions, drawn.gains

    parts = tf.data.Dataset.range(count).map(draw).batch(count)
    return [array.numpy() for array in next(iter(parts))]


def decibels(ratio):
    return 20 * np.log10(ratio)


def test_coherent_patches_come_from_one_place(bank):
    songs, positions, _ = draws(bank, Remix(coherent=1.0))
    assert (songs == songs[:, :1]).all()
    assert (positions == positions[:, :1]).all()
    songs, positions, _ = draws(bank, Remix(coherent=0.0))
    # Three stems of eight songs each agree by chance in one patch of 64.
    same = (songs[:, :3] == songs[:, :1]).all(axis=1).mean()
    assert same == pytest.approx(1 / 64, abs=0.02)


def test_a_third_is_coherent_by_default(bank):
    _, positions, _ = draws(bank, Remix())
    assert (positions == positions[:, :1]).all(axis=1).mean() == pytest.approx(1 / 3, abs=0.06)


def test_positions_cover_the_song_and_fit(bank):
    _, positions, _ = draws(bank, Remix(coherent=0.0))
    assert positions.min() >= 0
    assert positions.max() <= 3000 - LENGTH
    assert np.histogram(positions, bins=4, range=(0, 3000 - LENGTH))[0].min() > 300


def test_levels_stay_in_their_ranges(bank):
    plain = Remix(
        without_foreground=0, foreground_only=0, second_foreground=0, coherent=1, stem_gain_db=0
    )
    songs, _, gains = draws(bank, plain)
    levels = bank.levels[songs[:, 0]] * gains[:, :3]
    ratio = decibels(levels[:, 0] / np.sqrt((levels[:, 1:] ** 2).sum(axis=1)))
    assert ratio.min() >= -9.001
    assert ratio.max() <= 6.001
    assert np.ptp(ratio) > 14

    _, _, gains = draws(bank, replace(plain, stem_gain_db=5.0))
    spread = decibels(gains[:, 1] / gains[:, 2])
    assert 8 < np.abs(spread).max() <= 10.001


def test_shares_of_special_patches(bank):
    remix = Remix(without_foreground=0.2, foreground_only=0.1, second_foreground=0.3, coherent=0)
    _, _, gains = draws(bank, remix, count=800)
    assert (gains[:, 0] == 0).mean() == pytest.approx(0.2, abs=0.04)
    quiet = decibels(gains[:, 1]) < decibels(np.median(gains[:, 1])) - 15
    assert quiet.mean() == pytest.approx(0.1, abs=0.03)
    assert (gains[:, 3] > 0).mean() == pytest.approx(0.3 * 0.8, abs=0.04)
    assert not (gains[gains[:, 0] == 0, 3] > 0).any()


def test_equalizers_are_smooth_and_of_the_asked_size():
    key, number = tf.constant(1, tf.int64), tf.constant(2, tf.int64)
    flat = Remix(equalizer_db=0.0).equalizers(3, 513, key=key, number=number)
    np.testing.assert_allclose(flat, 1, atol=1e-6)
    curves = decibels(Remix(equalizer_db=4.0).equalizers(500, 513, key=key, number=number))
    assert curves.shape == (500, 513)
    assert 2.5 < curves.std() < 4.5
    assert np.abs(curves.mean()) < 0.3
    assert np.abs(np.diff(curves[:, 32:], axis=1)).max() < 2.0


def test_stems_add_up_to_the_mixture(front_end, make_songs):
    """Magnitudes of two parts bound that of their sum, from above and from below."""
    dataset = spectrogram_patches(
        make_songs(4),
        front_end,
        stems=("vocals", "accompaniment"),
        remix=Remix(),
        batch_size=16,
        patches_per_song=8,
    )
    mixture, targets = next(iter(dataset))
    vocals, rest = targets["vocals"], targets["accompaniment"]
    assert (mixture <= vocals + rest + 1e-5).numpy().all()
    assert (mixture >= np.abs(vocals - rest) - 1e-5).numpy().all()
    assert float(tf.reduce_max(vocals)) > 0.5


def test_unusable_settings_are_refused():
    with pytest.raises(ValueError, match="Received: coherent=1.5"):
        Remix(coherent=1.5)
    with pytest.raises(ValueError, match="Received: foreground_level_db"):
        Remix(foreground_level_db=(3.0, -3.0))
    with pytest.raises(InputError, match="no stem besides 'vocals'"):
        Remix().check(["vocals"])

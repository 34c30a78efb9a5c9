from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from training.bank import load_bank
from training.pipeline import spectrogram_patches
from training.remix import Remix
from training.source_gains import SourceGains
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


def test_the_whole_mixture_has_a_level(bank):
    songs, positions, gains = draws(bank, Remix())
    leveled_songs, leveled_positions, leveled_gains = draws(bank, Remix(level_db=(-12.0, 3.0)))
    np.testing.assert_array_equal(songs, leveled_songs)
    np.testing.assert_array_equal(positions, leveled_positions)
    level = decibels(leveled_gains[:, 1:3] / gains[:, 1:3])
    np.testing.assert_allclose(level[:, 0], level[:, 1], atol=1e-4)
    assert -12.001 <= level.min() < -11
    assert 2 < level.max() <= 3.001
    _, _, fixed = draws(bank, Remix(level_db=(-6.0, -6.0)))
    np.testing.assert_allclose(fixed, gains * 10 ** (-6 / 20), rtol=1e-5)


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


def test_source_gains_leave_a_patch_in_its_place(front_end, make_songs):
    """With equal gains, patches are what they are without: they are divided by their peaks."""
    options = {"stems": ("vocals", "accompaniment"), "batch_size": 8, "first_epoch": 0}
    songs = make_songs(4)
    plain, _ = next(iter(spectrogram_patches(songs, front_end, **options)))
    for gains, same in ((SourceGains(0.5, 0.5), True), (SourceGains(0.5, 0.9), False)):
        scaled, _ = next(iter(spectrogram_patches(songs, front_end, remix=gains, **options)))
        assert np.allclose(scaled, plain, atol=1e-4) == same


def test_each_source_has_a_gain_of_its_own(bank):
    def gains(targets):
        draw = SourceGains(0.7, 1.0).draw(
            bank,
            LENGTH,
            key=tf.constant(1, tf.int64),
            number=tf.constant(2, tf.int64),
            patches=8,
            targets=targets,
        )
        assert draw.rows == (0, 1, 2)
        assert len(set(draw.songs.numpy())) == len(set(draw.positions.numpy())) == 1
        return draw.gains.numpy()

    separate = gains({"vocals": [0], "drums": [1], "bass": [2]})
    assert len(set(separate)) == 3
    assert 0.7 <= separate.min() < separate.max() < 1
    vocals, drums, bass = gains({"vocals": [0], "accompaniment": [1, 2]})
    assert drums == bass != vocals
    # Stems of no target are sources too.
    assert len(set(gains({"vocals": [0]}))) == 3
    assert len(set(gains({"accompaniment": [1, 2], "bass": [2]}))) == 2


def test_unusable_settings_are_refused():
    with pytest.raises(ValueError, match="Received: coherent=1.5"):
        Remix(coherent=1.5)
    with pytest.raises(ValueError, match="Received: foreground_level_db"):
        Remix(foreground_level_db=(3.0, -3.0))
    with pytest.raises(ValueError, match="Received: level_db"):
        Remix(level_db=(3.0, -3.0))
    for low, high in ((0.9, 0.7), (-0.1, 1.0), (0.0, float("inf")), (float("nan"), 1.0)):
        with pytest.raises(ValueError, match=f"Received: low={low}, high={high}"):
            SourceGains(low, high)
    with pytest.raises(InputError, match="no stem besides 'vocals'"):
        Remix().check(["vocals"])

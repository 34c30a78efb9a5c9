import pickle

import numpy as np
import pytest

from training.bank import load_bank
from training.tracks import Track
from training.transforms.offline import OfflineRecipe, changed, offline_versions

RATE = 8000


def tone(hertz, seconds=2.0, channels=1):
    wave = 0.3 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE)
    return np.repeat(wave.astype("float32")[:, None], channels, axis=1)


def clicks(every):
    wave = np.zeros((4 * RATE, 1), "float32")
    wave[::every] = 0.9
    return wave


def song(mixture=None, **stems):
    return Track("song", RATE, mixture, stems or {"vocals": tone(440), "bass": tone(110)})


def loudest_hertz(waveform):
    part = waveform[len(waveform) // 4 : -len(waveform) // 4, 0]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 16 * RATE))
    return spectrum.argmax() / 16


@pytest.mark.parametrize(
    ("semitones", "tempo"), [(0, 1.0), (2, 1.0), (-3.5, 1.0), (0, 1.25), (1, 0.8), (12, 2.0)]
)
def test_pitch_and_tempo_are_what_was_asked_for(semitones, tempo):
    before = tone(440, channels=2)
    after = changed(before, RATE, semitones=semitones, tempo=tempo)
    assert after.dtype == "float32"
    assert after.shape == (round(len(before) / tempo), 2)
    assert loudest_hertz(after) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.002)
    middle = after[len(after) // 4 : -len(after) // 4]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


def test_tempo_moves_what_happens():
    after = changed(clicks(RATE // 2), RATE, tempo=0.8)[:, 0]
    # Clicks every half second come every 0.625 seconds.
    energy = np.square(after).reshape(-1, 200).sum(axis=1)
    peaks = np.flatnonzero(energy > energy.max() / 4)
    assert np.abs((peaks * 200 + 100) / RATE % 0.625 - 0.3125).min() > 0.2


def test_nothing_changes_without_change():
    np.testing.assert_array_equal(changed(tone(440), RATE), tone(440))
    silence = changed(np.zeros((4000, 1), "float32"), RATE, semitones=1.0, tempo=1.1)
    assert not silence.any()


def test_all_stems_of_a_version_are_changed_alike():
    (version,) = offline_versions(song(), OfflineRecipe(), seed=3)
    stems = {stem: version.load_stem(stem) for stem in version.stems}
    assert len({stem.shape for stem in stems.values()}) == 1
    ratio = loudest_hertz(stems["vocals"]) / loudest_hertz(stems["bass"])
    assert ratio == pytest.approx(4, rel=0.01)
    change = loudest_hertz(stems["vocals"]) / 440
    assert version.name == f"song (pitch {version.stems['vocals'].semitones:+g}, tempo " + (
        f"{version.stems['vocals'].tempo:g})"
    )
    assert 12 * np.log2(change) == pytest.approx(version.stems["vocals"].semitones, abs=0.05)
    assert version.mixture is None


def test_a_mixture_is_the_sum_of_changed_stems_and_of_what_else_is_in_it():
    table = OfflineRecipe(semitones=(1.0, 1.0), tempo=(1.1, 1.1))
    whole = song().load_mixture()
    coded = whole + np.random.default_rng(0).normal(0, 1e-4, whole.shape).astype("float32")
    (version,) = offline_versions(song(coded[:-100]), table, seed=0)
    stems = [version.load_stem(stem) for stem in version.stems]
    np.testing.assert_allclose(version.load_mixture(), sum(stems), atol=1e-6)
    (version,) = offline_versions(song(whole + tone(1000)), table, seed=0)
    rest = version.load_mixture() - sum(stems)
    assert loudest_hertz(rest) == pytest.approx(1000 * 2 ** (1 / 12), rel=0.002)


def test_versions_are_drawn_by_seed_and_name():
    table = OfflineRecipe(copies=300, probability=0.5, semitones=(-2.0, 2.0), tempo=(0.5, 2.0))
    versions = offline_versions(song(), table, seed=1)
    assert [v.name for v in versions] == [v.name for v in offline_versions(song(), table, seed=1)]
    assert len({version.name for version in versions}) == len(versions)
    # Four standard deviations around one half of 300.
    assert 115 < len(versions) < 185
    sources = [version.stems["vocals"] for version in versions]
    assert min(s.semitones for s in sources) < -1.8 < 1.8 < max(s.semitones for s in sources)
    # Even over the logarithm: as many slower ones as faster ones.
    assert 0.35 < np.mean([source.tempo < 1 for source in sources]) < 0.65
    names = {version.name for version in versions}
    assert names.isdisjoint(v.name for v in offline_versions(song(), table, seed=2))
    other = Track("other", RATE, None, song().stems)
    changes = {name.removeprefix("song") for name in names}
    assert changes.isdisjoint(
        v.name.removeprefix("other") for v in offline_versions(other, table, seed=1)
    )


def test_versions_cost_nothing_until_they_are_loaded():
    def fail():
        raise AssertionError("decoded")

    versions = offline_versions(song(fail, vocals=fail, bass=fail), OfflineRecipe(copies=3), seed=0)
    assert len(versions) == 3
    assert (
        offline_versions(song(), OfflineRecipe(copies=2, tempo=(1, 1), semitones=(1, 1)), 0)[1:]
        == []
    )


def test_versions_go_to_other_processes_and_into_caches(tmp_path):
    (version,) = offline_versions(song(tone(440) + tone(110)), OfflineRecipe(), seed=0)
    sent = pickle.loads(pickle.dumps(version))
    np.testing.assert_array_equal(sent.load_mixture(), version.load_mixture())
    for track in (version, sent):
        load_bank([track], RATE, cache_dir=tmp_path)
    assert len(list(tmp_path.glob("*.jsonl"))) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"copies": 0}, "Received: copies=0"),
        ({"probability": -0.1}, "Received: probability=-0.1"),
        ({"semitones": (2, -2)}, "Received: semitones="),
        ({"semitones": (-40, 2)}, "Received: semitones="),
        ({"tempo": (0.0, 1.0)}, "Received: tempo="),
        ({"tempo": (1.0,)}, "Received: tempo="),
    ],
)
def test_unusable_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        OfflineRecipe(**options)

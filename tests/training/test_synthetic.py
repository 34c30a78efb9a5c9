"""Synthetic songs as tracks: what they promise to whoever trains on them."""

import pickle

import numpy as np
import pytest
import soundfile
from scipy import fft, signal

from training.synthetic import synthetic_songs, tracks
from training.synthetic.preview import preview
from training.tracks import Track

STEMS = ["vocals", "drums", "bass", "harmony", "harmony_2", "lead", "effects"]


def song(seed=3, **options) -> Track:
    settings = {"duration": 5.0, "sample_rate": 8192, "channels": 1} | options
    return synthetic_songs(seed, 1, **settings)[0]


def test_same_seed_same_song_and_every_seed_another():
    first, again = (song(7).load_mixture() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - song(8).load_mixture()).max() > 0.01


def test_a_song_does_not_depend_on_how_many_are_made():
    one, many = synthetic_songs(4, 2)[1], synthetic_songs(4, 5)[1]
    assert one.name == many.name == "synthetic-4-1"
    assert one.stems["bass"] == many.stems["bass"]


def test_every_song_begins_with_its_kick():
    for seed in range(3):
        drums = np.abs(song(seed, duration=2.0).load_stem("drums")[:, 0])
        assert np.flatnonzero(drums > 0.2 * drums.max())[0] < 0.06 * 8192


@pytest.mark.parametrize(
    ("sample_rate", "channels"), [(8000, 1), (11025, 2), (44100, 2), (48000, 1)]
)
def test_stems_sum_to_the_mixture_within_full_scale(sample_rate, channels):
    track = song(sample_rate=sample_rate, channels=channels, duration=3.01)
    assert list(track.stems) == STEMS
    stems = {name: track.load_stem(name) for name in STEMS}
    for stem in stems.values():
        assert stem.shape == (round(3.01 * sample_rate), channels)
        assert stem.dtype == np.float32
        assert np.isfinite(stem).all()
    np.testing.assert_array_equal(track.load_mixture(), sum(stems.values()))
    # Not only of this mixture: the stems' peaks sum to less than 1, whatever their phases.
    assert sum(np.abs(stem).max() for stem in stems.values()) <= 1


def test_no_stem_has_an_offset():
    for seed in range(3):
        track = song(seed, duration=8.0)
        for name in STEMS[:-1]:
            stem = track.load_stem(name)
            assert abs(stem.mean()) < 0.01 * stem.std(), (seed, name)


@pytest.mark.parametrize("stem", STEMS[:-1])
def test_the_sample_rate_changes_the_band_and_not_the_song(stem):
    """Loudness over time in the band that both rates have is the same."""

    def curve(sample_rate):
        samples = song(5, duration=6.0, sample_rate=sample_rate).load_stem(stem)[:, 0]
        step = sample_rate // 64
        spectrum = fft.rfft(samples)
        spectrum[int(3000 / (sample_rate / 2) * len(spectrum)) :] = 0
        band = fft.irfft(spectrum, len(samples))[: 6 * 64 * step]
        return np.sqrt(np.mean(band.reshape(-1, step) ** 2, axis=1))

    low, high = curve(8192), curve(32768)
    assert np.corrcoef(low, high)[0, 1] > 0.9


def test_loading_a_stem_renders_no_other(monkeypatch):
    rendered = []

    def record(name):
        def play(dice, song, clock, material):
            rendered.append(name)
            return np.ones((clock.channels, clock.samples), np.float32)

        return play

    monkeypatch.setattr(tracks, "_PLAYERS", {name: record(name) for name in STEMS})
    track = song()
    assert rendered == []
    track.load_stem("drums")
    assert rendered == ["drums"]


def test_sources_reach_another_process():
    source = song().stems["bass"]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(source))(), source())


def test_voices_rest():
    shares = []
    for track in synthetic_songs(2, 6, duration=20.0, sample_rate=8192, channels=1):
        voice = track.load_stem("vocals")[: 20 * 8192, 0].reshape(-1, 512)
        power = np.mean(voice**2, axis=1)
        shares.append(np.mean(power < 1e-4 * power.max()))
    assert 0.05 < np.mean(shares) < 0.6


def test_drums_keep_the_beat():
    """Onsets gather at the song's sixteenths and not at those of another tempo."""
    for index, track in enumerate(
        synthetic_songs(6, 4, duration=16.0, sample_rate=8192, channels=1)
    ):
        plan = tracks.Song.draw(tracks._dice((6, index), 0), 16.0)
        drums = track.load_stem("drums")[:, 0]
        power = np.mean(drums[: len(drums) // 64 * 64].reshape(-1, 64) ** 2, axis=1)
        rise = np.maximum(np.diff(np.log(power + 1e-6 * power.max())), 0)
        times = (np.arange(len(rise)) + 1) * 64 / 8192

        def gathered(beat, rise=rise, times=times):
            return abs(np.sum(rise * np.exp(8j * np.pi * times / beat))) / np.sum(rise)

        if not plan.swing:
            assert gathered(plan.beat) > 2 * gathered(plan.beat * 1.07), index


def test_stereo_puts_the_voice_in_the_middle_and_spreads_the_band():
    width = {name: [] for name in ("vocals", "harmony", "drums")}
    for track in synthetic_songs(9, 6, duration=4.0, sample_rate=16000):
        for name, values in width.items():
            left, right = track.load_stem(name).T
            assert not np.array_equal(left, right)
            side, middle = left - right, left + right
            values.append(np.sqrt(np.sum(side**2) / np.sum(middle**2)))
    assert np.median(width["vocals"]) < np.median(width["harmony"])
    assert np.median(width["vocals"]) < 0.4


def test_the_band_falls_like_music():
    """About 6.5 dB per octave from 100 Hz to 3 kHz, averaged over songs."""
    slopes = []
    for track in synthetic_songs(1, 5, duration=10.0, sample_rate=8192, channels=1):
        band = sum(track.load_stem(name) for name in STEMS[1:])[:, 0]
        hertz, power = signal.welch(band, 8192, nperseg=2048)
        within = (hertz > 60) & (hertz < 3000)
        # Each octave counts the same.
        slopes.append(
            np.polyfit(
                np.log2(hertz[within]), 10 * np.log10(power[within]), 1, w=hertz[within] ** -0.5
            )[0]
        )
    assert -9.5 < np.mean(slopes) < -4


@pytest.mark.parametrize(
    "option",
    [
        {"seed": -1},
        {"count": -1},
        {"duration": 1.0},
        {"duration": float("nan")},
        {"sample_rate": 4000},
        {"sample_rate": 96000},
        {"channels": 3},
        {"channels": 0},
    ],
)
def test_arguments_out_of_range_are_named(option):
    (name, value), *_ = option.items()
    with pytest.raises(ValueError, match=f"`{name}`.*Received: {name}={value}"):
        synthetic_songs(**option)


def test_preview_writes_what_it_shows(tmp_path):
    track = song(channels=2, duration=2.0)
    files = preview(track, tmp_path / "new" / "folder")
    assert [file.name for file in files] == [f"{name}.wav" for name in STEMS] + [
        "mixture.wav",
        "spectrograms.png",
    ]
    assert sorted(files) == sorted((tmp_path / "new" / "folder").iterdir())
    mixture, rate = soundfile.read(files[-2], dtype="float32")
    assert rate == 8192
    np.testing.assert_array_equal(mixture, track.load_mixture())
    assert files[-1].read_bytes().startswith(b"\x89PNG")

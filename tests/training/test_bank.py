import json
import shutil

import numpy as np
import pytest
import soundfile
import tensorflow as tf

from training.bank import load_bank
from training.decode import active_level, load_song
from training.loaders.stem_folder import stem_folder
from training.synthetic import synthetic_songs
from training.tracks import Track
from zoo.errors import InputError

RATE = 2000


def segment(bank, row, song, position, length):
    """The first channel, `(length,)`."""
    integers = (tf.constant(value, tf.int64) for value in (song, position))
    return bank.segment(row, *integers, length)[:, 0].numpy()


def test_every_stem_of_every_song_can_be_cut_out_again(songs):
    bank = load_bank(songs, RATE)
    for song, track in enumerate(songs):
        for row, stem in enumerate(bank.stems):
            truth = track.stems[stem][100:900, 0]
            got = segment(bank, row, song, 100, 800)
            # Half a step of 16 bits, at the stem's own peak.
            np.testing.assert_allclose(got, truth, atol=0.51 * np.abs(truth).max() * 2 / 32767)


def test_sources_are_decoded_once():
    calls = []

    def source():
        calls.append(1)
        return np.ones((100, 1), "float32")

    tracks = [Track(f"{i}", RATE, None, {"vocals": source}) for i in range(3)]
    bank = load_bank(tracks, RATE)
    for _ in range(5):
        segment(bank, 0, 1, 0, 50)
    assert len(calls) == 3


def test_channels_are_averaged_and_the_rate_converted():
    time = np.arange(8000) / 8000
    left = np.sin(2 * np.pi * 100 * time)
    stereo = np.stack([left, np.zeros_like(left)], axis=1).astype("float32")
    bank = load_bank([Track("tone", 8000, None, {"vocals": stereo})], 2000)
    assert bank.lengths.tolist() == [2000]
    expected = 0.5 * np.sin(2 * np.pi * 100 * np.arange(2000) / 2000)
    np.testing.assert_allclose(
        segment(bank, 0, 0, 0, 2000)[200:1800], expected[200:1800], atol=2e-4
    )


def test_stereo_keeps_its_channels_and_their_balance():
    rng = np.random.default_rng(0)
    stems = {
        "vocals": rng.normal(0, 0.1, (900, 2)) * (1, 0.01),
        "bass": rng.normal(0, 0.01, (900, 1)),
        "choir": rng.normal(0, 0.1, (900, 5)),
    }
    tracks = [Track("short", RATE, None, {name: stem[:500] for name, stem in stems.items()})]
    tracks += [Track("long", RATE, None, stems)]
    bank = load_bank(tracks, RATE, channels=2)
    for song, row in np.ndindex(2, 3):
        stem = bank.stems[row]
        whole = tracks[song].stems[stem]
        truth = whole if stem == "vocals" else np.repeat(whole.mean(1, keepdims=True), 2, axis=1)
        integers = (tf.constant(value, tf.int64) for value in (song, 70))
        got = bank.segment(row, *integers, 400).numpy()
        assert got.shape == (400, 2)
        # One scale for both: the soft channel has the loud one's steps.
        step = np.abs(truth).max() / 32767
        np.testing.assert_allclose(got, truth[70:470], atol=0.51 * step)
        assert bank.scales[song, row] == pytest.approx(step)
        assert bank.levels[song, row] == pytest.approx(np.sqrt(np.mean(truth**2)), rel=1e-5)


def test_the_rate_of_stereo_is_converted_channel_by_channel():
    time = np.arange(8000) / 8000
    tones = np.stack([np.sin(2 * np.pi * 100 * time), 0.5 * np.cos(2 * np.pi * 70 * time)], 1)
    bank = load_bank([Track("tones", 8000, None, {"vocals": tones})], RATE, channels=2)
    got = bank.segment(0, tf.constant(0, tf.int64), tf.constant(200, tf.int64), 1600)
    np.testing.assert_allclose(got, tones[800:7200:4], atol=2e-4)


@pytest.mark.parametrize("channels", [1, 2])
def test_around_songs_is_silence(make_songs, channels):
    songs = make_songs(3, samples=300)
    bank = load_bank(songs, RATE, channels=channels)
    for position, length in ((-50, 200), (250, 100), (-50, 400), (-299, 300), (299, 300)):
        got = segment(bank, 1, 1, position, length)
        padded = np.pad(songs[1].stems["drums"][:, 0], 600)
        truth = padded[600 + position : 600 + position + length]
        np.testing.assert_allclose(got, truth, atol=5e-5)
        assert not got[truth == 0].any()


def test_a_given_mixture_is_a_row_of_its_own():
    vocals = np.full((100, 1), 0.2, "float32")
    bank = load_bank([Track("a", RATE, 3 * vocals, {"vocals": vocals})], RATE)
    assert bank.rows == ("vocals", "mixture")
    assert bank.stems == ("vocals",)
    np.testing.assert_allclose(segment(bank, 1, 0, 0, 100), 0.6, rtol=1e-4)


def test_short_songs_are_padded_with_silence():
    bank = load_bank(
        [Track("a", RATE, None, {"vocals": np.ones((10, 1), "float32")})], RATE, minimum_samples=16
    )
    np.testing.assert_allclose(segment(bank, 0, 0, 0, 16), [1] * 10 + [0] * 6)


def test_level_leaves_rests_out():
    rng = np.random.default_rng(0)
    loud = rng.normal(0, 0.2, 10240)
    half_silent = np.concatenate([loud, np.zeros(10240)])
    assert active_level(half_silent) == pytest.approx(np.sqrt(np.mean(loud**2)), rel=1e-6)
    assert active_level(np.zeros(5000)) == 0


def test_a_file_cache_is_found_again_and_follows_the_files(song_folder, tmp_path, monkeypatch):
    decoded = []

    def counting(track, *args, **kwargs):
        decoded.append(track.name)
        return load_song(track, *args, **kwargs)

    monkeypatch.setattr("training.bank.load_song", counting)
    first = load_bank(stem_folder(song_folder), RATE, cache_dir=tmp_path)
    again = load_bank(stem_folder(song_folder), RATE, cache_dir=tmp_path)
    np.testing.assert_array_equal(first.samples, again.samples)
    assert sorted(decoded) == [f"song {number}" for number in range(5)]

    soundfile.write(song_folder / "song 3" / "vocals.wav", np.zeros((3000, 2)), RATE)
    changed = load_bank(stem_folder(song_folder), RATE, cache_dir=tmp_path)
    assert changed.levels[3, changed.rows.index("vocals")] == 0
    assert len(decoded) == 10


def test_a_folder_holds_mono_and_stereo_side_by_side(song_folder, tmp_path):
    for _ in range(2):
        for channels in (1, 2):
            bank = load_bank(stem_folder(song_folder), RATE, channels=channels, cache_dir=tmp_path)
            fresh = load_bank(stem_folder(song_folder), RATE, channels=channels)
            np.testing.assert_array_equal(bank.samples, fresh.samples)
            assert bank.samples.shape == (5 * 2 * 3000 * channels,)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_bank_whose_making_was_killed_is_continued(song_folder, tmp_path, channels):
    options = {"sample_rate": RATE, "channels": channels}
    whole = load_bank(stem_folder(song_folder), cache_dir=tmp_path / "whole", **options)
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    (index,) = (tmp_path / "cut").glob("*.jsonl")
    (audio,) = (tmp_path / "cut").glob("*.int16")
    lines = index.read_text().splitlines(keepends=True)
    index.write_text("".join(lines[:3]) + lines[3][:20])
    audio.write_bytes(audio.read_bytes()[: channels * 3 * 2 * 3000 * 2 + 1111])
    continued = load_bank(stem_folder(song_folder), cache_dir=tmp_path / "cut", **options)
    np.testing.assert_array_equal(whole.samples, continued.samples)
    assert [json.loads(line) for line in index.read_text().splitlines()] == [
        json.loads(line) for line in lines
    ]


def test_processes_decode_as_threads_do():
    tracks = synthetic_songs(3, 2, duration=2.0, sample_rate=8192, channels=1)
    threads = load_bank(tracks, 8192)
    processes = load_bank(tracks, 8192, processes=True, workers=1)
    np.testing.assert_array_equal(threads.samples, processes.samples)
    np.testing.assert_array_equal(threads.scales, processes.scales)


def test_unusable_songs_are_named(make_songs):
    with pytest.raises(InputError, match="no songs"):
        load_bank([], RATE)
    two = make_songs(1)[0], make_songs(1, stems=("vocals", "other"))[0]
    with pytest.raises(
        InputError, match="song-0 has vocals, drums, bass; song-0 has vocals, other"
    ):
        load_bank(two, RATE)
    uneven = {"vocals": np.ones((9, 1), "float32"), "bass": np.ones((8, 1), "float32")}
    with pytest.raises(InputError, match="a: stems differ in length, in samples: vocals 9, bass 8"):
        load_bank([Track("a", RATE, None, uneven)], RATE)
    vocals = {"vocals": np.ones((1000, 1), "float32")}
    assert load_bank([Track("a", RATE, np.ones((1100, 1)), vocals)], RATE).lengths == [1000]
    with pytest.raises(InputError, match="in samples: vocals 1000, mixture 1300"):
        load_bank([Track("a", RATE, np.ones((1300, 1)), vocals)], RATE)
    with pytest.raises(InputError, match="a: .* finite"):
        load_bank([Track("a", RATE, None, {"vocals": np.full((9, 1), np.nan)})], RATE)

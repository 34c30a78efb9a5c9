"""Shards on disk: what is written, when it is kept, and what a killed run leaves."""

import json
from dataclasses import replace

import numpy as np
import pytest
import soundfile

from training.loaders.stem_folder import stem_folder
from training.shards import writer
from training.shards.index import INDEX, read_index
from training.shards.plan import with_splits
from training.shards.preprocess import preprocess_songs
from training.shards.reader import Shards
from training.shards.settings import ShardSettings
from training.shards.writer import write_shards
from training.transforms.offline import OfflineRecipe
from zoo.errors import InputError


@pytest.fixture
def settings(front_end):
    return ShardSettings.of_front_end(front_end, chunk_seconds=0.4)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_songs_are_shared_out_and_counted(make_songs, settings, tmp_path):
    songs = make_songs(20)
    report = write_shards(songs, tmp_path / "s", settings=settings, workers=1)
    assert (report.songs, report.skipped) == (20, {})
    index = read_index(tmp_path / "s")
    assert index.complete
    assert index.rows == ("vocals", "drums", "bass")
    # 20 songs in at least eight files, two held back.
    assert sorted(index.shards) == sorted(
        [f"train-{file:05d}.tfrecord" for file in range(6)] + ["validation-00000.tfrecord"]
    )
    names = [song.name for shard in index.shards.values() for song in shard.songs]
    assert sorted(names) == sorted(track.name for track in songs)
    held = index.shards["validation-00000.tfrecord"].songs
    assert [song.name for song in held] == ["song-5", "song-15"]
    for name, shard in index.shards.items():
        assert (tmp_path / "s" / name).stat().st_size == shard.size
        # 2601 places in chunks of up to 800.
        assert shard.records == 4 * len(shard.songs)
    Shards(tmp_path / "s").check()


def test_a_large_shard_takes_more_songs_and_a_small_one_fewer(make_songs, settings, tmp_path):
    def files(megabytes):
        folder = tmp_path / str(megabytes)
        write_shards(
            make_songs(32),
            folder,
            settings=replace(settings, shard_megabytes=megabytes, validation_share=0.0),
            workers=1,
        )
        return len(list(folder.glob("*.tfrecord")))

    # About 26 kB a song.
    assert [files(megabytes) for megabytes in (0.01, 0.06, 10.0)] == [32, 16, 8]


def test_a_killed_run_is_continued(make_songs, settings, tmp_path, monkeypatch):
    songs = make_songs(10)
    write_shards(songs, tmp_path / "whole", settings=settings, workers=1)
    made = []

    def dying(task):
        if len(made) == 3:
            raise KeyboardInterrupt
        made.append(task.path.name)
        return original(task)

    original = writer.make_shard
    monkeypatch.setattr(writer, "make_shard", dying)
    with pytest.raises(KeyboardInterrupt):
        write_shards(songs, tmp_path / "s", settings=settings, workers=1)
    with pytest.raises(InputError, match="was not written to the end; run stemzoo preprocess"):
        Shards(tmp_path / "s")
    # What a harder death leaves: an unfinished file, one that is not entered, one that was cut.
    (tmp_path / "s" / ".0123abcd-train-00003.tfrecord").write_bytes(b"unfinished")
    (tmp_path / "s" / "train-00004.tfrecord").write_bytes(b"not entered")
    cut = tmp_path / "s" / made[0]
    cut.write_bytes(cut.read_bytes()[:100])
    monkeypatch.setattr(writer, "make_shard", original)
    report = write_shards(songs, tmp_path / "s", settings=settings, workers=1)
    assert report.made == report.shards - 2
    assert contents(tmp_path / "s") == contents(tmp_path / "whole")
    assert write_shards(songs, tmp_path / "s", settings=settings, workers=1).made == 0


def test_only_what_changed_is_made_again(song_folder, settings, tmp_path):
    write_shards(stem_folder(song_folder), tmp_path / "s", settings=settings, workers=1)
    soundfile.write(song_folder / "song 3" / "vocals.wav", np.zeros((3000, 2)), 2000)
    songs = stem_folder(song_folder)
    assert write_shards(songs, tmp_path / "s", settings=settings, workers=1).made == 1
    write_shards(songs[:4], tmp_path / "s", settings=settings, workers=1)
    shards = read_index(tmp_path / "s").shards
    assert {path.name for path in (tmp_path / "s").glob("*.tfrecord")} == set(shards)
    assert sum(len(shard.songs) for shard in shards.values()) == 4


def test_other_settings_and_foreign_folders_are_refused(make_songs, settings, tmp_path):
    songs = make_songs(2)
    write_shards(songs, tmp_path / "s", settings=settings, workers=1)
    with pytest.raises(InputError, match="was made with dtype='int16', not 'float16'"):
        other = replace(settings, dtype="float16")
        write_shards(songs, tmp_path / "s", settings=other, workers=1)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").touch()
    with pytest.raises(InputError, match="home: holds thesis.tex; name an empty or a new folder"):
        write_shards(songs, tmp_path / "home", settings=settings, workers=1)


def test_songs_that_cannot_be_read_are_named_and_tried_again(song_folder, settings, tmp_path):
    broken = song_folder / "song 1" / "vocals.wav"
    whole = broken.read_bytes()
    songs = stem_folder(song_folder)
    broken.write_bytes(whole[:30])
    reasons = []
    report = write_shards(
        songs, tmp_path / "s", settings=settings, workers=1, on_error=reasons.append
    )
    assert list(report.skipped) == ["song 1"]
    assert reasons == list(report.skipped.values())
    assert "vocals.wav" in reasons[0]
    assert len(reasons[0].splitlines()) == 1
    assert report.songs == 4
    broken.write_bytes(whole)
    report = write_shards(stem_folder(song_folder), tmp_path / "s", settings=settings, workers=1)
    assert (report.songs, report.made, report.skipped) == (5, 1, {})


def test_nothing_usable_is_an_error(song_folder, settings, tmp_path):
    songs = stem_folder(song_folder)
    for path in song_folder.rglob("*.wav"):
        path.write_bytes(b"")
    with pytest.raises(InputError, match="none of the songs could be used: .*wav"):
        write_shards(songs, tmp_path / "s", settings=settings, workers=1)


def test_a_corpus_keeps_its_own_split(make_songs, settings, tmp_path):
    songs = make_songs(4)
    given = [
        replace(song, split=split)
        for song, split in zip(songs, ("test", "train", "validation", None), strict=True)
    ]
    write_shards(given, tmp_path / "s", settings=settings, workers=1)
    shards = Shards(tmp_path / "s")
    for split, expected in (
        ("train", {"song-1", "song-3"}),
        ("validation", {"song-2"}),
        ("test", {"song-0"}),
    ):
        assert {song.name for song in shards.of(split).songs} == expected
    assert [track.split for track in with_splits(songs, 0.0)] == ["train"] * 4


def test_versions_in_other_keys_are_for_training_only(make_songs, settings, tmp_path):
    offline = OfflineRecipe(copies=1, semitones=(12.0, 12.0), tempo=(2.0, 2.0))
    write_shards(make_songs(4), tmp_path / "s", settings=settings, offline=offline, workers=1)
    shards = Shards(tmp_path / "s")
    assert sorted(song.samples for song in shards.songs) == [1500] * 3 + [3000] * 3
    assert [song.samples for song in shards.of("validation").songs] == [3000]


def test_a_corpus_is_preprocessed_by_name(song_folder, tmp_path):
    report = preprocess_songs(song_folder, tmp_path / "s", sample_rate=2000, workers=1)
    assert report.songs == 5
    settings = Shards(tmp_path / "s").settings
    # The default front end's 98560 samples at 8192 Hz.
    assert (settings.sample_rate, settings.length) == (2000, 24062)
    with pytest.raises(InputError, match="name either those or a recipe"):
        preprocess_songs("synthetic:0:2", tmp_path / "t", sample_rate=1, recipe="jansson_unet")
    with pytest.raises(InputError, match="content spectrograms: name a recipe"):
        preprocess_songs("synthetic:0:2", tmp_path / "t", content="spectrograms")
    with pytest.raises(InputError, match="t: chunk_seconds must be positive"):
        preprocess_songs("synthetic:0:2", tmp_path / "t", chunk_seconds=-1.0)
    with pytest.raises(InputError, match="ConvVAE learns features .* leave out --to tfrecord"):
        preprocess_songs("synthetic:0:2", tmp_path / "t", recipe="vae_fsdd")
    assert not (tmp_path / "t").exists()


def test_the_index_is_read_with_care(make_songs, settings, tmp_path):
    write_shards(make_songs(2), tmp_path / "s", settings=settings, workers=1)
    path = tmp_path / "s" / INDEX
    values = json.loads(path.read_text())
    for text, reason in (
        ("{", "cannot be read"),
        ("[]", "is not what stemzoo preprocess writes"),
        (json.dumps({**values, "format": 99}), "is of format 99, 1 is known here"),
        (json.dumps({**values, "shards": [{}]}), "is not what stemzoo preprocess writes"),
    ):
        path.write_text(text)
        with pytest.raises(InputError, match=reason):
            Shards(tmp_path / "s")
    path.unlink()
    with pytest.raises(InputError, match="s: holds no shards: shards.json is missing"):
        Shards(tmp_path / "s")


@pytest.mark.slow
def test_processes_write_what_one_writes(make_songs, settings, tmp_path):
    songs = make_songs(3)
    for workers in (1, 2):
        write_shards(songs, tmp_path / str(workers), settings=settings, workers=workers)
    assert contents(tmp_path / "1") == contents(tmp_path / "2")

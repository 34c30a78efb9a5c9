"""Loaders of published corpora and manifests, on real files in their layouts."""

import json
import pickle
from importlib.metadata import distribution
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import training
from training.bank import load_bank
from training.loaders.combined_source import SumSource
from training.loaders.musdb18 import VALIDATION
from training.loaders.named import named_tracks
from zoo.errors import InputError

from .song_corpora import (
    MUSDB_STEMS,
    RATE,
    noise,
    write,
    write_ikala,
    write_medleydb,
    write_musdb18,
    write_musdb18_hq,
    write_song,
)

SONGS = {"train": ["Some One - Song", "Leaf - Summerghost"], "test": ["Else - Song"]}


def splits(tracks):
    return {track.name: track.split for track in tracks}


def level(samples):
    return 10 * np.log10(np.mean(np.square(samples)))


@pytest.fixture(scope="module")
def stem_files(tmp_path_factory):
    path = tmp_path_factory.mktemp("musdb18")
    return path, write_musdb18(path, SONGS)


def test_musdb18_reads_the_five_streams_of_each_file(stem_files):
    path, truth = stem_files
    tracks = training.musdb18(path)
    expected = {
        "Leaf - Summerghost": "validation",
        "Some One - Song": "train",
        "Else - Song": "test",
    }
    assert splits(tracks) == expected
    for track in tracks:
        assert track.sample_rate == 44100
        assert tuple(track.stems) == MUSDB_STEMS
        for stem, part in zip(MUSDB_STEMS, truth[track.name], strict=True):
            got = track.load_stem(stem)
            assert level(got[: len(part)] - part) < level(part) - 15
        mixture = sum(truth[track.name])
        assert level(track.load_mixture()[: len(mixture)] - mixture) < level(mixture) - 15


@pytest.mark.parametrize(
    ("split", "names"),
    [
        ("train", ["Some One - Song"]),
        ("validation", ["Leaf - Summerghost"]),
        ("test", ["Else - Song"]),
    ],
)
def test_musdb18_gives_a_split(stem_files, split, names):
    assert [track.name for track in training.musdb18(stem_files[0], split=split)] == names


def test_musdb18_hq_is_recognised(tmp_path):
    truth = write_musdb18_hq(tmp_path, SONGS)
    tracks = training.musdb18(tmp_path, sample_rate=4000)
    assert splits(tracks)["Leaf - Summerghost"] == "validation"
    (track,) = training.musdb18(tmp_path, split="test")
    for stem, part in truth["Else - Song"].items():
        np.testing.assert_allclose(track.load_stem(stem), part, atol=4e-5)
    np.testing.assert_allclose(track.load_mixture(), sum(truth["Else - Song"].values()), atol=4e-5)
    assert tracks[0].sample_rate == 4000 and tracks[0].load_stem("bass").shape == (1000, 2)


def test_musdb18_says_what_is_missing(tmp_path):
    with pytest.raises(InputError, match="name the folder that MUSDB18 or MUSDB18-HQ was unpack"):
        training.musdb18(tmp_path)
    write_musdb18_hq(tmp_path, {"train": ["a"]})
    (tmp_path / "train" / "a" / "bass.wav").unlink()
    with pytest.raises(InputError, match=r"train/a: holds no file of bass; "):
        training.musdb18(tmp_path)


def test_the_validation_songs_are_those_of_the_musdb_package():
    # The package cannot be imported where ffmpeg is missing.
    configuration = distribution("musdb").locate_file("musdb/configs/mus.yaml")
    listed = yaml.safe_load(Path(configuration).read_text())
    assert set(listed["validation_tracks"]) == VALIDATION and len(VALIDATION) == 14


def test_a_real_stem_file(shared_data, tmp_path):
    name = "The Easton Ellises - Falcon 69.stem.mp4"
    (tmp_path / name).symlink_to(shared_data / "songs" / name)
    (track,) = training.musdb18(tmp_path)
    mixture = track.load_mixture()
    total = sum(track.load_stem(stem) for stem in track.stems)
    assert mixture.shape == (268288, 2)
    assert level(mixture - total) - level(mixture) == pytest.approx(-15.4, abs=0.1)


def test_ikala_has_the_voice_on_the_right(tmp_path):
    clips = write_ikala(tmp_path, ["10161_chorus", "10161_verse"])
    tracks = training.ikala(tmp_path)
    assert [track.name for track in tracks] == list(clips)
    for track in tracks:
        clip = clips[track.name]
        np.testing.assert_allclose(track.load_stem("vocals"), clip[:, 1:], atol=4e-5)
        np.testing.assert_allclose(track.load_stem("accompaniment"), clip[:, :1], atol=4e-5)
        np.testing.assert_allclose(track.load_mixture()[:, 0], clip.sum(axis=1), atol=8e-5)
    write(tmp_path / "Wavfile" / "mono.wav", noise(3, channels=1))
    with pytest.raises(InputError, match=r"mono.wav: has 1 channel\(s\), and channel 1 is needed"):
        training.ikala(tmp_path)


@pytest.mark.parametrize("parent", ["", "Audio", "V2"])
def test_medleydb_sums_the_stems_of_a_group(tmp_path, parent):
    instruments = [
        "male singer",
        "drum set",
        "vocalists",
        "piano",
        ["electric bass", "synthesizer"],
        "tambourine",
    ]
    parts = write_medleydb(tmp_path / parent, "Artist_Song", instruments)
    (track,) = training.medleydb(tmp_path)
    assert track.name == "Artist_Song"
    groups = {"vocals": [0, 2], "drums": [1, 5], "other": [3, 4]}
    for stem, places in groups.items():
        truth = sum(parts[place] for place in places)
        np.testing.assert_allclose(track.load_stem(stem), truth, atol=8e-5)
    bass = track.load_stem("bass")
    assert bass.shape == parts[0].shape and not bass.any()
    np.testing.assert_allclose(track.load_mixture(), sum(parts), atol=4e-5)
    assert isinstance(track.stems["vocals"], SumSource)
    again = pickle.loads(pickle.dumps(track))
    np.testing.assert_array_equal(again.load_stem("vocals"), track.load_stem("vocals"))
    (slow,) = training.medleydb(tmp_path, sample_rate=4000)
    assert slow.load_stem("bass").shape == slow.load_stem("vocals").shape == (1000, 2)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stems: [", "is not YAML"),
        ("!!python/object/apply:os.system ['true']", "is not YAML"),
        ("title: no stems", "lists no stems"),
        ("stems: {S01: {instrument: piano}}", "stem S01 has no filename"),
        ("stems: {S01: {filename: gone.wav}}", "gone.wav: no such file"),
    ],
)
def test_medleydb_says_what_is_wrong_with_metadata(tmp_path, text, message):
    write_medleydb(tmp_path, "A_B", ["piano"])
    (tmp_path / "A_B" / "A_B_METADATA.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        training.medleydb(tmp_path)


def test_fsdd_holds_the_first_five_indices_back(tmp_path):
    for name in ("3_lucas_4", "3_lucas_5", "10", "3_lucas_12"):
        write(tmp_path / "recordings" / f"{name}.wav", noise(0, 800, 1))
    with pytest.raises(InputError, match="10.wav: is not called DIGIT_SPEAKER_INDEX.wav"):
        training.fsdd(tmp_path)
    (tmp_path / "recordings" / "10.wav").unlink()
    tracks = training.fsdd(tmp_path)
    assert splits(tracks) == {"3_lucas_4": "test", "3_lucas_5": "train", "3_lucas_12": "train"}
    (held,) = training.fsdd(tmp_path / "recordings", split="test")
    assert held.load_stem("speech").shape == (800, 1)


def test_the_shared_digits(shared_data):
    tracks = training.fsdd(shared_data / "fsdd", split="test")
    assert len(tracks) == 300 and {track.sample_rate for track in tracks} == {RATE}


@pytest.fixture
def audio(tmp_path):
    stems = {name: noise(place) for place, name in enumerate(("vocals", "drums"))}
    for name, part in stems.items():
        write(tmp_path / "audio" / f"{name}.wav", part)
    return stems


CSV = """name,split,start,duration,vocals,drums,mixture
one,train,0.05,0.1,audio/vocals.wav,audio/drums.wav,
"two, too",test,,,audio/vocals.wav,audio/drums.wav,audio/drums.wav
"""
JSONL = """{"name": "one", "split": "train", "start": 0.05, "duration": 0.1,
"stems": {"vocals": "audio/vocals.wav", "drums": "audio/drums.wav"}}
{"name": "two, too", "split": "test", "mixture": "audio/drums.wav",
"stems": {"vocals": "audio/vocals.wav", "drums": "audio/drums.wav"}}
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", CSV),
        ("b.CSV", "\ufeff" + CSV.replace("\n", "\r\n")),
        ("c.jsonl", JSONL.replace(",\n", ",")),
    ],
)
def test_a_manifest_names_parts_of_files(tmp_path, audio, name, text):
    (tmp_path / name).write_text(text, newline="")
    tracks = training.csv_tracks(tmp_path / name)
    assert splits(tracks) == {"one": "train", "two, too": "test"}
    one, two = tracks
    for stem, part in audio.items():
        np.testing.assert_allclose(one.load_stem(stem), part[400:1200], atol=4e-5)
    np.testing.assert_allclose(two.load_mixture(), audio["drums"], atol=4e-5)
    (track,) = named_tracks(tmp_path / name, split="train", sample_rate=4000)
    assert track.load_mixture().shape == (400, 2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a,train,0,-1,audio/vocals.wav", "duration must be a number of seconds"),
        ("a,train,x,1,audio/vocals.wav", "start must be a number of seconds"),
        ("a,train,0,0,audio/vocals.wav", "duration must be above 0"),
        ("a,dev,0,1,audio/vocals.wav", "split 'dev' is none of train, validation, test"),
        ("a,train,0,1", "has 4 cells, and the first line has 5"),
        ("a,train,0,,", "stem 'vocals' needs a path"),
        (",train,0,,audio/vocals.wav", "needs a name"),
        ('a,train,0,,"audio', "is not CSV"),
        ("a,train,0,,audio/gone.wav", r"gone\.wav: no such file"),
        ("a,train,0.2,0.1,audio/vocals.wav", r"vocals\.wav: ends after 0\.250 s, before the part"),
        ("a,,,,audio/vocals.wav\na,,,,audio/vocals.wav", "line 3: has the name of .* line 2: a"),
    ],
)
def test_what_is_wrong_with_a_manifest_is_said_with_its_line(tmp_path, audio, row, message):
    path = tmp_path / "songs.csv"
    path.write_text(f"name,split,start,duration,vocals\n{row}\n")
    with pytest.raises(InputError, match=message) as caught:
        training.csv_tracks(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("stem", ["", "mixture"])
def test_a_stem_of_json_has_a_name_of_its_own(tmp_path, audio, stem):
    row = {"name": "a", "stems": {"vocals": "audio/vocals.wav", stem: "audio/drums.wav"}}
    (tmp_path / "a.jsonl").write_text(json.dumps(row))
    with pytest.raises(InputError, match="line 1: stems must be an object"):
        training.csv_tracks(tmp_path / "a.jsonl")


@pytest.mark.parametrize("name", ["a\0b.wav", "\ud800.wav"])
def test_a_path_that_no_file_can_have_is_refused(tmp_path, name):
    (tmp_path / "a.jsonl").write_text(json.dumps({"name": "a", "stems": {"vocals": name}}))
    with pytest.raises(InputError, match="line 1: the path of stem 'vocals' is no file name"):
        training.csv_tracks(tmp_path / "a.jsonl")


def test_a_manifest_is_unicode(tmp_path):
    (tmp_path / "a.csv").write_bytes("name,vocals\nCafé,a.wav\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"a.csv: is not UTF-8 text \(byte 15\)"):
        training.csv_tracks(tmp_path / "a.csv")


ROWS = st.dictionaries(
    st.sampled_from(["name", "split", "start", "duration", "mixture", "stems", "other"]),
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.just("train"),
        st.dictionaries(st.text(max_size=3), st.one_of(st.text(max_size=8), st.integers())),
    ),
)


@settings(max_examples=50)
@given(rows=st.lists(ROWS, max_size=2), junk=st.text(max_size=10))
def test_a_malformed_json_manifest_is_one_line_of_error(tmp_path_factory, rows, junk):
    path = tmp_path_factory.getbasetemp() / "malformed.jsonl"
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_text(lines + junk, encoding="utf-8", errors="replace")
    with pytest.raises(InputError):
        training.csv_tracks(path)


@settings(max_examples=100)
@given(content=st.one_of(st.binary(max_size=60), st.text(max_size=60).map(str.encode)), head=...)
def test_a_malformed_csv_manifest_is_one_line_of_error(tmp_path_factory, content, head: bool):
    path = tmp_path_factory.getbasetemp() / "malformed.csv"
    path.write_bytes((b"name,start,vocals\n" if head else b"") + content)
    with pytest.raises(InputError):
        training.csv_tracks(path)


def test_deep_json_is_refused(tmp_path):
    (tmp_path / "deep.jsonl").write_text("[" * 100_000)
    with pytest.raises(InputError, match="line 1: is not JSON"):
        training.csv_tracks(tmp_path / "deep.jsonl")


def test_layouts_are_recognised(tmp_path, stem_files):
    write_ikala(tmp_path / "ikala", ["clip"])
    write_medleydb(tmp_path / "medleydb" / "Audio", "A_B", ["piano"])
    write_musdb18_hq(tmp_path / "hq", SONGS)
    write(tmp_path / "digits" / "0_theo_7.wav", noise(0, 800, 1))
    write_song(tmp_path / "stems" / "song", 0)
    assert len(named_tracks(tmp_path / "hq")) == 3
    assert len(named_tracks(stem_files[0], split="test")) == 1
    for folder, stems in {
        "ikala": ["vocals", "accompaniment"],
        "medleydb": ["vocals", "drums", "bass", "other"],
        "digits": ["speech"],
        "stems": ["drums", "vocals"],
    }.items():
        (track,) = named_tracks(tmp_path / folder)
        assert list(track.stems) == stems
    (track,) = named_tracks(f"stem_folder:{tmp_path / 'hq' / 'test'}")
    assert track.split is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("absent", "absent: no such folder"),
        ("text.txt", "text.txt: is a file; name a folder of songs or a manifest"),
        (
            "musdb19:here",
            "musdb19 is none of stem_folder, musdb18, csv, medleydb, ikala, fsdd, syn",
        ),
        ("ikala:absent", "absent: no such folder"),
        ("csv:absent.csv", "absent.csv: cannot be read: no such file"),
        ("synthetic:1", "synthetic:1: is not of the form synthetic:SEED:COUNT"),
    ],
)
def test_what_no_corpus_is_called_is_said(tmp_path, monkeypatch, data, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("no corpus")
    with pytest.raises(InputError, match=message):
        named_tracks(data)


def test_a_split_must_be_there(tmp_path):
    write_song(tmp_path / "song", 0)
    with pytest.raises(InputError, match="holds no songs of the split test; it has none"):
        named_tracks(tmp_path, split="test")
    with pytest.raises(InputError, match="the splits are train, validation, test"):
        named_tracks(tmp_path, split="dev")


@pytest.mark.parametrize("arguments", [{"start": -1.0}, {"duration": 0.0}, {"start": np.nan}])
def test_a_part_of_a_file_has_a_place(arguments):
    with pytest.raises(ValueError, match="Received: "):
        training.FileSource("song.wav", **arguments)


def test_a_cached_bank_follows_the_files_of_sums(tmp_path):
    write_medleydb(tmp_path / "songs", "A_B", ["male singer", "female singer"])
    first = load_bank(training.medleydb(tmp_path / "songs"), RATE, cache_dir=tmp_path)
    write(tmp_path / "songs" / "A_B" / "A_B_STEMS" / "A_B_STEM_02.wav", np.zeros((2000, 2)))
    changed = load_bank(training.medleydb(tmp_path / "songs"), RATE, cache_dir=tmp_path)
    row = first.rows.index("vocals")
    assert changed.levels[0, row] == pytest.approx(first.levels[0, row] / np.sqrt(2), rel=0.1)

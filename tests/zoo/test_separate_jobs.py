"""`stemzoo separate` over corpora: lists, folders, manifests and processes."""

import json
import os
from pathlib import Path

import pytest
import soundfile

from zoo import InputError
from zoo.files import remove_leftovers
from zoo.jobs.runner import default_workers
from zoo.song_list import listed_songs

from .conftest import noise


@pytest.fixture
def songs(tmp_path, monkeypatch):
    """Two songs of one name in two folders and a third, in the working directory."""
    monkeypatch.chdir(tmp_path)
    names = [Path("in", name) for name in ("a/song.wav", "b/song.wav", "b/other.wav")]
    for seed, name in enumerate(names):
        name.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(name, noise(4000, 2, seed=seed), 44100)
    return names


def stems(folder: str) -> dict[str, bytes]:
    root = Path(folder)
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.wav"))}


def test_lists(songs, tmp_path):
    Path("in/songs.txt").write_text("a/song.wav\n\nb/song.wav\na/song.wav\n")
    Path("in/songs.csv").write_text("name,path\nx,a/song.wav\ny,\nz,b/song.wav\n", "utf-8-sig")
    Path("in/songs.jsonl").write_text('{"mixture": "a/song.wav"}\n{"path": "b/song.wav"}\n')
    Path("manifest.jsonl").write_text(
        '{"format": "stemzoo job 1", "settings": {}}\n{"name": "in/a/song.wav", "status": '
        '"pending"}\n{"name": "in/b/song.wav", "status": "done"}\n'
    )
    for name in ("in/songs.txt", "in/songs.csv", "in/songs.jsonl", "manifest.jsonl"):
        assert listed_songs(name) == songs[:2], name


@pytest.mark.parametrize(
    "name,content,problem",
    [
        ("empty.txt", "\n", "empty.txt: lists no songs"),
        ("bytes.txt", b"\xff\xfe", "bytes.txt: is not UTF-8 text (byte 0)"),
        ("x.csv", "name,file\n", "x.csv: its first line names no column path or mixture"),
        ("x.jsonl", '{"path": "a"}\nb\n', "x.jsonl line 2: is not a JSON object"),
        ("y.jsonl", '{"file": "a"}\n', "y.jsonl line 1: has no path or mixture"),
        ("absent.txt", None, "absent.txt: cannot be read: No such file or directory"),
    ],
)
def test_bad_lists(tmp_path, monkeypatch, name, content, problem):
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(InputError) as raised:
        listed_songs(name)
    assert str(raised.value) == problem


def test_folders_keep_songs_of_one_name_apart(stemzoo, exported, songs):
    Path("songs.txt").write_text("".join(f"{song}\n" for song in songs))
    arguments = ["separate", "--from", "songs.txt", "--model", exported, "--stems", "vocals"]
    code, out, err = stemzoo(*arguments, "-o", "flat")
    assert code == 2 and err == (
        "stemzoo: in/b/song.wav: would overwrite the stems of in/a/song.wav; "
        "separate it into another folder\n"
    )
    assert out.splitlines() == [
        "flat/song/vocals.wav",
        "flat/other/vocals.wav",
        "flat/manifest.jsonl: 2 done, 1 failed, 0 pending; 0 were done already",
    ]
    assert stemzoo(*arguments, "-o", "deep", "--root", "in")[0] == 0
    found = stems("deep")
    assert list(found) == ["a/song/vocals.wav", "b/other/vocals.wav", "b/song/vocals.wav"]
    assert found["a/song/vocals.wav"] == stems("flat")["song/vocals.wav"]
    code, _, err = stemzoo(*arguments, "-o", "none", "--root", "in/b")
    assert (code, err) == (2, "stemzoo: in/a/song.wav: is not in the folder --root, in/b\n")
    code, _, err = stemzoo("separate", "-o", "none")
    assert code == 2 and err.startswith("stemzoo: files: no songs") and not Path("none").exists()


def test_a_manifest_saves_what_is_done(stemzoo, preset, exported, songs):
    arguments = ["separate", songs[0], songs[2], "-o", "out", "--model", exported, "--json"]
    record = ["--manifest", "job.jsonl"]
    code, out, _ = stemzoo(*arguments, *record)
    assert code == 0 and json.loads(out)["in/a/song.wav"]["vocals"] == "out/song/vocals.wav"
    made = stems("out")
    # An earlier run was killed while it wrote this song; another song's is left alone.
    left, kept = (Path("out", name, ".0123abcd-vocals.wav") for name in ("other", "song"))
    for path in (left, kept):
        path.touch()
    Path("out/other/vocals.wav").unlink()
    Path("out/song/vocals.wav").write_bytes(b"mine")
    assert stemzoo(*arguments, *record) == (0, out, "")
    assert stems("out") == {**made, "song/vocals.wav": b"mine", "song/.0123abcd-vocals.wav": b""}
    assert not left.exists() and kept.exists()
    # Without a manifest everything is done again.
    assert stemzoo(*arguments) == (0, out, "")
    kept.unlink()
    assert stems("out") == made
    code, _, err = stemzoo(*arguments, *record, "--format", "flac")
    assert code == 2 and "settings (format was 'wav', is 'flac')" in err
    code, _, err = stemzoo(*arguments, *record, "--model", preset)
    assert code == 2 and "other settings (model was" in err and err.count("\n") == 1
    separate_again = ["separate", "--from", "job.jsonl", "-o", "again", "--model", exported]
    assert stemzoo(*separate_again)[0] == 0 and stems("again") == made


def test_a_model_that_has_changed_begins_anew(stemzoo, exported, songs):
    model = Path("model.tflite")
    model.write_bytes(exported.read_bytes())
    arguments = ["separate", songs[0], "-o", "out", "--model", model, "--workers", 1]
    assert stemzoo(*arguments)[0] == 0
    model.write_bytes(exported.read_bytes() + b"\0")
    code, _, err = stemzoo(*arguments)
    assert code == 2 and "belongs to a job with other settings (fingerprint was" in err


def test_processes_separate_as_one_does(stemzoo, exported, songs):
    Path("in/bad.wav").write_text("These are lyrics.")
    names = [*songs, "in/bad.wav"]
    arguments = ["separate", *names, "--model", exported, "--root", "in"]
    assert stemzoo(*arguments, "-o", "one")[0] == 2
    code, out, err = stemzoo(*arguments, "-o", "two", "--workers", 2)
    assert code == 2 and err.startswith("stemzoo: in/bad.wav: cannot be decoded as audio")
    assert out.splitlines()[-1].endswith("3 done, 1 failed, 0 pending; 0 were done already")
    assert stems("two") == stems("one") and len(stems("one")) == 6
    rows = [json.loads(line) for line in Path("two/manifest.jsonl").read_text().splitlines()]
    workers = {row["worker"] for row in rows if "worker" in row}
    assert workers and f"process {os.getpid()}" not in workers
    code, out, err = stemzoo(*arguments[:-4], "--model", "no.onnx", "-o", "no", "--workers", 2)
    assert (code, err) == (2, "stemzoo: no.onnx: no such file\n")
    assert not Path("no").exists()


def test_only_temporary_siblings_are_left_over(tmp_path):
    names = [".0123abcd-a[1].wav", ".0123abcd-b.wav", ".0123abcx-a[1].wav", "a[1].wav"]
    for name in names:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "a[1].wav")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names[1:])


def test_few_songs_are_no_work_for_many(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sysconf", lambda name: 16 << 10 if name == "SC_PAGE_SIZE" else 1 << 20)
    assert [default_workers(count) for count in (0, 20, 40, 10_000)] == [1, 1, 2, 8]
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    assert default_workers(10_000) == 1

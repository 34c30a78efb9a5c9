"""The record of a job: what outlives a kill, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zoo import InputError
from zoo.jobs import Entry, Item
from zoo.jobs.manifest import Manifest

SETTINGS = {"command": "separate", "stems": ("vocals",), "format": "wav"}
NAMES = ["plain", "Grönland – 愛.mp3", "line\nbreak", "not\udcfftext"]


def written(path) -> bytes:
    """A manifest in which every second item is done and the next has failed."""
    with Manifest(path, SETTINGS) as manifest:
        items = [Item(name, {}, ("no such file",)) for name in NAMES]
        manifest.start(items)
        for number, item in enumerate(items):
            if number % 2:
                manifest.write(item, Entry("failed", None, f"{item.name}: is bad", 0.5, "here"))
            else:
                manifest.write(item, Entry("done", {"vocals": item.name}, None, 1.25, "here"))
    return path.read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return written(tmp_path_factory.mktemp("whole") / "manifest.jsonl")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("torn") / "manifest.jsonl"


def test_it_says_what_became_of_each_item(whole, tmp_path):
    path = tmp_path / "manifest.jsonl"
    path.write_bytes(whole)
    lines = [json.loads(line) for line in whole.splitlines()]
    assert lines[0] == {
        "format": "stemzoo job 1",
        "settings": {"command": "separate", "stems": ["vocals"], "format": "wav"},
    }
    assert lines[1] == {"name": "plain", "status": "pending"}
    assert lines[5] == {
        "name": "plain",
        "status": "done",
        "result": {"vocals": "plain"},
        "seconds": 1.25,
        "worker": "here",
        "files": {"no such file": None},
    }
    assert "Grönland – 愛.mp3".encode() in whole
    with Manifest(path, SETTINGS) as manifest:
        assert list(manifest.entries) == NAMES
        assert manifest.entries["not\udcfftext"].reason == "not\udcfftext: is bad"
        item = Item("plain", {}, ("no such file",))
        assert manifest.is_done(item) and not manifest.is_done(Item("plain"))
    assert path.read_bytes() == whole


@given(st.data())
def test_a_kill_leaves_whole_lines(whole, path, data):
    """Cut anywhere, it says what the whole lines said, and goes on behind them."""
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    complete = path.read_bytes().count(b"\n")
    known: dict[str, str] = {}
    for line in whole.splitlines()[1 : max(1, complete)]:
        row = json.loads(line)
        known[row["name"]] = row["status"]
    with Manifest(path, SETTINGS) as manifest:
        assert {name: entry.status for name, entry in manifest.entries.items()} == known
        manifest.start([Item("last")])
        manifest.write(Item("last"), Entry("done", {}))
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert len(rows) == max(1, complete) + 2 and rows[-1]["name"] == "last"


@given(st.binary(max_size=40) | st.sampled_from([b"0", b"[]", b'"name"', b"{}"]), st.data())
def test_a_damaged_line_is_an_item_to_do(whole, path, garbage, data):
    lines = whole.splitlines()
    number = data.draw(st.integers(1, len(lines) - 1))
    damaged = garbage.replace(b"\n", b"")
    path.write_bytes(b"\n".join([*lines[:number], damaged, *lines[number + 1 :], b""]))
    with Manifest(path, SETTINGS) as manifest:
        statuses = {name: entry.status for name, entry in manifest.entries.items()}
    hurt = json.loads(lines[number])["name"]
    whole_ones = {name: ("done", "failed")[n % 2] for n, name in enumerate(NAMES) if name != hurt}
    assert {name: statuses.get(name) for name in whole_ones} == whole_ones
    assert statuses.get(hurt) in (None, "pending", "done", "failed")


@pytest.mark.parametrize(
    "settings,problem",
    [
        ({**SETTINGS, "format": "flac"}, "(format was 'wav', is 'flac')"),
        ({"command": "separate", "stems": ["vocals"]}, "(format was 'wav', is None)"),
        ({**SETTINGS, "seed": 3}, "(seed was None, is 3)"),
    ],
)
def test_other_settings_are_refused(whole, tmp_path, settings, problem):
    path = tmp_path / "manifest.jsonl"
    path.write_bytes(whole)
    with pytest.raises(InputError) as raised:
        Manifest(path, settings)
    expected = f"{path}: belongs to a job with other settings {problem}; choose another manifest"
    assert str(raised.value) == expected and path.read_bytes() == whole


@pytest.mark.parametrize(
    "content",
    [b"RIFF....WAVE", b"a line\n", b'{"format": "other"}\n{}\n', b"[1]\n", b"\n", b"{}", b"\xff\n"],
)
def test_another_file_is_left_alone(tmp_path, content):
    path = tmp_path / "song.wav"
    path.write_bytes(content)
    with pytest.raises(InputError, match="song.wav: is no manifest of a job"):
        Manifest(path, SETTINGS)
    assert path.read_bytes() == content


def test_one_job_at_a_time(tmp_path):
    path = tmp_path / "manifest.jsonl"
    with Manifest(path, SETTINGS), pytest.raises(InputError, match="another run is at work"):
        Manifest(path, SETTINGS)
    Manifest(path, SETTINGS).__exit__(None, None, None)


def test_it_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for name in ("file/manifest.jsonl", "."):
        with pytest.raises(InputError, match="cannot be"):
            Manifest(tmp_path / name, SETTINGS)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_failed_at_once_leaves_nothing(tmp_path):
    for error, left in ((ValueError, False), (KeyboardInterrupt, True)):
        with pytest.raises(error), Manifest(tmp_path / "new" / "m.jsonl", SETTINGS) as manifest:
            manifest.start([Item("a")])
            raise error
        assert (tmp_path / "new").exists() == left
    with pytest.raises(ValueError), Manifest(tmp_path / "new" / "m.jsonl", SETTINGS):
        raise ValueError
    assert (tmp_path / "new" / "m.jsonl").exists()

"""What docs/data.md shows works, on corpora of the names that it uses."""

import re
from pathlib import Path

import numpy as np
import pytest

from training.loaders.named import named_tracks

from .song_corpora import (
    noise,
    write,
    write_ikala,
    write_medleydb,
    write_musdb18,
    write_musdb18_hq,
    write_song,
)

PAGE = (Path(__file__).parents[2] / "docs" / "data.md").read_text()
LOADERS = PAGE[PAGE.index("\n## Loaders") : PAGE.index("\n## Checking")]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", LOADERS, re.DOTALL)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora")
    write_song(folder / "my_songs" / "song", 0)
    write_musdb18(folder / "MUSDB18", {"train": ["a"]}, samples=3000)
    write_musdb18_hq(folder / "MUSDB18-HQ", {"train": ["a"], "test": ["b"]})
    write_medleydb(folder / "MedleyDB", "A_B", ["male singer", "drum set"])
    write_ikala(folder / "iKala", ["clip"])
    write(folder / "recordings" / "7_theo_9.wav", noise(0, 800, 1))
    for name, file in (("one/mix", "wav"), ("one/vocals", "wav"), ("one/accompaniment", "wav")):
        write(folder / f"{name}.{file}", noise(1))
    for name in ("vocals", "accompaniment"):
        write(folder / "two" / f"{name}.mp3", noise(2, samples=60 * 8000, channels=1))
    (folder / "songs.csv").write_text(blocks("csv")[0])
    (folder / "songs.jsonl").write_text(blocks("json")[0])
    return folder


@pytest.mark.parametrize("code", blocks("python"))
def test_each_loader_takes_three_lines(corpora, monkeypatch, code):
    monkeypatch.chdir(corpora)
    assert len([line for line in code.splitlines() if line]) == 3
    names: dict = {}
    exec(code, names)
    assert names["tracks"] and all(track.load_mixture().any() for track in names["tracks"])


def test_all_loaders_are_shown():
    shown = {name for code in blocks("python") for name in re.findall(r"training\.(\w+)\(", code)}
    assert shown == {"stem_folder", "musdb18", "medleydb", "ikala", "fsdd", "csv_tracks"}


def test_both_manifests_say_the_same(corpora):
    csv, lines = (named_tracks(corpora / name) for name in ("songs.csv", "songs.jsonl"))
    assert [track.name for track in csv] == ["first", "second, live"]
    for one, other in zip(csv, lines, strict=True):
        assert (one.name, one.split, dict(one.stems)) == (other.name, other.split, other.stems)
        np.testing.assert_array_equal(one.load_mixture(), other.load_mixture())
    assert csv[1].load_stem("vocals").shape == (20 * 8000, 1)

"""Manifests: a CSV or JSON-lines file that names the songs, wherever their files lie."""

import csv
import io
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.loaders.file_source import FileSource
from training.loaders.song_files import SPLITS, Report, SongFiles, refuse, tracks_of
from training.tracks import Track
from zoo.errors import InputError

SUFFIXES = (".csv", ".jsonl")
_FIELDS = ("name", "split", "start", "duration", "mixture")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {(error.strerror or '').lower()}") from None


def _csv_rows(path: Path, report: Report) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        columns = [column.strip() for column in next(reader, [])]
        stems = [column for column in columns if column not in _FIELDS]
        if "name" not in columns or not stems or "" in columns or len(set(columns)) < len(columns):
            report(
                path,
                "its first line must name the columns, each once: name, one for each stem, and "
                "as needed split, start, duration and mixture",
            )
            return
        for cells in reader:
            where = f"{path} line {reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(columns):
                report(where, f"has {len(cells)} cells, and the first line has {len(columns)}")
                continue
            row: dict[str, Any] = dict(zip(columns, map(str.strip, cells), strict=True))
            row["stems"] = {stem: row.pop(stem) for stem in stems}
            yield where, row
    except csv.Error as error:
        report(f"{path} line {reader.line_num}", f"is not CSV: {error}")


def _json_rows(path: Path, report: Report) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(io.StringIO(_text(path)), 1):
        where = f"{path} line {number}"
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            report(where, "is not JSON; each line is one object, such as " + _EXAMPLE)
            continue
        if not isinstance(row, dict):
            report(where, "is not a JSON object, such as " + _EXAMPLE)
            continue
        unknown = [key for key in row if key not in (*_FIELDS, "stems")]
        if unknown:
            known = ", ".join((*_FIELDS, "stems"))
            report(where, f"unknown key {unknown[0]!r}; the keys are {known}")
            continue
        stems = row.get("stems")
        if not isinstance(stems, dict) or {"", "mixture"} & stems.keys():
            report(where, "stems must be an object, stem name -> path; the mixture is none of them")
            continue
        yield where, row


_EXAMPLE = '{"name": "song", "stems": {"vocals": "song/vocals.wav"}}'


class _Row:
    """The values of a row, each of which must be what it stands for."""

    def __init__(self, path: Path, where: str, row: dict[str, Any]):
        self._folder = path.parent
        self._where = where
        self._row = row

    def song(self) -> SongFiles:
        name = self._row.get("name")
        if not isinstance(name, str) or not name:
            raise InputError(f"{self._where}: needs a name")
        split = self._row.get("split") or None
        if split not in (None, *SPLITS):
            raise InputError(f"{self._where}: split {split!r} is none of {', '.join(SPLITS)}")
        part = {"start": self._seconds("start") or 0.0, "duration": self._seconds("duration")}
        if part["duration"] == 0:
            raise InputError(f"{self._where}: duration must be above 0 seconds")
        stems = {
            stem: self._file(f"stem {stem!r}", value, part)
            for stem, value in self._row["stems"].items()
        }
        if not stems:
            raise InputError(f"{self._where}: names no stem")
        mixture = self._row.get("mixture")
        given = None if mixture in (None, "") else self._file("mixture", mixture, part)
        return SongFiles(name, self._where, stems, given, split)

    def _seconds(self, key: str) -> float | None:
        value = self._row.get(key)
        if value is None or value == "":
            return None
        try:
            seconds = math.nan if isinstance(value, bool) else float(value)
        except (TypeError, ValueError, OverflowError):
            seconds = math.nan
        if not 0 <= seconds <= 1e9:
            raise InputError(f"{self._where}: {key} must be a number of seconds, 0 or more")
        return seconds

    def _file(self, what: str, value: Any, part: dict) -> FileSource:
        if not isinstance(value, str) or not value:
            raise InputError(f"{self._where}: {what} needs a path")
        try:
            value.encode()
        except UnicodeEncodeError:
            value = "\0"
        if "\0" in value:
            raise InputError(f"{self._where}: the path of {what} is no file name")
        return FileSource(self._folder / value, **part)


def find_songs(path: Path, report: Report = refuse) -> list[SongFiles]:
    """Songs of a manifest, in its order."""
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: a manifest is a {' or '.join(SUFFIXES)} file")
    rows = _csv_rows if path.suffix.lower() == ".csv" else _json_rows
    songs = []
    empty = True
    for where, row in rows(path, report):
        empty = False
        try:
            songs.append(_Row(path, where, row).song())
        except InputError as error:
            report(where, str(error).removeprefix(f"{where}: "))
    if empty:
        report(path, "names no song")
    return songs


def csv_tracks(
    path: str | os.PathLike, *, split: str | None = None, sample_rate: int | None = None
) -> list[Track]:
    """The songs of a manifest, CSV or JSON lines, in UTF-8.

    A CSV file's first line names its columns: `name`; as needed `split` (train, validation or
    test), `start` and `duration` (in seconds, of every file of the song) and `mixture`; all others
    are stems. Its cells under `mixture` and the stems are paths, relative to the manifest's folder.
    An empty cell says nothing, but each song needs all stems. A line of a `.jsonl` file is
    `{"name": ..., "split": ..., "start": ..., "duration": ..., "mixture": ..., "stems": {"vocals":
    ..., ...}}`, where only name and stems are needed. Only headers are read here.

    Args:
        path: a `.csv` or `.jsonl` file.
        split: `"train"`, `"validation"` or `"test"`: only these songs; `None` for all.
        sample_rate: what tracks are resampled to, in Hz; `None` for each song's own.

    Returns:
        Tracks in the manifest's order.

    Raises:
        InputError: for anything that is not as described, with the line; and as `stem_folder`.

    Example:
        >>> import pathlib, soundfile
        >>> soundfile.write("voice.wav", np.zeros(8000), 8000)
        >>> text = "name,split,start,duration,vocals\\none,train,0.25,0.5,voice.wav\\n"
        >>> _ = pathlib.Path("songs.csv").write_text(text)
        >>> (track,) = csv_tracks("songs.csv", split="train")
        >>> track.load_stem("vocals").shape
        (4000, 1)
    """
    return tracks_of(find_songs(Path(path)), path, split=split, sample_rate=sample_rate)

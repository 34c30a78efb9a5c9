"""Files that list songs: plain text, CSV, JSON lines, or the manifest of an earlier job."""

import csv
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

from zoo.errors import InputError

KEYS = ("path", "mixture")


def listed_songs(path: str | os.PathLike) -> list[Path]:
    """Returns the songs that a file lists, each once, in order.

    A `.csv` file has a column `path` or `mixture`, a `.jsonl` file such a key in each line (or it
    is the manifest of a job, whose songs are meant); any other file is text, a path a line. Paths
    are relative to the file's folder; a manifest's are as they were given to the job.

    Args:
        path: the file.

    Raises:
        InputError: if it cannot be read, is not what its suffix says, or lists nothing.

    Example:
        >>> _ = Path("songs.txt").write_text("a.wav\\n/music/b.mp3\\n")
        >>> [str(song) for song in listed_songs("songs.txt")]
        ['a.wav', '/music/b.mp3']
    """
    path = Path(path)
    try:
        text = path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    readers = {".csv": _csv, ".jsonl": _json_lines}
    songs = list(dict.fromkeys(readers.get(path.suffix.lower(), _text)(text, path)))
    if not songs:
        raise InputError(f"{path}: lists no songs")
    return songs


def _text(text: str, path: Path) -> Iterator[Path]:
    return (path.parent / line for line in text.splitlines() if line.strip())


def _csv(text: str, path: Path) -> Iterator[Path]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    keys = [key for key in KEYS if key in (reader.fieldnames or ())]
    if not keys:
        raise InputError(f"{path}: its first line names no column {' or '.join(KEYS)}")
    try:
        return (path.parent / row[keys[0]] for row in list(reader) if row[keys[0]])
    except csv.Error as error:
        raise InputError(f"{path} line {reader.line_num}: is not CSV: {error}") from error


def _json_lines(text: str, path: Path) -> Iterator[Path]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = dict(json.loads(line))
        except (ValueError, TypeError) as error:
            raise InputError(f"{path} line {number}: is not a JSON object") from error
        if "settings" in row:
            continue
        if "status" in row and "name" in row:
            yield Path(str(row["name"]))
            continue
        keys = [key for key in KEYS if isinstance(row.get(key), str)]
        if not keys:
            raise InputError(f"{path} line {number}: has no {' or '.join(KEYS)}")
        yield path.parent / row[keys[0]]

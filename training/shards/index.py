"""The index of a folder of shards: what made them, what is in which, and how to tell damage.

`shards.json` is written anew after every shard, whole or not at all. What it does not name is not
there: a killed run remakes a shard that it had written and not entered.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.decode import Song
from training.shards.settings import ShardSettings
from zoo.errors import InputError
from zoo.files import atomic_path

INDEX = "shards.json"
FORMAT = 1


@dataclass(frozen=True)
class Shard:
    """One file.

    Args:
        file: its name.
        split: `"train"`, `"validation"` or `"test"`.
        key: changes with the songs that it was made of.
        size: in bytes.
        sha256: of the file.
        records: chunks of songs in it.
        songs: by the number that records give.
        skipped: song that could not be used -> why.
    """

    file: str
    split: str
    key: str
    size: int
    sha256: str
    records: int
    songs: tuple[Song, ...]
    skipped: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ShardIndex:
    """What `shards.json` holds.

    Args:
        settings: of the writer.
        rows: of every record: stems or targets, then `"mixture"` where there is one.
        songs_per_shard: how the songs were shared out.
        shards: the files, by name.
        complete: whether the writer came to its end.
    """

    settings: ShardSettings
    rows: tuple[str, ...]
    songs_per_shard: int
    shards: dict[str, Shard]
    complete: bool = False

    def write(self, folder: Path) -> None:
        """Writes the index into its folder."""
        values = {
            "format": FORMAT,
            "complete": self.complete,
            "settings": self.settings.to_json(),
            "rows": list(self.rows),
            "songs_per_shard": self.songs_per_shard,
            "shards": [dataclasses.asdict(shard) for _, shard in sorted(self.shards.items())],
        }
        with atomic_path(folder / INDEX) as temporary:
            temporary.write_text(json.dumps(values, ensure_ascii=False), "utf-8")


def shard_from_json(values: Mapping[str, Any]) -> Shard:
    songs = tuple(
        Song(**{**song, "scales": tuple(song["scales"]), "levels": tuple(song["levels"])})
        for song in values["songs"]
    )
    return Shard(**{**values, "songs": songs})


def is_shards(folder: Path) -> bool:
    """Whether a folder holds shards."""
    return (folder / INDEX).is_file()


def read_index(folder: Path) -> ShardIndex:
    """Reads the index of a folder.

    Raises:
        InputError: if there is none, or it is damaged.
    """
    path = folder / INDEX
    try:
        values = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{folder}: holds no shards: {INDEX} is missing") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    version = values.get("format") if isinstance(values, dict) else None
    if version not in (None, FORMAT):
        raise InputError(f"{path}: is of format {version}, {FORMAT} is known here")
    try:
        shards = [shard_from_json(entry) for entry in values["shards"]]
        return ShardIndex(
            ShardSettings.from_json(values["settings"]),
            tuple(values["rows"]),
            values["songs_per_shard"],
            {shard.file: shard for shard in shards},
            values["complete"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{path}: is not what stemzoo preprocess writes") from error


def checksum(path: Path) -> str:
    """The SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_sizes(folder: Path, shards: list[Shard]) -> None:
    """Raises `InputError` with the first shard that is missing or has not its size."""
    for shard in shards:
        path = folder / shard.file
        try:
            size = path.stat().st_size
        except OSError as error:
            raise InputError(f"{path}: is missing; run stemzoo preprocess again") from error
        if size != shard.size:
            raise InputError(
                f"{path}: has {size} bytes, not {shard.size}: it is damaged; run stemzoo "
                "preprocess again"
            )

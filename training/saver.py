"""Writes features shard by shard, so that a killed run goes on where it was."""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from training.feature_store import (
    FORMAT,
    INDEX,
    SETTINGS,
    Entry,
    Record,
    read_entries,
    read_index,
    read_json,
    serialized,
)
from zoo.errors import InputError
from zoo.files import atomic_path

_SHARD_BYTES = 1 << 26
_SHARD = re.compile(r"shard-(\d{5,})\.tfrecord")
_FILE = rf"(?:features\.json|index\.json|{_SHARD.pattern})"
# What `atomic_path` calls a file until it is whole.
_TEMPORARY = re.compile(rf"\.[0-9a-f]{{8}}-{_FILE}")


def _flat(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


class Saver:
    """Writes features into a folder, shard by shard, and knows what is already there.

    Args:
        folder: created with its parents when it is opened.
        shard_records: recordings of a shard, fewer where it would exceed 64 MB. A killed run loses
            no more than this many.

    Example:
        >>> saver = Saver("features")
        >>> saver.open({"duration": 0.8})
        >>> saver.save([Record("a/tone.wav", np.zeros((4, 3), "uint16"), -80.0, 0.0, 6400)])
        >>> Saver("features").open({"duration": 0.5})
        Traceback (most recent call last):
        zoo.errors.InputError: features: was made with duration=0.8, not 0.5; ...
    """

    def __init__(self, folder: str | os.PathLike, *, shard_records: int = 256):
        if shard_records < 1:
            raise ValueError(
                f"shard_records must be positive. Received: shard_records={shard_records!r}"
            )
        self.folder = Path(folder)
        self.shard_records = shard_records
        self.entries: dict[str, Entry] = {}
        self._next_shard = 0

    def open(self, settings: Mapping[str, Any]) -> None:
        """Takes over what earlier runs left: whole shards are kept, unfinished files removed.

        Args:
            settings: all that decides on the features, as values that JSON knows.

        Raises:
            InputError: if the folder holds other files or features made with other settings, or
                cannot be written.
        """
        settings = json.loads(json.dumps({"format": FORMAT, **settings}))
        with self._writing():
            self.folder.mkdir(parents=True, exist_ok=True)
            names = sorted(entry.name for entry in self.folder.iterdir())
        for name in names:
            if not re.fullmatch(_FILE, name) and not _TEMPORARY.fullmatch(name):
                raise InputError(f"{self.folder}: holds {name}; name an empty or a new folder")
        if SETTINGS in names:
            self._check(read_json(self.folder / SETTINGS), settings)
        elif any(re.fullmatch(_FILE, name) for name in names):
            raise InputError(f"{self.folder}: {SETTINGS} is missing; delete the folder")
        with self._writing():
            for name in filter(_TEMPORARY.fullmatch, names):
                (self.folder / name).unlink()
            if SETTINGS not in names:
                self._write_json(SETTINGS, settings)
        self._take_over([name for name in names if _SHARD.fullmatch(name)], INDEX in names)

    def _check(self, before: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
        made, wanted = dict(_flat(before)), dict(_flat(settings))
        for name in (*wanted, *made):
            if made.get(name) != wanted.get(name):
                raise InputError(
                    f"{self.folder}: was made with {name}={made.get(name)!r}, not "
                    f"{wanted.get(name)!r}; name a new folder, or delete it"
                )

    def _take_over(self, shards: list[str], indexed: bool) -> None:
        known = read_index(self.folder)[0] if indexed else {}
        # An entry without its shard is done again; a shard without entries was finished just
        # before a run was killed.
        self.entries = {path: entry for path, entry in known.items() if entry.shard in shards}
        for shard in sorted(set(shards) - {entry.shard for entry in self.entries.values()}):
            self.entries |= read_entries(self.folder / shard)
        numbers = [int(_SHARD.fullmatch(shard)[1]) for shard in shards]
        self._next_shard = max(numbers, default=-1) + 1

    def save(self, records: Iterable[Record]) -> None:
        """Writes records as they come; the index follows the shards at a little distance.

        Raises:
            InputError: if the folder cannot be written.
        """
        records = iter(records)
        self._write_index(complete=False)
        indexed = len(self.entries)
        for first in records:
            size = min(self.shard_records, _SHARD_BYTES // first.features.nbytes + 1)
            self._save_shard([first, *islice(records, size - 1)])
            # After every shard, the time would grow with the square of their number; those that
            # the index lacks can be read back.
            if len(self.entries) - indexed > indexed / 8:
                self._write_index(complete=False)
                indexed = len(self.entries)
        self._write_index(complete=True)

    def _save_shard(self, records: Sequence[Record]) -> None:
        import tensorflow as tf

        name = f"shard-{self._next_shard:05d}.tfrecord"
        with (
            self._writing(),
            atomic_path(self.folder / name) as temporary,
            tf.io.TFRecordWriter(str(temporary)) as writer,
        ):
            for record in records:
                writer.write(serialized(record))
        for record in records:
            # As the shard has them: single precision.
            low, high = (float(np.float32(v)) for v in (record.minimum, record.maximum))
            self.entries[record.path] = Entry(name, low, high, record.samples)
        self._next_shard += 1

    def _write_index(self, *, complete: bool) -> None:
        recordings = {path: vars(entry) for path, entry in self.entries.items()}
        with self._writing():
            self._write_json(INDEX, {"complete": complete, "recordings": recordings})

    def _write_json(self, name: str, value: Mapping[str, Any]) -> None:
        with atomic_path(self.folder / name) as temporary:
            temporary.write_text(json.dumps(value, ensure_ascii=False), "utf-8")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        import tensorflow as tf

        try:
            yield
        except OSError as error:
            reason = error.strerror or error
            raise InputError(f"{self.folder}: cannot be written: {reason}") from error
        except tf.errors.OpError as error:
            raise InputError(f"{self.folder}: cannot be written: {error.message}") from error

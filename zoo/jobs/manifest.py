"""The record of a job: a file to which each result is appended, and which outlives a kill."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import fields
from pathlib import Path

from zoo.errors import InputError
from zoo.files import created_folder, writing
from zoo.jobs.task import STATUSES, Entry, Item

FORMAT = "stemzoo job 1"
_FIELDS = {field.name: field.default for field in fields(Entry)}


def _line(value: Mapping) -> bytes:
    try:
        return f"{json.dumps(value, ensure_ascii=False)}\n".encode()
    except UnicodeEncodeError:
        # Names of files may hold bytes that are no text.
        return f"{json.dumps(value)}\n".encode()


def _stamps(paths: Iterable[str]) -> dict[str, list[int] | None]:
    """Size in bytes and time of modification in nanoseconds of each file, None where absent."""
    stamps = {}
    for path in paths:
        try:
            status = Path(path).stat()
            stamps[path] = [status.st_size, status.st_mtime_ns]
        except OSError:
            stamps[path] = None
    return stamps


class Manifest:
    """JSON lines: the job's settings, then what became of items; an item's last line counts.

    Results are written to the disk one by one. A process killed at any moment leaves whole lines
    and perhaps the beginning of another, which is cut off when the manifest is opened again.

    Args:
        path: the file; its folder is created.
        settings: `Task.describe()` of the job.

    Attributes:
        entries: item's name -> entry, of all items that the file names.

    Raises:
        InputError: if the file cannot be read or written, is no manifest, belongs to a job with
            other settings, or another process has it open.

    Example:
        >>> with Manifest("manifest.jsonl", {"format": "flac"}) as manifest:
        ...     manifest.start([Item("a"), Item("b")])
        ...     manifest.write(Item("a"), Entry("done", {"vocals": "a/vocals.flac"}))
        >>> with Manifest("manifest.jsonl", {"format": "flac"}) as manifest:
        ...     [manifest.entries[name].status for name in "ab"]
        ['done', 'pending']
    """

    def __init__(self, path: str | os.PathLike, settings: Mapping):
        self.path = Path(path)
        self.entries: dict[str, Entry] = {}
        self._stamps: dict[str, Mapping] = {}
        header = {"format": FORMAT, "settings": json.loads(json.dumps(settings))}
        with ExitStack() as stack:
            stack.enter_context(created_folder(self.path.parent))
            with writing(path):
                self._file = stack.enter_context(self.path.open("a+b"))
            self._lock()
            self._file.seek(0)
            self._read(self._file.read(), header)
            self._stack = stack.pop_all()

    def _lock(self) -> None:
        try:
            import fcntl
        except ImportError:
            return
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{self.path}: another run is at work with this manifest") from error
        except OSError:
            # Some network file systems have no locks.
            return

    def _read(self, content: bytes, header: dict) -> None:
        first = _line(header)
        self._fruitless = first.startswith(content)
        if self._fruitless:
            self._file.truncate(0)
            self._append([header])
            return
        *lines, torn = content.split(b"\n")
        self._check(lines[0] if lines else torn, header["settings"])
        self._file.truncate(len(content) - len(torn))
        for line in lines[1:]:
            with suppress(ValueError, KeyError, TypeError):
                self._take(json.loads(line))

    def _check(self, line: bytes, wanted: dict) -> None:
        try:
            header = json.loads(line)
            known = header["format"] == FORMAT
            settings = dict(header["settings"])
        except (ValueError, KeyError, TypeError):
            known = False
        if not known:
            raise InputError(f"{self.path}: is no manifest of a job; choose another file")
        for key in {**wanted, **settings}:
            was, now = settings.get(key), wanted.get(key)
            if was != now:
                raise InputError(
                    f"{self.path}: belongs to a job with other settings ({key} was {was!r}, is "
                    f"{now!r}); choose another manifest"
                )

    def _take(self, line) -> None:
        if not isinstance(line, dict):
            raise TypeError(line)
        entry = Entry(**{key: line.get(key, default) for key, default in _FIELDS.items()})
        if entry.status not in STATUSES:
            raise ValueError(entry.status)
        self.entries[line["name"]], self._stamps[line["name"]] = entry, line.get("files", {})

    def _append(self, lines: Sequence[Mapping]) -> None:
        with writing(self.path):
            self._file.write(b"".join(map(_line, lines)))
            self._file.flush()
            os.fsync(self._file.fileno())

    def is_done(self, item: Item) -> bool:
        """Whether the item is done, and the files read for it are what they were."""
        entry = self.entries.get(item.name)
        if entry is None or entry.status != "done":
            return False
        return self._stamps[item.name] == _stamps(item.files)

    def start(self, items: Iterable[Item]) -> None:
        """Appends that the items are pending, and looks at their files before they are read."""
        items = list(items)
        self._append([{"name": item.name, "status": "pending"} for item in items])
        for item in items:
            self.entries[item.name], self._stamps[item.name] = Entry(), _stamps(item.files)

    def write(self, item: Item, entry: Entry) -> None:
        """Appends what became of an item that was started."""
        told = {key: value for key, value in vars(entry).items() if value != _FIELDS[key]}
        self._append([{"name": item.name, **told, "files": self._stamps[item.name]}])
        self.entries[item.name] = entry
        self._fruitless = False

    def __enter__(self) -> "Manifest":
        return self

    def __exit__(self, kind, *details) -> None:
        # A job that could not begin leaves nothing; one that was interrupted has.
        if self._fruitless and kind is not None and issubclass(kind, Exception):
            self.path.unlink(missing_ok=True)
        self._stack.__exit__(kind, *details)

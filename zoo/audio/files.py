"""What can be said about an audio file's path before anything is decoded or encoded."""

import os
import stat
from pathlib import Path

from zoo.errors import InputError, system_reason


def file_error(path: str | os.PathLike, problem: str) -> InputError:
    """The one-line error `<path>: <problem>`; names with unprintable characters are escaped."""
    name = os.fspath(path)
    return InputError(f"{name if name.isprintable() else repr(name)}: {problem}")


def check_readable(path: Path) -> None:
    """Raises `InputError` unless `path` is a readable file that is not empty."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise file_error(path, "is a folder, not an audio file; name a file inside it")
        if not stat.S_ISREG(status.st_mode):
            # Opening a pipe to look inside would wait for its writer.
            raise file_error(path, "is not a regular file")
        if status.st_size == 0:
            raise file_error(path, "is empty (0 bytes)")
        with path.open("rb"):
            pass
    except FileNotFoundError:
        raise file_error(path, "no such file") from None
    except OSError as error:
        raise file_error(path, f"cannot be read: {system_reason(error)}") from None


def check_output(path: Path) -> None:
    """Raises `InputError` unless a file could be created at `path`: its folder exists, and no
    folder has its name."""
    try:
        if path.is_dir():
            raise file_error(path, "is a folder; an audio file cannot replace it")
        if not path.parent.exists():
            raise file_error(path, "cannot be written: its folder does not exist; create it first")
        if not path.parent.is_dir():
            raise file_error(path, f"cannot be written: {path.parent} is a file, not a folder")
    except OSError as error:
        raise file_error(path, f"cannot be written: {system_reason(error)}") from None

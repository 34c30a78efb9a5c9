"""Files and folders that appear whole or not at all."""

import glob
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo.errors import InputError, system_reason


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Yields a temporary sibling of `path` to write to, and renames it to `path` on success.

    The sibling keeps the suffix, so that writers which choose a format by the suffix still work.
    On any exception, `KeyboardInterrupt` included, the sibling is removed and an earlier file at
    `path` stays as it was.

    Args:
        path: the file or folder to create or replace. Its parent folder must exist.
    """
    path = Path(path)
    temporary = path.with_name(f".{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        yield temporary
        if path.is_dir() and temporary.is_dir():
            # A folder cannot be renamed over a folder that has entries: the old one steps aside.
            aside = path.with_name(f".{uuid.uuid4().hex[:8]}-{path.name}")
            path.replace(aside)
            temporary.replace(path)
            _remove(aside)
        else:
            temporary.replace(path)
    finally:
        _remove(temporary)


def remove_leftovers(path: str | os.PathLike) -> None:
    """Removes temporary siblings of processes that were killed before they could rename them.

    Args:
        path: as given to `atomic_path`; no other process may be writing it.
    """
    path = Path(path)
    hexadecimal = "[0-9a-f]" * 8
    for left in path.parent.glob(f".{hexadecimal}-{glob.escape(path.name)}"):
        _remove(left)


@contextmanager
def writing(path: str | os.PathLike) -> Iterator[None]:
    """Turns what the system refuses inside into a user's mistake: `InputError`, naming `path`."""
    try:
        yield
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {system_reason(error)}") from error


@contextmanager
def created_folder(folder: Path) -> Iterator[Path]:
    """Yields the folder, created with its parents; on failure what was created goes again.

    Raises:
        InputError: if it cannot be created.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"{folder}: cannot be created: {system_reason(error)}") from error
        yield folder
    except BaseException:
        for path in missing:
            with suppress(OSError):
                path.rmdir()
        raise

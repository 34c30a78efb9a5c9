"""Files and folders that appear whole or not at all."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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

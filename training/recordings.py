"""Which recordings a folder tree holds."""

import os
from collections.abc import Callable
from pathlib import Path

from training.loaders.stem_folder import SUFFIXES
from zoo.errors import InputError


def recordings_of(root: Path, *, on_error: Callable[[str, InputError], None]) -> list[str]:
    """Relative paths, with `/`, of the audio files in a folder and the folders in it, sorted.

    Args:
        root: the folder.
        on_error: called with path and error of what cannot be listed or named.

    Raises:
        InputError: if there is none.
    """
    if not root.is_dir():
        raise InputError(f"{root}: {'not a folder' if root.exists() else 'no such folder'}")

    def unreadable(error: OSError) -> None:
        path = Path(error.filename)
        problem = InputError(f"{path}: cannot be read: {error.strerror}")
        on_error(path.relative_to(root).as_posix(), problem)

    found = []
    for folder, folders, names in os.walk(root, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(".")]
        inside = Path(folder).relative_to(root).as_posix()
        start = "" if inside == "." else f"{inside}/"
        found += [
            start + name
            for name in names
            if name.lower().endswith(SUFFIXES) and not name.startswith(".")
        ]
    usable = []
    for path in sorted(found):
        if path.isascii() or path.encode(errors="replace").decode() == path:
            usable.append(path)
        else:
            on_error(path, InputError(f"{str(root / path)!r}: its name is not Unicode; rename it"))
    if not usable:
        raise InputError(f"{root}: holds no recordings ({', '.join(SUFFIXES)})")
    return usable

"""One thing that is wrong with one file."""

import os
from dataclasses import dataclass

ERROR, WARNING = "error", "warning"


def shown(path: object) -> str:
    """A path as it can be printed: names with unprintable characters are escaped."""
    name = os.fspath(path) if isinstance(path, os.PathLike) else str(path)
    return name if name.isprintable() else repr(name)


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Args:
        where: file (with its stream), folder, or line of a manifest.
        check: which check, such as "unreadable" or "silence".
        severity: `"error"`: training would stop at it or learn what is wrong; `"warning"`: worth
            a look.
        message: what is wrong, in words that follow the name of the file.
        song: the song's name, where it is of a song.
    """

    where: str
    check: str
    severity: str
    message: str
    song: str | None = None

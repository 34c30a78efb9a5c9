"""Progress of long work: a bar on a terminal, nothing elsewhere."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def progress(
    items: Iterable[Item], description: str, *, total: float | None = None
) -> Iterator[Item]:
    """Yields the items and shows on standard error how far it got.

    Args:
        items: what to iterate over.
        description: a few words shown before the bar.
        total: the number of items, where `len(items)` does not tell.
    """
    if not sys.stderr.isatty():
        yield from items
        return
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    yield from track(items, description, total=total, console=console, transient=True)

"""Progress of a job: a bar with counts on a terminal, nothing elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from zoo.jobs.task import Entry


@contextmanager
def tally(description: str, total: int, already: int) -> Iterator[Callable[[Entry], None]]:
    """Yields a function to call with each entry, which shows on standard error how far it got.

    Args:
        description: a few words shown before the bar; none, no bar.
        total: the number of items.
        already: how many of them earlier runs have done.
    """
    if not description or not sys.stderr.isatty():
        yield lambda entry: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total}, {task.fields[failed]} failed"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(description, total=total, completed=already, failed=0)
        failed = 0

        def count(entry: Entry) -> None:
            nonlocal failed
            failed += entry.status == "failed"
            progress.update(bar, advance=1, failed=failed)

        yield count

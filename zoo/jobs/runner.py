"""Items -> report, through whichever workers there are, with a manifest."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, nullcontext

from zoo.errors import InputError
from zoo.jobs.attempt import results_here
from zoo.jobs.manifest import Manifest
from zoo.jobs.tally import tally
from zoo.jobs.task import Entry, Item, Report, Task

_WORKER_MEMORY = 2 << 30
_WORKER_ITEMS = 16


def run_jobs(
    task: Task,
    items: Iterable[Item],
    manifest: str | os.PathLike | None,
    *,
    workers: int | None = 1,
    cluster: str | None = None,
    description: str = "",
    on_done: Callable[[Item, Entry], None] | None = None,
    on_error: Callable[[InputError], None] | None = None,
    is_there: Callable[[Item, Mapping], bool] | None = None,
) -> Report:
    """Does a task with every item that is not done yet.

    Args:
        task: what is done with each item.
        items: the items; their names differ.
        manifest: file of the results, to which each is appended when it is there. What it says is
            done is not done again; what failed is. None for no record.
        workers: 1 for this process; more for as many processes, each of which opens the task. One
            that dies is replaced and its item tried again, three times in all. On a cluster, how
            many actors of one processor each. None for what suits: `default_workers`, or as many
            actors as the cluster has processors.
        cluster: address of a Ray cluster that does the work in place of this machine, such as
            "10.0.0.1:6379" or "auto".
        description: a few words shown before the progress bar; none, no bar.
        on_done: called with each item that this run has done.
        on_error: called with the reason of each item that failed.
        is_there: called with an item that was done earlier and its result; if it returns False (as
            where the outputs are gone) the item is done again.

    Raises:
        InputError: if two items have one name, the task cannot be opened, the manifest belongs to
            another job, or there is no such cluster.
        ValueError: if `workers` is not positive.

    Example:
        >>> report = run_jobs(task, items, "manifest.jsonl", workers=4)  # doctest: +SKIP
        >>> print(report)  # doctest: +SKIP
        998 done, 2 failed, 0 pending; 0 were done already
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be positive. Received: workers={workers!r}")
    items = list(items)
    _check_names(items)
    record = nullcontext() if manifest is None else Manifest(manifest, task.describe())
    with record as book:
        already = frozenset(_done(items, book, is_there))
        report = Report({item.name: Entry() for item in items}, already)
        if book is not None:
            report.entries.update((name, book.entries[name]) for name in already)
        missing = [item for item in items if item.name not in already]
        if book is not None:
            book.start(missing)
        with (
            tally(description, len(items), len(already)) as count,
            closing(job_results(task, missing, workers=workers, cluster=cluster)) as results,
        ):
            for item, entry in results:
                if book is not None:
                    book.write(item, entry)
                report.entries[item.name] = entry
                count(entry)
                if entry.status == "done" and on_done:
                    on_done(item, entry)
                if entry.status == "failed" and on_error:
                    on_error(InputError(entry.reason))
    return report


def default_workers(items: int) -> int:
    """How many processes suit this machine for a number of items: fewer than it could run.

    One process decodes, separates and encodes at once and keeps two processors busy. Another one
    takes seconds to import its libraries, and a gigabyte.
    """
    memory = 4 * _WORKER_MEMORY
    if hasattr(os, "sysconf"):
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    most = min((os.cpu_count() or 1) // 2, memory // _WORKER_MEMORY)
    return max(1, min(most, items // _WORKER_ITEMS))


def _check_names(items: list[Item]) -> None:
    names = set()
    for item in items:
        if item.name in names:
            raise InputError(f"{item.name}: is named twice")
        names.add(item.name)


def _done(items, book, is_there) -> Iterator[str]:
    for item in items:
        if book is not None and book.is_done(item):
            result = book.entries[item.name].result
            if is_there is None or is_there(item, result):
                yield item.name


def job_results(
    task: Task, items: Sequence[Item], *, workers: int | None = 1, cluster: str | None = None
) -> Iterator[tuple[Item, Entry]]:
    """Yields items as they are done or fail, for those who keep a record of their own.

    Args:
        task, items, workers, cluster: as in `run_jobs`.

    Raises:
        InputError: as in `run_jobs`.
    """
    if not items:
        return
    if cluster is not None:
        from zoo.jobs.cluster import results_on_cluster

        results = results_on_cluster(task, items, cluster, workers)
    elif (workers := workers or default_workers(len(items))) == 1:
        results = results_here(task, items)
    else:
        from zoo.jobs.local import results_of_processes

        results = results_of_processes(task, items, workers)
    with closing(results):
        yield from results

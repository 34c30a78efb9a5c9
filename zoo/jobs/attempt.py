"""One item, done in whatever process this is."""

import json
import os
import pickle
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from zoo.errors import InputError
from zoo.jobs.task import Entry, Item, Task

ATTEMPTS = 3


def attempt(work: Callable[[Item], object], item: Item, worker: str) -> Entry:
    """Does one item; its failure is an entry too.

    Raises:
        ModuleNotFoundError: if a part of the installation is missing: no item could be done.
    """
    start = time.perf_counter()
    result = reason = None
    try:
        # As it will be read from the manifest.
        result = json.loads(json.dumps(work(item)))
    except ModuleNotFoundError:
        raise
    except InputError as error:
        reason = str(error)
    except (Exception, SystemExit) as error:
        reason = f"{item.name}: {unexpected(error)}"
    seconds = round(time.perf_counter() - start, 3)
    return Entry("failed" if reason else "done", result, reason, seconds, worker)


def unexpected(error: BaseException) -> str:
    """One line on an error that is no user's mistake: what it is and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return f"unexpected {type(error).__name__}: {' '.join(str(error).split())[:300]}{place}"


def portable(error: Exception) -> Exception:
    """An exception that another process can raise: the same, or one that says what it was."""
    try:
        return pickle.loads(pickle.dumps(error))
    except Exception:
        return RuntimeError(unexpected(error))


def gave_up(item: Item, ending: str) -> Entry:
    """What becomes of an item whose workers die each time."""
    return Entry("failed", None, f"{item.name}: its worker died {ATTEMPTS} times ({ending})")


def results_here(task: Task, items: Iterable[Item]) -> Iterator[tuple[Item, Entry]]:
    """Does the items in this process, one after the other."""
    work = task.open()
    for item in items:
        yield item, attempt(work, item, f"process {os.getpid()}")

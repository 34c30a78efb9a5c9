"""What a job is made of: items, the task done with each, and what became of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

STATUSES = ("done", "failed", "pending")


@dataclass(frozen=True)
class Item:
    """One unit of work, such as a song.

    Args:
        name: what the manifest calls it; unique within a job.
        inputs: what the task needs to know, in values that JSON has.
        files: paths of what is read. An item whose files have changed since it was done (another
            size or time of modification) is done again.
    """

    name: str
    inputs: Mapping[str, object] = field(default_factory=dict)
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Entry:
    """What became of an item.

    Args:
        status: "done", "failed" or "pending".
        result: what the task returned, where it is done.
        reason: one line, where it failed.
        seconds: how long it took.
        worker: the process that did it.
    """

    status: str = "pending"
    result: Mapping[str, object] | None = None
    reason: str | None = None
    seconds: float = 0.0
    worker: str = ""


@dataclass(frozen=True)
class Report:
    """What became of all items of a job.

    Args:
        entries: item's name -> entry, in the order of the items.
        already: names of the items that an earlier run had done.
    """

    entries: dict[str, Entry]
    already: frozenset[str] = frozenset()

    def names(self, status: str) -> list[str]:
        """Returns the items that are "done", "failed" or "pending"."""
        return [name for name, entry in self.entries.items() if entry.status == status]

    def __str__(self) -> str:
        counts = [f"{len(self.names(status))} {status}" for status in STATUSES]
        return f"{', '.join(counts)}; {len(self.already)} were done already"


class Task(Protocol):
    """What is done with every item: a picklable frozen dataclass of plain values.

    Workers are processes of their own, perhaps on other machines: the class must be importable
    there by its module's name.
    """

    def open(self) -> Callable[[Item], Mapping[str, object]]:
        """Called once a worker: loads the model, and returns the function that does one item.

        The function returns a result of values that JSON has, and raises `InputError` if the item
        cannot be done: its message is the reason. It may be called twice with one item, if the
        worker dies: what it writes must appear whole or not at all, and replace what is there.
        """
        ...

    def describe(self) -> Mapping[str, object]:
        """Returns all that decides on the results, in values that JSON has."""
        ...

"""Shards made by other processes, of this machine or of a cluster."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from training.shards.index import Shard, shard_from_json
from training.shards.records import ShardTask, make_shard
from zoo.errors import InputError
from zoo.files import remove_leftovers
from zoo.jobs import Item, job_results
from zoo.quiet import load_backend


@dataclass(frozen=True)
class ShardJob:
    """Makes shards, an item each. What is done stands in their index, not in a manifest.

    Args:
        tasks: the shards to be made.
    """

    tasks: tuple[ShardTask, ...]

    def open(self) -> Callable[[Item], Mapping[str, Any]]:
        """Returns the function that makes a shard."""
        load_backend()
        tasks = {task.path.name: task for task in self.tasks}

        def make(item: Item) -> Mapping[str, Any]:
            task = tasks[item.name]
            remove_leftovers(task.path)
            return dataclasses.asdict(make_shard(task))

        return make

    def describe(self) -> Mapping[str, Any]:
        """Returns the names of the shards."""
        return {"command": "preprocess", "shards": [task.path.name for task in self.tasks]}


def shards_of_workers(
    tasks: Sequence[ShardTask], workers: int | None, *, cluster: str | None = None
) -> Iterator[Shard]:
    """Yields shards as they are finished, whatever the order.

    Args:
        tasks: what is to be made.
        workers: processes, or actors of the cluster.
        cluster: address of a Ray cluster, whose machines have the same folders.

    Raises:
        InputError: if a shard cannot be made, or as `zoo.jobs.run_jobs`.
    """
    items = [Item(task.path.name) for task in tasks]
    results = job_results(ShardJob(tuple(tasks)), items, workers=workers, cluster=cluster)
    with closing(results):
        for _, entry in results:
            if entry.status == "failed":
                raise InputError(entry.reason)
            yield shard_from_json(entry.result)

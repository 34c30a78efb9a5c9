"""Items done by the actors of a Ray cluster, through Ray Data."""

import json
import logging
import os
import pickle
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from zoo.errors import InputError
from zoo.jobs.attempt import ATTEMPTS, attempt, gave_up, portable
from zoo.jobs.task import Entry, Item, Task
from zoo.jobs.threads import thread_settings
from zoo.quiet import quiet

# Each is an object in Ray's store; what is lost with a worker is one of them.
_MOST_BLOCKS = 10_000
_KNOCK_SECONDS = 10.0
_NEWS = "print_to_stdstream"


class Actor:
    """A worker of the cluster: opens the task when the first item comes, and keeps it open.

    Items come and entries go as JSON in a column of text, which Ray Data's tables hold.
    """

    def __init__(self, task: bytes, folder: str, attempts):
        self._task, self._folder, self._attempts = task, folder, attempts
        self._work = None
        for name, value in thread_settings(1).items():
            os.environ.setdefault(name, value)
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

    def __call__(self, batch: dict) -> dict:
        (line,) = batch["item"]
        item = Item(**json.loads(line))
        try:
            message = {"name": item.name, "entry": vars(self._entry(item))}
        except Exception as error:
            message = {"error": pickle.dumps(portable(error)).hex()}
        return {"message": [json.dumps(message)]}

    def _entry(self, item: Item) -> Entry:
        import ray

        if self._work is None:
            _enter(self._folder)
            self._work = pickle.loads(self._task).open()
        if ray.get(self._attempts.count.remote(item.name)) > ATTEMPTS:
            return gave_up(item, "on the cluster")
        return attempt(self._work, item, f"{socket.gethostname()} process {os.getpid()}")


class Attempts:
    """An actor that outlives the others and knows how often each item was begun.

    Ray Data begins an item again and again if its actors die, without end.
    """

    def __init__(self):
        self._counts: Counter[str] = Counter()

    def count(self, name: str) -> int:
        """Counts another attempt at an item, and returns the number."""
        self._counts[name] += 1
        return self._counts[name]


def _enter(folder: str) -> None:
    try:
        os.chdir(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: is not there on {socket.gethostname()}; the cluster's machines must have "
            "the folders of this one under the same names"
        ) from error


def results_on_cluster(
    task: Task, items: Sequence[Item], address: str, workers: int | None
) -> Iterator[tuple[Item, Entry]]:
    """Yields each item when it is done, whatever the order.

    An actor that dies is started again and its item tried again, three times in all. The package
    must be installed on the cluster's machines, and their folders be those of this one.

    Args:
        task: what every actor opens.
        items: what they do.
        address: of the cluster, as `ray.init` takes it.
        workers: how many actors, of one processor each; one a processor by default.

    Raises:
        InputError: if Ray is not installed, the cluster cannot be reached, or its actors cannot
            open the task.
    """
    known = {item.name: item for item in items}
    with _connected(address) as ray:
        processors = int(ray.cluster_resources().get("CPU", 1))
        size = max(1, min(workers or processors, processors, len(known)))
        attempts = ray.remote(num_cpus=0, max_restarts=-1)(Attempts).remote()
        lines = [{"item": json.dumps(vars(item))} for item in items]
        results = ray.data.from_items(lines, override_num_blocks=min(len(lines), _MOST_BLOCKS))
        results = results.map_batches(
            Actor,
            fn_constructor_kwargs={
                "task": pickle.dumps(task),
                "folder": str(Path.cwd()),
                "attempts": attempts,
            },
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=size, max_tasks_in_flight_per_actor=1),
            num_cpus=1,
        )
        try:
            for batch in results.iter_batches(batch_size=None, prefetch_batches=0):
                for line in batch["message"]:
                    message = json.loads(line)
                    if "error" in message:
                        raise pickle.loads(bytes.fromhex(message["error"]))
                    yield known[message["name"]], Entry(**message["entry"])
        except ray.exceptions.RayError as error:
            text = " ".join(str(error).split())[:300]
            raise InputError(
                f"{address}: the cluster cannot do the work: {text} (is the same version of "
                "stemzoo installed there?)"
            ) from error


def _knock(address: str) -> None:
    """Raises `OSError` where nobody listens: Ray tries for minutes and ends the process."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()


@contextmanager
def _connected(address: str):
    """Yields `ray`, connected to a cluster and silent."""
    # What Ray's core writes to standard error; it would break the progress bar's line.
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise InputError('cluster: this needs Ray: pip install "stemzoo[cluster]"') from error
    with ExitStack() as stack:
        if not ray.is_initialized():
            try:
                _knock(address)
                with quiet():
                    ray.init(address, log_to_driver=False, logging_level=logging.ERROR)
            except (OSError, RuntimeError, ValueError) as error:
                text = " ".join(str(error).split())[:200]
                raise InputError(
                    f"{address}: no Ray cluster can be reached there: {text}"
                ) from error
            stack.callback(ray.shutdown)
        context = ray.data.DataContext.get_current()
        stack.callback(setattr, context, "enable_progress_bars", context.enable_progress_bars)
        context.enable_progress_bars = False
        logger = logging.getLogger("ray.data")
        stack.callback(logger.setLevel, logger.level)
        logger.setLevel(logging.CRITICAL)
        # The cluster's news of dead workers go to standard output, where results are.
        driver = sys.modules.get("ray._private.worker")
        if hasattr(driver, _NEWS):
            stack.callback(setattr, driver, _NEWS, getattr(driver, _NEWS))
            setattr(driver, _NEWS, lambda *_, **__: None)
        yield ray

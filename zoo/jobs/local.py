"""Items done by processes of this machine, each with a model of its own."""

import os
import pickle
import signal
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait

from zoo.errors import InputError
from zoo.jobs.attempt import ATTEMPTS, gave_up
from zoo.jobs.serving import serve
from zoo.jobs.task import Entry, Item, Task
from zoo.jobs.threads import thread_settings

_GRACE_SECONDS = 3.0


class _Worker:
    """A process and the connection to it; `item` is what it is doing."""

    def __init__(self, task: bytes, threads: int):
        context = get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(task, theirs), daemon=True)
        with _environment(thread_settings(threads)), _without_interrupts():
            self.process.start()
        theirs.close()
        self.item: Item | None = None
        self.ready = False

    @property
    def idle(self) -> bool:
        return self.ready and self.item is None

    def receive(self) -> tuple[str, object]:
        """The next message; ("death", None) where the process has died."""
        try:
            return self.connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            return "death", None

    def send(self, item: Item) -> None:
        self.item = item
        try:
            self.connection.send(item)
        except OSError:
            # It has died; what is received next tells.
            return

    def ending(self) -> str:
        """How the process ended."""
        self.process.join(_GRACE_SECONDS)
        code = self.process.exitcode
        if code is None or code >= 0:
            return f"exit code {code}"
        name = signal.Signals(-code).name
        return f"{name}, perhaps for want of memory" if name == "SIGKILL" else name


@contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    """What the environment does not say yet, for the processes started meanwhile."""
    added = {name: value for name, value in settings.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """The processes started meanwhile leave Ctrl-C to this one, which ends them."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def results_of_processes(
    task: Task, items: Iterable[Item], workers: int
) -> Iterator[tuple[Item, Entry]]:
    """Yields each item when it is done, whatever the order.

    A worker that dies is replaced, and what it was doing is done again after the other items, three
    times in all. The processors are shared out to the workers.

    Args:
        task: what every worker opens.
        items: what they do.
        workers: how many processes; no more than there are items.

    Raises:
        InputError: if the workers cannot open the task.
    """
    queue = deque(items)
    threads = max(1, (os.cpu_count() or 1) // workers)
    pickled = pickle.dumps(task)
    running: list[_Worker] = []
    deaths: Counter[str] = Counter()
    early_deaths = 0
    try:
        while queue or any(worker.item for worker in running):
            for worker in running:
                if worker.idle and queue:
                    worker.send(queue.popleft())
            opening = sum(not worker.ready for worker in running)
            for _ in range(min(workers - len(running), len(queue) - opening)):
                running.append(_Worker(pickled, threads))
            for worker in _spoken(running):
                kind, value = worker.receive()
                if kind == "error":
                    raise value
                if kind == "ready":
                    worker.ready, early_deaths = True, 0
                elif kind == "entry":
                    item, worker.item = worker.item, None
                    yield item, value
                else:
                    running.remove(worker)
                    worker.connection.close()
                    early_deaths += not worker.ready
                    if early_deaths == ATTEMPTS:
                        raise InputError(f"workers: none can start ({worker.ending()}); try fewer")
                    if worker.item is None:
                        continue
                    deaths[worker.item.name] += 1
                    if deaths[worker.item.name] < ATTEMPTS:
                        queue.append(worker.item)
                    else:
                        yield worker.item, gave_up(worker.item, worker.ending())
    finally:
        _end(running)


def _spoken(workers: list[_Worker]) -> list[_Worker]:
    """Waits until workers have said something or died, and returns them."""
    connections: dict[Connection, _Worker] = {worker.connection: worker for worker in workers}
    return [connections[connection] for connection in wait(list(connections))]


def _end(workers: list[_Worker]) -> None:
    """Ends processes: those at rest by closing their connection, the others by a signal."""
    for worker in workers:
        worker.connection.close()
        if worker.item is not None or not worker.ready:
            worker.process.terminate()
    for worker in workers:
        worker.process.join(_GRACE_SECONDS)
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()

"""Runs an iterator ahead in a thread, so that decoding, inference and encoding overlap."""

import queue
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")

_END = object()


def prefetch(items: Iterable[Item], depth: int = 1) -> Iterator[Item]:
    """Yields the items of an iterable that a background thread runs `depth` items ahead.

    An exception in the iterable is raised here, in its place. When the caller stops early, the
    thread ends at its next item and the iterable is closed.

    Args:
        items: what to iterate over; it runs in another thread.
        depth: how many finished items may wait.
    """
    ready: queue.Queue = queue.Queue(depth)
    stopped = threading.Event()

    def put(entry) -> bool:
        while not stopped.is_set():
            try:
                ready.put(entry, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work():
        iterator = iter(items)
        try:
            for item in iterator:
                if not put((item, None)):
                    return
            put((_END, None))
        except BaseException as error:
            put((_END, error))
        finally:
            close = getattr(iterator, "close", None)
            if close:
                close()

    thread = threading.Thread(target=work, daemon=True, name="stemzoo-prefetch")
    thread.start()
    try:
        while True:
            item, error = ready.get()
            if error is not None:
                raise error
            if item is _END:
                return
            yield item
    finally:
        stopped.set()
        thread.join()

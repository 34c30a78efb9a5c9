"""What a worker process does: items come in by a connection, entries go out."""

import os
import signal
import threading
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait

from zoo.jobs.attempt import attempt, portable
from zoo.jobs.task import Task


def serve(task: Task, connection: Connection) -> None:
    """Opens the task and does items until the connection is closed.

    Sends ("ready", None), then ("entry", entry) for each item; ("error", exception) where no item
    can be done.
    """
    # Unlike the default it lets temporary files be removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        work = task.open()
        connection.send(("ready", None))
        while True:
            entry = attempt(work, connection.recv(), f"process {os.getpid()}")
            connection.send(("entry", entry))
    except (EOFError, BrokenPipeError, ConnectionResetError, KeyboardInterrupt):
        return
    except Exception as error:
        connection.send(("error", portable(error)))


def _end_with_parent() -> None:
    wait([parent_process().sentinel])
    os._exit(1)

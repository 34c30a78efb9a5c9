"""What a worker process does: items come in by a connection, entries go out."""

import os
import pickle
import signal
import threading
from multiprocessing import parent_process
from multiprocessing.connection import Connection, wait

from zoo.jobs.attempt import attempt, portable
from zoo.quiet import quiet


def serve(task: bytes, connection: Connection) -> None:
    """Opens the task, pickled, and does items until the connection is closed.

    Sends ("ready", None), then ("entry", entry) for each item; ("error", exception) where no item
    can be done.
    """
    # Unlike the default it lets temporary files be removed.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        # Its modules may load libraries that print remarks.
        with quiet():
            loaded = pickle.loads(task)
        work = loaded.open()
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

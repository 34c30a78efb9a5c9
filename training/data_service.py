"""Training data made by other processes: TensorFlow's data service.

Source: Audibert et al., "tf.data service: A Case for Disaggregating ML Input Data Processing",
SoCC 2023.
"""

import queue
import socket
import threading
import uuid
from collections.abc import Callable

import tensorflow as tf

from training.mapped_file import files_by_name
from zoo.errors import InputError

# In seconds, until a dispatcher without workers is given up.
WORKERS_TIMEOUT = 20
# Batches that one worker may be ahead of another.
MOST_AHEAD = 50
LOST = "a worker of the data service has gone"
_service = tf.data.experimental.service


def _check_address(service: str) -> None:
    kind, _, address = service.partition("://")
    host, _, port = address.rpartition(":")
    if kind != "grpc" or not host or not port.isdigit():
        raise InputError(f"service={service!r}: is not of the form grpc://host:port")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise InputError(
            f"{service}: no dispatcher answers ({error.strerror or error}); `stemzoo data serve` "
            "starts one"
        ) from error


def _check_port(port: int) -> None:
    """Two dispatchers could listen on one port, each to a part of the workers."""
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind(("", port))
        except (OSError, OverflowError) as error:
            raise InputError(f"port {port}: cannot be used: {error}") from error


def count_workers(service: str) -> int:
    """Returns how many workers a dispatcher has.

    Args:
        service: `grpc://host:port` of the dispatcher.

    Raises:
        InputError: if there is no dispatcher, or it has no worker.
    """
    _check_address(service)
    # Without sharding each worker makes the whole of a dataset.
    one_each = tf.data.Dataset.range(1).apply(
        _service.distribute(processing_mode=_service.ShardingPolicy.OFF, service=service)
    )
    counted = queue.SimpleQueue()
    threading.Thread(
        target=lambda: counted.put(sum(1 for _ in one_each)), name="count workers", daemon=True
    ).start()
    try:
        return counted.get(timeout=WORKERS_TIMEOUT)
    except queue.Empty:
        raise InputError(
            f"{service}: has no workers; start some with `stemzoo data serve --worker`"
        ) from None


def _endless(dataset: tf.data.Dataset) -> tf.data.Dataset:
    infinite = tf.data.experimental.INFINITE_CARDINALITY
    return dataset.apply(tf.data.experimental.assert_cardinality(infinite))


def _numbered(dataset: tf.data.Dataset, worker: int) -> tf.data.Dataset:
    """One endless piece of work, which the dispatcher gives to one worker."""

    def elements(_):
        return dataset.enumerate().map(
            lambda batch, element: (tf.constant(worker, tf.int64), batch, element)
        )

    return tf.data.Dataset.range(1).flat_map(elements)


def _check_progress(counts: tf.Tensor, element: tuple):
    """Counts each worker's shares, to notice one that has gone: the others would go on."""
    worker, batch, share = element
    counts = tf.tensor_scatter_nd_add(counts, [[worker]], tf.ones(1, tf.int64))
    ahead = tf.reduce_max(counts) - tf.reduce_min(counts)
    checked = tf.debugging.assert_less(ahead, tf.constant(MOST_AHEAD, tf.int64), LOST)
    with tf.control_dependencies([checked]):
        return counts, (tf.identity(worker), batch, share)


def _joined(shares: tf.data.Dataset, *, workers: int, batch_size: int) -> tf.data.Dataset:
    """Batches of the shares, each of which come in order."""

    def put_together(worker, _, share):
        order = tf.argsort(worker)
        return tf.nest.map_structure(
            lambda part: tf.reshape(tf.gather(part, order), [batch_size, *part.shape[2:]]), share
        )

    return (
        shares.scan(tf.zeros(workers, tf.int64), _check_progress)
        .group_by_window(
            key_func=lambda worker, batch, share: batch,
            reduce_func=lambda batch, window: window.batch(workers, drop_remainder=True),
            window_size=workers,
        )
        .map(put_together)
    )


def served(
    share: Callable[[tuple[int, int]], tf.data.Dataset],
    service: str,
    *,
    batch_size: int,
    host: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Batches as `share(host)` makes them, by the workers of a data service.

    Each worker makes its own rows of every batch, as one of several hosts would, and the shares are
    read in turn: the batches are those of a single process, in its order, however many workers
    there are. These must see the files of the songs by the same names: shards, or the folder of the
    decoded songs.

    Args:
        share: function of `(index, count)` that returns these rows of endless training data.
        service: `grpc://host:port` of the dispatcher.
        batch_size: rows of a batch of all hosts.
        host: `(index, count)` of this process among those that train together.

    Raises:
        InputError: if there is no dispatcher or worker, or the workers cannot share a batch.
    """
    index, count = host
    workers = count_workers(service)
    if batch_size % (count * workers):
        raise InputError(
            f"batch_size={batch_size} cannot be shared equally by {workers} workers"
            + (f" of each of {count} hosts" if count > 1 else "")
        )
    with files_by_name():
        shares = [share((index * workers + worker, count * workers)) for worker in range(workers)]
    dataset, *others = (_numbered(dataset, worker) for worker, dataset in enumerate(shares))
    for other in others:
        dataset = dataset.concatenate(other)
    options = tf.data.Options()
    # Rewriting the graph would copy what it captures.
    options.experimental_optimization.apply_default_optimizations = False
    dataset = _endless(dataset).with_options(options)
    # Who comes first gets the first share and never ends it: each worker has one. One of each is
    # read in turn.
    dataset = dataset.apply(
        _service.distribute(
            processing_mode=_service.ShardingPolicy.DYNAMIC,
            service=service,
            job_name=uuid.uuid4().hex,
            consumer_index=0,
            num_consumers=1,
            compression=None,
        )
    )
    return _joined(dataset, workers=workers, batch_size=batch_size // count).prefetch(2)


class Server:
    """A dispatcher, workers, or both, in this process.

    Args:
        port: for the dispatcher to listen on, 0 for a free one; `None` for none.
        workers: how many.
        dispatcher: `host:port` of the workers' dispatcher; `None` for the one of this process.
        host: name of this machine, by which the others reach it.
        work_dir: folder for the dispatcher's journal, by which a restarted one knows its jobs.

    Attributes:
        address: `host:port` of the dispatcher.

    Raises:
        InputError: if the port is taken, or no dispatcher answers.

    Example:
        >>> server = Server(0, workers=2)
        >>> count_workers(f"grpc://{server.address}")
        2
    """

    def __init__(
        self,
        port: int | None = None,
        *,
        workers: int = 0,
        dispatcher: str | None = None,
        host: str = "localhost",
        work_dir: str | None = None,
    ):
        self._dispatcher = None
        if port is not None:
            _check_port(port)
            config = _service.DispatcherConfig(
                port=port, work_dir=work_dir, fault_tolerant_mode=work_dir is not None
            )
            try:
                self._dispatcher = _service.DispatchServer(config)
            except tf.errors.OpError as error:
                raise InputError(f"port {port}: cannot be used: {error.message}") from error
            dispatcher = f"{host}:{self._dispatcher.target.rpartition(':')[2]}"
        else:
            _check_address(f"grpc://{dispatcher}")
        self.address = dispatcher
        config = _service.WorkerConfig(
            dispatcher_address=dispatcher, worker_address=f"{host}:%port%"
        )
        self._workers = [_service.WorkerServer(config) for _ in range(workers)]

    def join(self) -> None:
        """Returns when the dispatcher, or else the first worker, has ended."""
        (self._dispatcher or self._workers[0]).join()

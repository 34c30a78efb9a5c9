"""Training by several hosts: one process on each, on Keras's JAX backend."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import keras
import numpy as np

from training.devices import Spread
from zoo.errors import InputError

# In seconds. Whoever starts first waits for the others; one that has gone is noticed after the
# second of these at the latest.
START_TIMEOUT = 300
LOST_TIMEOUT = 30
SHUTDOWN_TIMEOUT = 20
_MARK = ".hosts"


class DataParallel(Spread):
    """Devices of all processes, by `keras.distribution.DataParallel`.

    Each process feeds its own share of a batch; weights are the same everywhere.

    Args:
        names: of the devices of all processes, in the order of these.
    """

    def __init__(self, names: list[str]):
        import jax

        self.index = jax.process_index()
        self.processes = jax.process_count()
        self.devices = len(names)
        self._distribution = keras.distribution.DataParallel(
            devices=names, auto_shard_dataset=False
        )

    @contextmanager
    def scope(self) -> Iterator[None]:
        with self._distribution.scope():
            yield

    def validation(self, dataset):
        """Each device gets all of it: a mean over copies is the mean, whatever the batches."""
        import tensorflow as tf

        copies = self.devices // self.processes
        if copies == 1:
            return dataset
        return dataset.map(
            lambda *batch: tf.nest.map_structure(lambda x: tf.repeat(x, copies, axis=0), batch)
        )

    def _gathered(self, value: int) -> list[int]:
        """A number of each process."""
        if self.processes == 1:
            return [value]
        from jax.experimental.multihost_utils import process_allgather

        return process_allgather(np.int32(value)).reshape(-1).tolist()

    def agree(self, check) -> None:
        error = None
        try:
            check()
        except InputError as problem:
            error = problem
        refusals = self._gathered(error is not None)
        if error is not None:
            raise error
        if any(refusals):
            raise InputError(f"host {refusals.index(1)} refuses to train; see what it says")

    def wait(self, point: str) -> None:
        if self.processes > 1:
            from jax.experimental.multihost_utils import sync_global_devices

            sync_global_devices(point)

    def check_shared(self, folder: Path) -> None:
        if self.processes == 1:
            return
        mark = folder / _MARK
        number = secrets.randbelow(2**31)
        if self.first:
            mark.write_text(str(number))
        number = self._gathered(number)[0]

        def check():
            if not mark.exists() or mark.read_text() != str(number):
                raise InputError(
                    f"{folder}: is not the folder that host 0 writes; all hosts need one shared "
                    "folder, by the same path"
                )

        self.agree(check)
        if self.first:
            mark.unlink()

    def close(self) -> None:
        if self.processes > 1:
            import jax

            # The others may have gone.
            with suppress(RuntimeError):
                jax.distributed.shutdown()

    def explained(self, error: Exception) -> InputError | None:
        if self.processes == 1 or "JaxRuntimeError" not in {
            kind.__name__ for kind in type(error).__mro__
        }:
            return None
        reason = str(error).splitlines()[0]
        return InputError(
            f"another host of the run has gone ({reason}); start all of them again with --resume"
        )


def connect_hosts(address: str, *, count: int, index: int) -> Spread:
    """Connects this process with those of the other hosts; each calls it once, before all else.

    All devices of all hosts train together; a batch is shared equally. Needs Keras's JAX backend
    (`KERAS_BACKEND=jax`), since Keras 3 does not run under TensorFlow's strategies for several
    hosts.

    Args:
        address: `host:port` of host 0, on which that one listens.
        count: of the hosts.
        index: of this host, from 0.

    Raises:
        InputError: if the arguments or the backend are of no use, or not all hosts come within
            five minutes.
    """
    if keras.backend.backend() != "jax":
        raise InputError(
            "several hosts need Keras's JAX backend: set KERAS_BACKEND=jax in place of "
            f"{keras.backend.backend()}"
        )
    if not 0 <= index < count:
        raise InputError(f"host index {index} of {count} hosts: must be from 0 to {count - 1}")
    name, _, port = address.rpartition(":")
    if not name or not port.isdigit():
        raise InputError(f"{address}: is not of the form host:port")
    import jax

    try:
        jax.distributed.initialize(
            coordinator_address=address,
            num_processes=count,
            process_id=index,
            initialization_timeout=START_TIMEOUT,
            heartbeat_timeout_seconds=LOST_TIMEOUT,
            shutdown_timeout_seconds=SHUTDOWN_TIMEOUT,
        )
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{address}: {count} hosts could not be connected: {reason}") from error
    return DataParallel(keras.distribution.list_devices())

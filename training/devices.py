"""Where a model is trained: on one device, or on several of one host."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from zoo.errors import InputError
from zoo.quiet import quiet


class Spread:
    """One device of one host: nothing is spread.

    Models are built and compiled in `scope()`. A run of several processes has one `Spread` in each.

    Attributes:
        index: of this process among those that train together.
        processes: that train together.
        devices: of all of them.
        replicas: devices over which TensorFlow spreads a step; 1 on other backends.
    """

    index = 0
    processes = 1
    devices = 1
    replicas = 1

    @property
    def first(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.index == 0

    @contextmanager
    def scope(self) -> Iterator[None]:
        """While it is open, variables are made for these devices."""
        yield

    def check_batch(self, batch_size: int) -> None:
        """Raises `InputError` unless the devices can share a batch equally."""
        if batch_size % self.devices:
            raise InputError(
                f"batch_size={batch_size} cannot be shared equally by {self.devices} devices"
            )

    def prepare(self, model) -> None:
        """Changes a model so that it trains as on one device.

        Args:
            model: built in `scope()`.
        """

    def validation(self, dataset):
        """Validation data as this process feeds it."""
        return dataset

    def agree(self, check) -> None:
        """Runs a check in every process: if one refuses, all do.

        Raises:
            InputError: of the check, or naming the process that refused.
        """
        check()

    def wait(self, point: str) -> None:
        """Returns once all processes have come to this point."""

    def check_shared(self, folder: Path) -> None:
        """Raises `InputError` unless all processes see the first one's folder."""

    def close(self) -> None:
        """Parts with the other processes, after the last one has arrived here."""

    def explained(self, error: Exception) -> InputError | None:
        """What an error of the training means, if another process caused it."""
        return None


class Mirrored(Spread):
    """Several devices of one host, by `tf.distribute.MirroredStrategy`.

    Args:
        names: of TensorFlow's logical devices.
    """

    def __init__(self, names: list[str]):
        import tensorflow as tf

        with quiet():
            self._strategy = tf.distribute.MirroredStrategy(names)
        self.devices = self.replicas = len(names)

    @contextmanager
    def scope(self) -> Iterator[None]:
        with self._strategy.scope():
            yield

    def prepare(self, model) -> None:
        import keras

        for layer in model._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                # Statistics of the whole batch, as on one device. A network of the zoo is saved
                # by its own arguments, without this one.
                layer.synchronized = True


def check_device_count(devices: int | str) -> None:
    """Raises `InputError` unless it is a number of devices, or `"all"`."""
    if devices != "all" and (isinstance(devices, str) or devices < 1):
        raise InputError(f"devices={devices!r} is neither a number from 1 nor 'all'")


def _tensorflow_devices(devices: int | str) -> list[str]:
    """Names of logical devices: graphics processors, or else parts of the processor."""
    import tensorflow as tf

    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    physical = tf.config.list_physical_devices(kind)
    if devices == "all":
        devices = len(physical)
    if kind == "CPU" and devices > 1:
        parts = [tf.config.LogicalDeviceConfiguration()] * devices
        # Where TensorFlow runs already, it has the devices that it has.
        with suppress(RuntimeError):
            tf.config.set_logical_device_configuration(physical[0], parts)
    names = [device.name for device in tf.config.list_logical_devices(kind)]
    if len(names) < devices:
        raise InputError(f"devices={devices}: there are {len(names)} of kind {kind}")
    return names[:devices]


def _jax_devices(devices: int | str) -> list[str]:
    import jax
    import keras

    if devices != "all" and devices > 1:
        with suppress(RuntimeError):
            jax.config.update("jax_num_cpu_devices", devices)
    names = keras.distribution.list_devices()
    if devices == "all":
        return names
    if len(names) < devices:
        raise InputError(f"devices={devices}: there are {len(names)}, {', '.join(names)}")
    return names[:devices]


def spread_over(devices: int | str = 1) -> Spread:
    """Spreads training over devices of this host.

    With Keras's TensorFlow backend this is `tf.distribute.MirroredStrategy`, with the JAX backend
    `keras.distribution.DataParallel`. A batch stays as large as it is: each device gets an equal
    share. Where there are no graphics processors, the processor is divided into as many devices as
    are asked for, which is of use for tests only.

    Args:
        devices: how many, or `"all"`. The first call that asks for parts of the processor must
            come before TensorFlow or JAX has computed anything.

    Raises:
        InputError: if there are fewer, or the backend cannot do that.

    Example:
        >>> spread = spread_over(1)
        >>> with spread.scope():
        ...     model = JanssonUNet(filters=[2, 4])
        >>> spread.devices
        1
    """
    import keras

    check_device_count(devices)
    backend = keras.backend.backend()
    if devices == 1:
        return Spread()
    if backend == "tensorflow":
        names = _tensorflow_devices(devices)
        return Mirrored(names) if len(names) > 1 else Spread()
    if backend == "jax":
        from training.hosts import DataParallel

        names = _jax_devices(devices)
        return DataParallel(names) if len(names) > 1 else Spread()
    raise InputError(f"devices={devices}: Keras's {backend} backend trains on one device only")

"""Silence for converters and runtimes that talk too much."""

import json
import logging
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

# Keras and TensorFlow import these where they are installed, for arguments that commands never
# pass: half of the time that it takes to load them, and a quarter of a gigabyte.
_UNUSED = ("matplotlib", "pandas", "sklearn")


@contextmanager
def quiet() -> Iterator[None]:
    """Drops what the process says while it is open: output, log messages and warnings.

    The converters' C++ code writes to the file descriptors themselves, past `sys.stderr`, so these
    are redirected; another thread's messages go the same way. Exceptions pass.
    """
    with ExitStack() as stack:
        sink = stack.enter_context(tempfile.TemporaryFile("w+"))
        loggers = [logging.getLogger(name) for name in ("absl", "tensorflow", "tf2onnx")]
        stack.callback(_let_go, loggers, sink)
        for logger in loggers:
            stack.callback(logger.setLevel, logger.level)
            logger.setLevel(logging.ERROR)
        for stream, descriptor in ((sys.stdout, 1), (sys.stderr, 2)):
            stream.flush()
            saved = os.dup(descriptor)
            stack.callback(os.close, saved)
            stack.callback(os.dup2, saved, descriptor)
            os.dup2(sink.fileno(), descriptor)
        stack.enter_context(redirect_stdout(sink))
        stack.enter_context(redirect_stderr(sink))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        yield


def _let_go(loggers, sink) -> None:
    """Gives handlers that were made while it was quiet the real standard error."""
    for logger in loggers:
        for handler in logger.handlers:
            if getattr(handler, "stream", None) is sink:
                handler.setStream(sys.stderr)


@contextmanager
def hidden(*names: str) -> Iterator[None]:
    """While it is open, those of the modules that were not imported before cannot be."""
    names = tuple(name for name in names if name not in sys.modules)
    sys.modules.update(dict.fromkeys(names))
    try:
        yield
    finally:
        for name in names:
            if sys.modules[name] is None:
                del sys.modules[name]


def load_backend(*, pipeline: bool = False, guest: bool = False) -> None:
    """Imports Keras and its backend, whose native code prints remarks that nobody asked for.

    Args:
        pipeline: whether a tf.data pipeline runs too, beside another backend, which then keeps the
            graphics processors for itself.
        guest: whether the process is somebody else's program, which may pass Keras what commands
            never do: a data frame.
    """
    unused = () if guest else _UNUSED if _expected_backend() != "tensorflow" else (*_UNUSED, "jax")
    with quiet(), hidden(*unused):
        import keras

        ours = keras.backend.backend() == "tensorflow"
        if ours or pipeline:
            import tensorflow as tf

            tf.config.list_physical_devices()
            if not ours:
                tf.config.set_visible_devices([], "GPU")


def _expected_backend() -> str:
    """The backend that Keras will have, by its environment variable or its file of settings."""
    if name := os.environ.get("KERAS_BACKEND"):
        return name
    home = os.environ.get("KERAS_HOME")
    settings = (Path(home) if home else Path.home() / ".keras") / "keras.json"
    try:
        return json.loads(settings.read_text("utf-8"))["backend"]
    except (OSError, ValueError, KeyError):
        return "tensorflow"

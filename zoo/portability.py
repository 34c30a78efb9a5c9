"""A scope in which layers build their graph from operators that every runtime has."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import keras

from zoo.errors import InputError

_portable: ContextVar[bool] = ContextVar("portable", default=False)


def portable() -> bool:
    """Whether the calling code is inside `portable_operators()`."""
    return _portable.get()


@contextmanager
def portable_operators() -> Iterator[None]:
    """While it is open, layers avoid operators that TFLite or ONNX lack.

    An exporter opens it around the tracing of a model and need not know which layers care. Today
    those are `STFT` and `InverseSTFT`, which then use matrix products in place of the FFT operator.

    Example:
        >>> with portable_operators():
        ...     portable()
        True
    """
    token = _portable.set(True)
    try:
        yield
    finally:
        _portable.reset(token)


def require_tensorflow(what: str) -> None:
    """Refuses to go on where Keras runs on another backend than TensorFlow.

    Args:
        what: needs TensorFlow, for the message.

    Raises:
        InputError: naming the backend and what to do.
    """
    backend = keras.backend.backend()
    if backend != "tensorflow":
        raise InputError(
            f"{what} needs Keras's TensorFlow backend; set KERAS_BACKEND=tensorflow "
            f"in place of {backend}"
        )

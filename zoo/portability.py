"""A scope in which layers build their graph from operators that every runtime has."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

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

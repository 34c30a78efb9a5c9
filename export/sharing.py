"""What the files of one model have in common is made once: traced graphs, the model's outputs."""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Made = TypeVar("Made")

_known: ContextVar[dict | None] = ContextVar("known", default=None)


@contextmanager
def shared_graphs() -> Iterator[None]:
    """While it is open, exporters trace and run a model once for all files that it becomes.

    The model must not change meanwhile.

    Example:
        >>> import export
        >>> from export.sharing import shared_graphs
        >>> with shared_graphs():
        ...     report = export.to_tflite(model, "model.tflite")
        ...     report = export.to_onnx(model, "model.onnx")
    """
    token = _known.set({})
    try:
        yield
    finally:
        _known.reset(token)


def once(key: Hashable, make: Callable[[], Made]) -> Made:
    """Returns what `make()` returned for an equal key since `shared_graphs` was opened.

    Outside of it, everything is made anew. Models in a key are compared by identity and stay alive.
    """
    known = _known.get()
    if known is None:
        return make()
    if key not in known:
        known[key] = make()
    return known[key]

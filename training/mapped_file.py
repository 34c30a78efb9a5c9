"""A file of numbers that a graph knows by its name."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_by_name: ContextVar[bool] = ContextVar("by_name", default=False)


class MappedFile:
    """A file of int16 numbers, where TensorFlow takes a tensor.

    A graph then holds the file's name, not its numbers, and may run in any process that sees the
    file. Each use maps the file anew, which takes a tenth of a millisecond.

    Args:
        path: of the file.

    Example:
        >>> np.arange(4, dtype="int16").tofile("numbers.int16")
        >>> tf.function(lambda: tf.slice(MappedFile(Path("numbers.int16")), [1], [2]))().numpy()
        array([1, 2], dtype=int16)
    """

    def __init__(self, path: Path):
        self.path = path.resolve()
        self.size = self.path.stat().st_size // 2

    def __tf_tensor__(self, dtype=None, name=None):
        import tensorflow as tf

        return tf.raw_ops.ImmutableConst(
            dtype=tf.int16, shape=[self.size], memory_region_name=str(self.path), name=name
        )


def mapped_by_name() -> bool:
    """Whether the calling code is inside `files_by_name()`."""
    return _by_name.get()


@contextmanager
def files_by_name() -> Iterator[None]:
    """While it is open, pipelines are made that other processes can run."""
    token = _by_name.set(True)
    try:
        yield
    finally:
        _by_name.reset(token)

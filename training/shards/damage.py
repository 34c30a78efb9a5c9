"""Errors of reading that name the file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.shards.index import is_shards
from training.shards.reader import Shards


@contextmanager
def damage_named(data: str | os.PathLike | None) -> Iterator[None]:
    """Where reading shards fails within, finds the file that is to blame.

    tf.data tells at which byte a record is damaged, but not of which file: all are read again.

    Args:
        data: folder of the shards; anything else is left alone.

    Raises:
        InputError: with the first file that has changed since it was written.
    """
    import tensorflow as tf

    try:
        yield
    except tf.errors.OpError:
        if data is not None and is_shards(Path(data)):
            Shards(data).check()
        raise

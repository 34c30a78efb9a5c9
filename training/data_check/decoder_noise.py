"""Decoders write remarks on broken files to the terminal, past Python, and name no file."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_decoder_noise() -> Iterator[None]:
    """Drops what native code writes to standard error; `sys.stderr` still gets there."""
    sys.stderr.flush()
    try:
        terminal = os.dup(2)
    except OSError:  # There is no standard error.
        yield
        return
    ours = sys.stderr
    with open(terminal, "w", buffering=1) as kept, open(os.devnull, "w") as nowhere:  # noqa: PTH123
        if _descriptor(ours) == 2:
            sys.stderr = kept
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            kept.flush()
            os.dup2(terminal, 2)
            sys.stderr = ours


def _descriptor(stream) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None

"""What can go wrong with an export that is not the caller's mistake."""

import re


class ExportError(RuntimeError):
    """A model that the wanted format cannot express, or a file that its runtime cannot run.

    The message is one line; the converter's or runtime's own error is its `__cause__`.
    """


class ParityError(ExportError):
    """A written file that does not do what the model does.

    The message is one line: the file, the output, its error and the tolerance.
    """


def first_line(error: BaseException) -> str:
    """Returns the first line of an error's message that says something, at most 200 characters."""
    text = re.sub(r"\x1b\[\d*m", "", str(error))
    lines = (line.strip() for line in text.splitlines())
    # Keras puts where before what.
    said = (line for line in lines if line and not line.startswith("Exception encountered when"))
    return next(said, type(error).__name__)[:200]

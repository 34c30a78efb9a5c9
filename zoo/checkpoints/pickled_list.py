"""A reader of pickled lists of whole numbers that cannot run anything."""

import pickletools
from pathlib import Path

from zoo.errors import InputError

_LARGEST = 2**16
_INTEGERS = ("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1")
_TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def read_pickled_list(path: Path) -> list:
    """Returns the lists, tuples and whole numbers in a pickle file.

    Python's own reader calls what a file asks it to call. This one knows the dozen instructions
    that lists, tuples and integers need and refuses every other; nothing is imported or called.

    Raises:
        InputError: if the file cannot be read, is larger than 64 KiB, is not a pickle, or holds
            anything else.

    Example:
        >>> import pathlib, pickle
        >>> file = pathlib.Path("parameters.pkl")
        >>> file.write_bytes(pickle.dumps([(28, 28, 1), 2])) > 0
        True
        >>> read_pickled_list(file)
        [(28, 28, 1), 2]
        >>> file.write_bytes(pickle.dumps([print])) > 0
        True
        >>> read_pickled_list(file)
        Traceback (most recent call last):
        zoo.errors.InputError: parameters.pkl: a pickle of more than lists of whole numbers \
(SHORT_BINUNICODE); write its numbers as JSON
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > _LARGEST:
        raise InputError(f"{path}: too large for a list of parameters, more than 64 KiB")
    try:
        value = _load(content, path)
    except InputError:
        raise
    except (ValueError, LookupError, AttributeError) as error:
        raise InputError(f"{path}: not a pickled list, or damaged") from error
    if not isinstance(value, list):
        raise InputError(f"{path}: holds no list")
    return value


def _load(content: bytes, path: Path):
    """Follows the instructions; `marks` are heights of the stack, as in the format's manual."""
    stack, marks, memo = [], [], {}

    def take(height: int) -> list:
        taken = stack[height:]
        del stack[height:]
        return taken

    for instruction, argument, _ in pickletools.genops(content):
        name = instruction.name
        if name in _INTEGERS:
            stack.append(argument)
        elif name in _TUPLES:
            size = _TUPLES[name]
            if size > len(stack):
                raise ValueError(f"{name} of {len(stack)} values")
            stack.append(tuple(take(len(stack) - size)))
        elif name == "MARK":
            marks.append(len(stack))
        elif name == "TUPLE":
            stack.append(tuple(take(marks.pop())))
        elif name == "EMPTY_LIST":
            stack.append([])
        elif name == "LIST":
            stack.append(take(marks.pop()))
        elif name == "APPEND":
            value = stack.pop()
            stack[-1].append(value)
        elif name == "APPENDS":
            values = take(marks.pop())
            stack[-1].extend(values)
        elif name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("GET", "BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name not in ("PROTO", "FRAME", "STOP"):
            raise InputError(
                f"{path}: a pickle of more than lists of whole numbers ({name}); "
                "write its numbers as JSON"
            )
    return stack.pop()

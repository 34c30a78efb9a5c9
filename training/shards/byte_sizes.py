"""Sizes as people write them."""

import re

from zoo.errors import InputError

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9}


def parse_bytes(size: int | str, name: str) -> int:
    """Bytes of a number or of a text such as `"500MB"`, `"2 GB"` or `"800k"`.

    Args:
        size: what to read.
        name: what errors call it.

    Raises:
        InputError: if it is no positive size.

    Example:
        >>> parse_bytes("1.5GB", "cache_memory")
        1500000000
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMG]?)B?", str(size).strip())
    value = int(float(match[1]) * _UNITS[match[2]]) if match else 0
    if value < 1:
        raise InputError(f"{name}={size!r} is no size such as 500MB or 2GB")
    return value

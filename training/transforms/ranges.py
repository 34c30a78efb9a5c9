"""Ranges as recipes give them."""

from collections.abc import Sequence
from math import isfinite


def checked_range(name: str, value: Sequence[float]) -> tuple[float, float]:
    """Returns a range's two numbers.

    Args:
        name: of the argument.
        value: low and high; TOML has no tuples.

    Raises:
        ValueError: if they are not two finite numbers, the lower one first.
    """
    numbers = [number for number in value if isinstance(number, (int, float))]
    if len(value) != 2 or len(numbers) != 2 or not all(map(isfinite, numbers)):
        raise ValueError(f"a range is [low, high]. Received: {name}={value}")
    low, high = map(float, value)
    if low > high:
        raise ValueError(f"a range goes from low to high. Received: {name}=[{low}, {high}]")
    return low, high

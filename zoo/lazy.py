"""Packages whose public names are imported on first use: the command line starts at once."""

from collections.abc import Callable, Mapping
from importlib import import_module


def lazy_names(package: str, modules: Mapping[str, str]) -> tuple[Callable, Callable, list[str]]:
    """Returns `__getattr__`, `__dir__` and `__all__` of a package (PEP 562).

    Args:
        package: its name, for messages.
        modules: public name -> module that defines it.

    Example:
        >>> get, _, names = lazy_names("numbers", {"sqrt": "math"})
        >>> names, get("sqrt")(9.0)
        (['sqrt'], 3.0)
    """
    names = sorted(modules)

    def get(name: str):
        if name in modules:
            return getattr(import_module(modules[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: names, names

"""Pairs of files in a folder, found by their names."""

from pathlib import Path
from typing import NamedTuple

from zoo.errors import InputError

WINDOWS = 100
# End of a name -> windows to use of such a pair.
KINDS: dict[str, int | None] = {"_100": WINDOWS, "_nl": None}
MIXTURE, STEM = "-full.wav", "-stem.wav"


class FoundPair(NamedTuple):
    """Two files of a pair.

    Attributes:
        name: path within the folder, without the ending.
        mixture: its file.
        stem: its file.
        windows: how many to use at most; `None` for all.
    """

    name: str
    mixture: Path
    stem: Path
    windows: int | None


def find_pairs(folder: Path) -> tuple[list[FoundPair], dict[str, InputError]]:
    """Finds `*_100-full.wav` with `*_100-stem.wav`, and `*_nl-full.wav` with `*_nl-stem.wav`.

    Args:
        folder: which is looked through at any depth.

    Returns:
        The pairs, in the order of their names, and name -> error of files without a partner.

    Raises:
        InputError: if there is no such folder, or no file of such a name in it.

    Example:
        >>> for name in ("a_100-full.wav", "a_100-stem.wav", "b_nl-stem.wav"):
        ...     Path(name).touch()
        >>> pairs, errors = find_pairs(Path("."))
        >>> [(pair.name, pair.windows) for pair in pairs], str(errors["b_nl"])
        ([('a_100', 100)], 'b_nl-stem.wav: has no b_nl-full.wav beside it')
    """
    if not folder.is_dir():
        problem = "is a file; name its stem too" if folder.exists() else "no such file or folder"
        raise InputError(f"{folder}: {problem}")
    pairs: list[FoundPair] = []
    errors: dict[str, InputError] = {}
    for path in sorted(folder.rglob("*.wav")):
        for kind, windows in KINDS.items():
            for own, other in ((MIXTURE, STEM), (STEM, MIXTURE)):
                if not path.name.endswith(kind + own):
                    continue
                name = str(path.relative_to(folder)).removesuffix(own)
                partner = path.with_name(path.name.removesuffix(own) + other)
                if not partner.exists():
                    errors[name] = InputError(f"{path}: has no {partner.name} beside it")
                elif own == MIXTURE:
                    pairs.append(FoundPair(name, path, partner, windows))
    if not pairs and not errors:
        names = ", ".join(f"*{kind}{MIXTURE} with *{kind}{STEM}" for kind in KINDS)
        raise InputError(f"{folder}: holds no pair; wanted are {names}")
    return pairs, errors

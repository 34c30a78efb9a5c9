"""Recipe files: where they are, and what one takes over from another."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from zoo.errors import InputError

RECIPES = Path(__file__).parent / "recipes"
EXTENDS = "extends"


def list_recipes() -> list[str]:
    """Returns the names of the shipped recipes, sorted.

    Example:
        >>> "jansson_unet" in list_recipes()
        True
    """
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def recipe_path(recipe: str | os.PathLike, *, folder: Path | None = None) -> Path:
    """Finds a recipe.

    Args:
        recipe: a TOML file, or the name of a shipped recipe.
        folder: where relative paths begin; `None` for the current one.

    Raises:
        InputError: if it is neither.
    """
    path = Path(recipe) if folder is None else folder / recipe
    if path.is_file():
        return path
    if str(recipe) in list_recipes():
        return RECIPES / f"{recipe}.toml"
    raise InputError(f"{recipe}: neither a file nor one of the recipes {', '.join(list_recipes())}")


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Puts a recipe's tables over those of the one that it extends.

    Tables are merged key by key; every other value, an array for one, replaces what was there, and
    `false` in a table's place leaves the table out.

    Example:
        >>> merged({"data": {"count": 3}, "remix": {}}, {"data": {"threads": 2}, "remix": False})
        {'data': {'count': 3, 'threads': 2}}
    """
    result = dict(base)
    for key, value in changes.items():
        if isinstance(value, Mapping):
            before = result.get(key)
            result[key] = merged(before if isinstance(before, Mapping) else {}, value)
        elif value is False and isinstance(result.get(key), Mapping):
            del result[key]
        else:
            result[key] = value
    return result


def read_recipe(path: Path) -> tuple[str, dict[str, Any]]:
    """Reads a recipe and those that it extends.

    Args:
        path: of the file. In it, `extends` names a shipped recipe or a file, relative to this one.

    Returns:
        A text to repeat the run with, and the tables. The text is the file's own where it extends
        nothing, and else all tables, with a comment that says where they come from.

    Raises:
        InputError: naming the file, if one cannot be read or found, or they extend in a circle.
    """
    chain: list[tuple[Path, str, dict[str, Any]]] = []
    following: Path | None = path
    while following is not None:
        if any(following.samefile(before) for before, _, _ in chain):
            circle = " extends ".join([*(before.name for before, _, _ in chain), following.name])
            raise InputError(f"{path}: extends in a circle: {circle}")
        try:
            text = following.read_text("utf-8")
            tables = tomllib.loads(text)
        except (OSError, ValueError) as error:
            raise InputError(f"{following}: cannot be read as TOML: {error}") from error
        base = tables.pop(EXTENDS, None)
        chain.append((following, text, tables))
        if base is None:
            break
        if not isinstance(base, str):
            raise InputError(f"{following}: {EXTENDS} must be the name or path of a recipe")
        try:
            following = recipe_path(base, folder=following.parent)
        except InputError as error:
            raise InputError(f"{following}: {EXTENDS}: {error}") from error
    if len(chain) == 1:
        return chain[0][1], chain[0][2]
    tables = {}
    for _, _, changes in reversed(chain):
        tables = merged(tables, changes)
    import tomli_w

    names = ", which extends ".join(before.stem for before, _, _ in chain)
    return f"# The tables of {names}.\n\n{tomli_w.dumps(tables)}", tables

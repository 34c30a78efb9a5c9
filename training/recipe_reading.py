"""Tables of a recipe -> their dataclasses, with messages that name what is wrong."""

import dataclasses
import inspect
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from training.recipe_tables import ModelRecipe
from zoo.errors import InputError

if TYPE_CHECKING:
    from training.transforms.transform import Transform

TRANSFORM = "transform"


def _accepts(annotation: Any, value: Any) -> bool:
    """Whether a TOML value fits a field's annotation; items of lists are not looked at."""
    if isinstance(annotation, UnionType):
        return any(_accepts(option, value) for option in get_args(annotation))
    kind = get_origin(annotation) or annotation
    kinds = {float: (int, float), tuple: (list, tuple)}.get(kind, kind)
    return isinstance(value, kinds) and (kind is bool or not isinstance(value, bool))


def table_of(cls: type, values: Mapping[str, Any], where: str):
    """Makes a dataclass of a table, naming what does not belong there."""
    fields = {known.name: known.type for known in dataclasses.fields(cls)}
    for name, value in values.items():
        if name not in fields:
            raise InputError(f"{where}: unknown key {name!r}; known are {', '.join(fields)}")
        if not _accepts(fields[name], value):
            kind = getattr(fields[name], "__name__", None) or fields[name]
            raise InputError(f"{where}: {name}={value!r} is not of type {kind}")
    try:
        return cls(**values)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def model_table(values: Mapping[str, Any], where: str) -> ModelRecipe:
    """The `[model]` table, whose further keys are the network's arguments."""
    import zoo

    own = {known.name for known in dataclasses.fields(ModelRecipe)} - {"arguments"}
    arguments = {name: value for name, value in values.items() if name not in own}
    recipe = table_of(
        ModelRecipe, {name: value for name, value in values.items() if name in own}, where
    )
    accepted = set()
    if recipe.network is not None:
        if recipe.network not in zoo.__all__:
            raise InputError(f"{where}: zoo has no network {recipe.network!r}")
        accepted = set(inspect.signature(getattr(zoo, recipe.network)).parameters)
        accepted -= {"front_end", "kwargs", "dtype"}
    for name in arguments:
        if name not in accepted:
            known = ", ".join(sorted(own | accepted))
            raise InputError(f"{where}: unknown key {name!r}; known are {known}")
    return dataclasses.replace(recipe, arguments=arguments)


def transforms_of(tables: Sequence[Mapping[str, Any]], where: str) -> tuple["Transform", ...]:
    """The `[[augment]]` tables, in their order."""
    if not tables:
        return ()
    from training.transforms.table import TRANSFORMS

    transforms = []
    for number, values in enumerate(tables, 1):
        name = values.get(TRANSFORM)
        if name not in TRANSFORMS:
            raise InputError(
                f"{where} {number}: {TRANSFORM}={name!r} is none of {', '.join(TRANSFORMS)}"
            )
        arguments = {key: value for key, value in values.items() if key != TRANSFORM}
        transforms.append(table_of(TRANSFORMS[name], arguments, f"{where} {number}, {name}"))
    return tuple(transforms)

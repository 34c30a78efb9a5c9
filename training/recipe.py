"""Recipes: a training run as a TOML file."""

import dataclasses
import inspect
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, get_args, get_origin

from training.recipe_tables import (
    DataRecipe,
    FeaturesRecipe,
    ModelRecipe,
    RunRecipe,
    SecondStageRecipe,
)
from zoo.errors import InputError
from zoo.settings import parse_setting

if TYPE_CHECKING:
    from training.fit_settings import FitSettings
    from training.remix import Remix
    from training.source_gains import SourceGains
    from zoo.front_end import FrontEnd

TABLES = (
    "model",
    "front_end",
    "features",
    "data",
    "remix",
    "source_gains",
    "training",
    "second_stage",
    "run",
)
RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class Recipe:
    """A whole training run, as `load_recipe` reads it.

    Args:
        name: the file's, without suffix.
        text: of the file.
        model, data, run: the tables of these names.
        training: the table of `FitSettings`.
        front_end: of a new network; `None` for its default, or the one to fine-tune has its own.
        features: how recordings become features; `None` for networks that learn from songs.
        remix: how stems are remixed; `None` for songs as they are.
        source_gains: how loud each source is made; instead of `remix`.
        second_stage: how training goes on after the first stage; `None` for not at all.
    """

    name: str
    text: str
    model: ModelRecipe
    data: DataRecipe
    run: RunRecipe
    training: "FitSettings"
    front_end: "FrontEnd | None"
    features: FeaturesRecipe | None
    remix: "Remix | None"
    source_gains: "SourceGains | None"
    second_stage: SecondStageRecipe | None

    def stages(self) -> list[tuple["FitSettings", DataRecipe]]:
        """How each stage is trained, and on what."""
        stages = [(self.training, self.data)]
        if self.second_stage is not None:
            stages.append(tuple(self.second_stage.replaced(table) for table in stages[0]))
        return stages

    def settings(self) -> dict[str, Any]:
        """All settings, defaults included, as values that JSON knows."""
        values = {table: getattr(self, table) for table in TABLES}
        plain = {table: value and dataclasses.asdict(value) for table, value in values.items()}
        return json.loads(json.dumps(plain))

    def difference(self, settings: Mapping[str, Any]) -> tuple[str, str, Any, Any] | None:
        """The first (table, key, value, other value) that differs from a run's settings.

        Settings of a run made before a key was known count as equal to its value here.
        """
        for table, values in self.settings().items():
            others = settings.get(table)
            if values is None or others is None:
                if values != others:
                    return table, "", values, others
                continue
            for key, value in values.items():
                if others.get(key, value) != value:
                    return table, key, value, others[key]
        return None


def list_recipes() -> list[str]:
    """Returns the names of the shipped recipes, sorted.

    Example:
        >>> "jansson_unet" in list_recipes()
        True
    """
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def _recipe_path(recipe: str | os.PathLike) -> Path:
    path = Path(recipe)
    if path.is_file():
        return path
    if str(recipe) in list_recipes():
        return RECIPES / f"{recipe}.toml"
    raise InputError(f"{recipe}: neither a file nor one of the recipes {', '.join(list_recipes())}")


def _accepts(annotation: Any, value: Any) -> bool:
    """Whether a TOML value fits a field's annotation; items of lists are not looked at."""
    if isinstance(annotation, UnionType):
        return any(_accepts(option, value) for option in get_args(annotation))
    kind = get_origin(annotation) or annotation
    kinds = {float: (int, float), tuple: (list, tuple)}.get(kind, kind)
    return isinstance(value, kinds) and (kind is bool or not isinstance(value, bool))


def _table(cls: type, values: Mapping[str, Any], where: str):
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


def _model_table(values: Mapping[str, Any], where: str) -> ModelRecipe:
    """The `[model]` table, whose further keys are the network's arguments."""
    import zoo

    own = {known.name for known in dataclasses.fields(ModelRecipe)} - {"arguments"}
    arguments = {name: value for name, value in values.items() if name not in own}
    recipe = _table(
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


def parse_override(text: str) -> tuple[str, Any]:
    """Splits `table.key=value` as given on a command line.

    The value is TOML; what is not, a path without quotes for one, is taken as a string.

    Raises:
        InputError: if the text is of another form.

    Example:
        >>> parse_override("training.epochs=3"), parse_override("data.speech=digits/wav")
        (('training.epochs', 3), ('data.speech', 'digits/wav'))
    """
    form = "table.key=value"
    key, value = parse_setting(text, form)
    if key.count(".") != 1:
        raise InputError(f"{text}: is not of the form {form}")
    return key, value


def load_recipe(recipe: str | os.PathLike, *, overrides: Mapping[str, Any] | None = None) -> Recipe:
    """Reads and checks a recipe.

    Args:
        recipe: a TOML file, or the name of a shipped recipe.
        overrides: `"table.key"` -> value, in place of what the file says.

    Raises:
        InputError: naming the file, the table and the key that is unknown or wrong.

    Example:
        >>> load_recipe("jansson_unet").training.loss
        'mean_absolute_error'
    """
    from training.fit_settings import FitSettings
    from training.remix import Remix
    from training.source_gains import SourceGains
    from zoo.front_end import FrontEnd

    path = _recipe_path(recipe)
    try:
        text = path.read_text("utf-8")
        tables = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as TOML: {error}") from error
    for table, values in tables.items():
        if table not in TABLES:
            raise InputError(f"{path}: unknown table {table!r}; known are {', '.join(TABLES)}")
        if not isinstance(values, dict):
            raise InputError(f"{path}: [{table}]: must be a table")
    for key, value in (overrides or {}).items():
        table, _, name = key.partition(".")
        if table not in TABLES:
            raise InputError(f"{key}: unknown table {table!r}; known are {', '.join(TABLES)}")
        tables.setdefault(table, {})[name] = value

    if "remix" in tables and "source_gains" in tables:
        raise InputError(f"{path}: [remix] and [source_gains] exclude each other")

    def read(table: str, cls: type):
        return _table(cls, tables.get(table, {}), f"{path}: [{table}]")

    def optional(table: str, cls: type):
        return read(table, cls) if table in tables else None

    read_recipe = Recipe(
        name=path.stem,
        text=text,
        model=_model_table(tables.get("model", {}), f"{path}: [model]"),
        data=read("data", DataRecipe),
        run=read("run", RunRecipe),
        training=read("training", FitSettings),
        front_end=optional("front_end", FrontEnd),
        features=optional("features", FeaturesRecipe),
        remix=optional("remix", Remix),
        source_gains=optional("source_gains", SourceGains),
        second_stage=optional("second_stage", SecondStageRecipe),
    )
    try:
        read_recipe.stages()
    except ValueError as error:
        raise InputError(f"{path}: [second_stage]: {error}") from error
    return read_recipe

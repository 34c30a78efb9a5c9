"""Recipes: a training run as a TOML file."""

import dataclasses
import inspect
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zoo.errors import InputError

RECIPES = Path(__file__).parent / "recipes"


@dataclass(frozen=True)
class ModelRecipe:
    """The `[model]` table: a new network, or one to fine-tune.

    Args:
        network: name of a class in `zoo`, for a new one.
        arguments: its constructor's; other keys of the table land here.
        start: preset name, preset folder or `.keras` file, for fine-tuning.
        freeze: patterns of layer names that stay as they are.
        dtype: policy, such as `"mixed_bfloat16"`.
    """

    network: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    start: str | None = None
    freeze: list[str] = field(default_factory=list)
    dtype: str = "float32"

    def __post_init__(self):
        if (self.network is None) == (self.start is None):
            raise InputError("name either a network or what to start from, not both")


@dataclass(frozen=True)
class DataRecipe:
    """The `[data]` table: which songs, and how patches are drawn from them.

    Args:
        kind: `"stem_folder"` or `"synthetic"`.
        stems: targets.
        batch_size: patches of a step.
        patches_per_song: patches drawn from each song in an epoch.
        validation_share: share of a stem folder's songs held back, at least one song.
        validation_patches_per_song: fixed patches of each song held back.
        count: synthetic songs to train on.
        validation_count: further synthetic songs held back.
        duration: of a synthetic song, in seconds.
        songs_seed: of the first synthetic song.
        speech: folder of spoken recordings from which some synthetic voices are made.
        threads: of the pipeline.
    """

    kind: str = "stem_folder"
    stems: list[str] = field(default_factory=lambda: ["vocals"])
    batch_size: int = 16
    patches_per_song: int = 16
    validation_share: float = 0.1
    validation_patches_per_song: int = 8
    count: int = 1200
    validation_count: int = 40
    duration: float = 30.0
    songs_seed: int = 0
    speech: str | None = None
    threads: int = 1

    def __post_init__(self):
        if self.kind not in ("stem_folder", "synthetic"):
            raise InputError(f"kind={self.kind!r} is neither stem_folder nor synthetic")
        for name in ("batch_size", "patches_per_song", "validation_patches_per_song", "count"):
            if getattr(self, name) < 1:
                raise InputError(f"{name}={getattr(self, name)} would train nothing")
        if not 0 < self.validation_share < 1:
            raise InputError(f"validation_share={self.validation_share} is not between 0 and 1")


@dataclass(frozen=True)
class RunRecipe:
    """The `[run]` table: what is neither model nor data nor optimisation.

    Args:
        seed: fixes data order, initialisation and dropout.
        threads: of each of the model's operators, 0 for one a processor. It applies where
            TensorFlow has not started yet.
    """

    seed: int = 0
    threads: int = 0


@dataclass(frozen=True)
class Recipe:
    """A whole training run, as `load_recipe` reads it.

    Args:
        name: the file's, without suffix.
        text: of the file.
        tables: checked contents as plain dicts, defaults filled in.
        model, data, run: tables of their own.
        training: arguments of `training.fit.FitSettings`.
        front_end: arguments of `zoo.FrontEnd`, for a new network.
        remix: arguments of `training.remix.Remix`, `None` for songs as they are.
    """

    name: str
    text: str
    model: ModelRecipe
    data: DataRecipe
    run: RunRecipe
    training: Any
    front_end: Any
    remix: Any

    def settings(self) -> dict[str, Any]:
        """All settings as plain values, for a run's record."""
        tables = ("model", "data", "run", "training", "front_end", "remix")
        values = {table: getattr(self, table) for table in tables}
        return json.loads(json.dumps({t: v and dataclasses.asdict(v) for t, v in values.items()}))


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


_TYPES = {"int": int, "float": (int, float), "str": str, "bool": bool, "list": list, "tuple": list}


def _build(cls, values: Mapping[str, Any], where: str):
    """Makes a dataclass of a table, naming what does not belong there."""
    if not isinstance(values, dict):
        raise InputError(f"{where}: must be a table")
    known = {f.name: f for f in dataclasses.fields(cls)}
    for name, value in values.items():
        if name not in known:
            raise InputError(f"{where}: unknown key {name!r}; known are {', '.join(known)}")
        kind = known[name].type
        label = (kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))).split("[")
        label = label[0].split(" | ")[0] if label[0] != "UnionType" else str(kind).split(" | ")[0]
        expected = _TYPES.get(label)
        unset = value is None and known[name].default is None
        right = unset or expected is None or isinstance(value, expected)
        if not right or (isinstance(value, bool) and expected is not bool):
            raise InputError(f"{where}: {name}={value!r} should be of type {label}")
    try:
        return cls(**values)
    except ValueError as error:
        raise InputError(f"{where}: {error}") from error


def _model_recipe(values: Mapping[str, Any], where: str) -> ModelRecipe:
    import zoo

    own = {f.name for f in dataclasses.fields(ModelRecipe)} - {"arguments"}
    arguments = {name: value for name, value in values.items() if name not in own}
    recipe = _build(
        ModelRecipe, {name: value for name, value in values.items() if name in own}, where
    )
    if recipe.network is not None:
        if not hasattr(zoo, recipe.network):
            raise InputError(f"{where}: zoo has no network {recipe.network!r}")
        accepted = set(inspect.signature(getattr(zoo, recipe.network)).parameters)
        accepted -= {"front_end", "kwargs", "dtype", "name"}
    else:
        accepted = set()
    for name in arguments:
        if name not in accepted:
            known = ", ".join(sorted(own | accepted))
            raise InputError(f"{where}: unknown key {name!r}; known are {known}")
    return dataclasses.replace(recipe, arguments=arguments)


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
    from training.fit import FitSettings
    from training.remix import Remix
    from zoo.front_end import FrontEnd

    path = _recipe_path(recipe)
    try:
        text = path.read_text("utf-8")
        tables = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as TOML: {error}") from error
    for key, value in (overrides or {}).items():
        table, _, name = key.partition(".")
        if not name:
            raise InputError(f"{key}: an override is called table.key")
        tables.setdefault(table, {})[name] = value
    known = ("model", "front_end", "data", "remix", "training", "run")
    for table in tables:
        if table not in known:
            raise InputError(f"{path}: unknown table {table!r}; known are {', '.join(known)}")

    def build(table, cls):
        return _build(cls, tables.get(table, {}), f"{path}: [{table}]")

    return Recipe(
        name=path.stem,
        text=text,
        model=_model_recipe(tables.get("model", {}), f"{path}: [model]"),
        data=build("data", DataRecipe),
        run=build("run", RunRecipe),
        training=build("training", FitSettings),
        front_end=build("front_end", FrontEnd) if "front_end" in tables else None,
        remix=build("remix", Remix) if "remix" in tables else None,
    )

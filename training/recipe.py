"""Recipes: a training run as a TOML file."""

import dataclasses
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.recipe_file import list_recipes, read_recipe, recipe_path
from training.recipe_reading import TRANSFORM, model_table, table_of, transforms_of
from training.recipe_tables import (
    IMAGE_KINDS,
    DataRecipe,
    DistillationRecipe,
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
    from training.segmentation.images_recipe import ImagesRecipe
    from training.source_gains import SourceGains
    from training.transforms.offline import OfflineRecipe
    from training.transforms.transform import Transform
    from zoo.front_end import FrontEnd

__all__ = ["Recipe", "list_recipes", "load_recipe", "parse_override"]

TABLES = (
    "model",
    "front_end",
    "features",
    "images",
    "data",
    "remix",
    "source_gains",
    "augment",
    "offline",
    "training",
    "distillation",
    "second_stage",
    "run",
)
AUGMENT = "augment"
# Where a run takes place, which is none of what it makes.
PLACES = {("run", "devices"), ("run", "threads"), ("data", "service"), ("data", "threads")}


@dataclass(frozen=True)
class Recipe:
    """A whole training run, as `load_recipe` reads it.

    Args:
        name: the file's, without suffix.
        text: to repeat the run with: the file's, or all tables where it extends another.
        model, data, run: the tables of these names.
        training: the table of `FitSettings`.
        front_end: of a new network; `None` for its default, or the one to fine-tune has its own.
        features: how recordings become features; `None` for networks that learn from songs.
        images: how images are cut and varied; `None` for images as they are.
        remix: how stems are remixed; `None` for songs as they are.
        source_gains: how loud each source is made; instead of `remix`.
        augment: what else is done to stems, in this order.
        offline: versions of songs that shards get, in other keys and tempos; `None` for none.
        distillation: trained networks that teach; `None` for the truth alone.
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
    images: "ImagesRecipe | None"
    remix: "Remix | None"
    source_gains: "SourceGains | None"
    augment: tuple["Transform", ...]
    offline: "OfflineRecipe | None"
    distillation: DistillationRecipe | None
    second_stage: SecondStageRecipe | None

    def stages(self) -> list[tuple["FitSettings", DataRecipe]]:
        """How each stage is trained, and on what."""
        stages = [(self.training, self.data)]
        if self.second_stage is not None:
            stages.append(tuple(self.second_stage.replaced(table) for table in stages[0]))
        return stages

    def settings(self) -> dict[str, Any]:
        """All settings, defaults included, as values that JSON knows."""
        values = {table: getattr(self, table) for table in TABLES if table != AUGMENT}
        plain = {table: value and dataclasses.asdict(value) for table, value in values.items()}
        plain[AUGMENT] = [
            {TRANSFORM: transform.name, **dataclasses.asdict(transform)}
            for transform in self.augment
        ] or None
        return json.loads(json.dumps(plain))

    def difference(self, settings: Mapping[str, Any]) -> tuple[str, str, Any, Any] | None:
        """The first (table, key, value, other value) that differs from a run's settings.

        Settings of a run made before a key was known count as equal to its value here, as do those
        of where it takes place.
        """
        for table, values in self.settings().items():
            others = settings.get(table)
            if values is None or others is None or table == AUGMENT:
                if not _same(values, others):
                    return table, "", values, others
                continue
            for key, value in values.items():
                if (table, key) not in PLACES and others.get(key, value) != value:
                    return table, key, value, others[key]
        return None


def _same(transforms: list | None, others: list | None) -> bool:
    """Whether the settings of transforms agree in what both know."""
    if transforms is None or others is None or len(transforms) != len(others):
        return transforms == others
    return all(
        other.get(key, value) == value
        for transform, other in zip(transforms, others, strict=True)
        for key, value in transform.items()
    )


def parse_override(text: str) -> tuple[str, Any]:
    """Splits `table.key=value` as given on a command line.

    The value is TOML; what is not, a path without quotes for one, is taken as a string.

    Raises:
        InputError: if the text is of another form.

    Example:
        >>> parse_override("training.epochs=3"), parse_override("data.material=digits/wav")
        (('training.epochs', 3), ('data.material', 'digits/wav'))
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
    from training.segmentation.images_recipe import ImagesRecipe
    from training.source_gains import SourceGains
    from training.transforms.offline import OfflineRecipe
    from zoo.front_end import FrontEnd

    path = recipe_path(recipe)
    text, tables = read_recipe(path)
    for table, values in tables.items():
        if table not in TABLES:
            raise InputError(f"{path}: unknown table {table!r}; known are {', '.join(TABLES)}")
        if table == AUGMENT:
            if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
                raise InputError(f"{path}: [[{AUGMENT}]]: must be an array of tables")
        elif not isinstance(values, dict):
            raise InputError(f"{path}: [{table}]: must be a table")
    for key, value in (overrides or {}).items():
        table, _, name = key.partition(".")
        if table not in TABLES:
            raise InputError(f"{key}: unknown table {table!r}; known are {', '.join(TABLES)}")
        if table == AUGMENT:
            raise InputError(
                f"{key}: [[{AUGMENT}]] is an array, of which no single key can be set: write a "
                f"recipe that extends {path.stem}"
            )
        tables.setdefault(table, {})[name] = value

    if "remix" in tables and "source_gains" in tables:
        raise InputError(f"{path}: [remix] and [source_gains] exclude each other")

    def read(table: str, cls: type):
        return table_of(cls, tables.get(table, {}), f"{path}: [{table}]")

    def optional(table: str, cls: type):
        return read(table, cls) if table in tables else None

    result = Recipe(
        name=path.stem,
        text=text,
        model=model_table(tables.get("model", {}), f"{path}: [model]"),
        data=read("data", DataRecipe),
        run=read("run", RunRecipe),
        training=read("training", FitSettings),
        front_end=optional("front_end", FrontEnd),
        features=optional("features", FeaturesRecipe),
        images=optional("images", ImagesRecipe),
        remix=optional("remix", Remix),
        source_gains=optional("source_gains", SourceGains),
        augment=transforms_of(tables.get(AUGMENT, ()), f"{path}: [[{AUGMENT}]]"),
        offline=optional("offline", OfflineRecipe),
        distillation=optional("distillation", DistillationRecipe),
        second_stage=optional("second_stage", SecondStageRecipe),
    )
    for table in (AUGMENT, "offline", "distillation"):
        if getattr(result, table) and result.data.kind == "features":
            raise InputError(f"{path}: [{table}] is for songs; features are learned as they are")
        if getattr(result, table) and result.data.kind in IMAGE_KINDS:
            raise InputError(f"{path}: [{table}] is for songs, not for images")
    if result.images is not None and result.data.kind not in IMAGE_KINDS:
        raise InputError(f"{path}: [images] is for [data] kind images or shapes")
    if result.training.loss == "dice_cross_entropy" and result.data.kind not in IMAGE_KINDS:
        raise InputError(f"{path}: loss dice_cross_entropy is for [data] kind images or shapes")
    try:
        result.stages()
    except ValueError as error:
        raise InputError(f"{path}: [second_stage]: {error}") from error
    return result

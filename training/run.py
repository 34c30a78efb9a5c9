"""A recipe, carried out."""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.models import build_model
from training.recipe import Recipe, load_recipe
from training.song_run import song_stages
from training.stages import stage_of
from zoo.errors import InputError
from zoo.files import atomic_path

if TYPE_CHECKING:
    from training.feature_run import FeatureRun

RECIPE, SETTINGS, CACHE = "recipe.toml", "settings.json", "cache"


def _limit_threads(threads: int) -> None:
    if not threads:
        return
    import tensorflow as tf

    # TensorFlow refuses once it runs; the number is a matter of speed only.
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)


def _check_run(recipe: Recipe, output: Path, *, resume: bool) -> None:
    """Refuses a folder in use, and a resumption with another recipe than the run's own."""
    settings = output / SETTINGS
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; name a folder for the run")
    if not settings.exists():
        return
    if not resume:
        raise InputError(f"{output}: holds a run already; resume it or name a new folder")
    difference = recipe.difference(json.loads(settings.read_text("utf-8")))
    if difference is not None:
        raise InputError(f"{output}: cannot resume, that run had other values in [{difference[0]}]")


def _record(recipe: Recipe, output: Path) -> None:
    for name, text in (
        (RECIPE, recipe.text),
        (SETTINGS, json.dumps(recipe.settings(), indent=1) + "\n"),
    ):
        with atomic_path(output / name) as temporary:
            temporary.write_text(text, "utf-8")


def _on_features(recipe: Recipe, run: "FeatureRun"):
    """The stages and the validation data of a run on features."""
    count = len(run.train)
    stages = [
        stage_of(
            recipe, settings, table, examples=count, named=f"{count} recordings", draw=run.draw
        )
        for settings, table in recipe.stages()
    ]
    return stages, run.validation_data()


def train_recipe(
    recipe: str | os.PathLike,
    data: str | os.PathLike | None,
    output: str | os.PathLike,
    *,
    resume: bool = False,
    seed: int | None = None,
    cache_dir: str | os.PathLike | None = None,
    overrides: Mapping[str, Any] | None = None,
):
    """Trains by a recipe into a run folder.

    A run on features also leaves `generator.keras`, a `zoo.SoundGenerator`, and pictures of
    reconstructions and latents.

    Args:
        recipe: TOML file or name of a shipped recipe.
        data: stem folder, or folder of features; `None` for a recipe that makes its own songs.
        output: folder of the run, see `training.fit`; it gets the recipe too.
        resume: go on with the run in `output` from its last whole epoch.
        seed: in place of the recipe's.
        cache_dir: folder for decoded songs, which stays; by default one in the run folder, until
            the run is complete.
        overrides: `"table.key"` -> value, in place of what the recipe says.

    Returns:
        The best epoch's model.

    Raises:
        InputError: if recipe, data or output cannot be used, or nothing would be trained.
    """
    import keras

    from training.fitting import fit
    from training.losses import compile_arguments

    if seed is not None:
        overrides = {**(overrides or {}), "run.seed": seed}
    recipe = load_recipe(recipe, overrides=overrides)
    output = Path(output)
    _check_run(recipe, output, resume=resume)
    _limit_threads(recipe.run.threads)
    keras.utils.set_random_seed(recipe.run.seed)
    model = build_model(recipe.model, recipe.front_end)
    # Before anything is written, though `fit` would refuse a wrong loss as well.
    compile_arguments(model, recipe.training.loss)
    features = None
    if recipe.data.kind == "features":
        from training.feature_run import FeatureRun

        features = FeatureRun(recipe, model, data)
        (first, *then), validation = _on_features(recipe, features)
    else:
        cache_dir = cache_dir or output / CACHE
        (first, *then), validation = song_stages(recipe, model, data, cache_dir)
    output.mkdir(parents=True, exist_ok=True)
    _record(recipe, output)
    best = fit(
        model,
        first.train,
        validation,
        output=output,
        settings=first.settings,
        steps_per_epoch=first.steps_per_epoch,
        then=then,
        resume=resume,
    )
    if features is not None:
        features.finish(best, output)
    shutil.rmtree(output / CACHE, ignore_errors=True)
    return best

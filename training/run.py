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
from training.recipe_tables import IMAGE_KINDS
from training.song_run import song_stages
from training.stages import stage_of
from zoo.errors import InputError
from zoo.files import atomic_path

if TYPE_CHECKING:
    from training.devices import Spread
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


def _on_features(recipe: Recipe, run: "FeatureRun", host: tuple[int, int]):
    """The stages and the validation data of a run on features."""
    count = len(run.train)
    stages = [
        stage_of(
            recipe,
            settings,
            table,
            examples=count,
            named=f"{count} recordings",
            draw=run.draw,
            host=host,
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
    spread: "Spread | None" = None,
):
    """Trains by a recipe into a run folder.

    A run on features also leaves `generator.keras`, a `zoo.SoundGenerator`, and pictures of
    reconstructions and latents; a run on images the masks of the images held back, in
    `predictions/`, and a picture of some.

    Args:
        recipe: TOML file or name of a shipped recipe.
        data: songs as `training.loaders.named.named_tracks` takes them, folder of shards, of
            features, or of images and masks; `None` for a recipe that makes its own songs or
            shapes.
        output: folder of the run, see `training.fit`; it gets the recipe too.
        resume: go on with the run in `output` from its last whole epoch.
        seed: in place of the recipe's.
        cache_dir: folder for decoded songs, which stays; by default one in the run folder, until
            the run is complete.
        overrides: `"table.key"` -> value, in place of what the recipe says.
        spread: this host's, of several hosts, from `training.connect_hosts`; each calls this with
            the same arguments. `None` for the recipe's devices of this host.

    Returns:
        The best epoch's model.

    Raises:
        InputError: if recipe, data or output cannot be used, or nothing would be trained.
    """
    import keras

    from training.devices import spread_over
    from training.fitting import fit
    from training.losses import compile_arguments
    from training.shards.damage import damage_named

    if seed is not None:
        overrides = {**(overrides or {}), "run.seed": seed}
    recipe = load_recipe(recipe, overrides=overrides)
    output = Path(output)
    _limit_threads(recipe.run.threads)
    spread = spread or spread_over(recipe.run.devices)
    spread.agree(lambda: _check_run(recipe, output, resume=resume))
    for _, table in recipe.stages():
        spread.check_batch(table.batch_size)
    keras.utils.set_random_seed(recipe.run.seed)
    with spread.scope():
        model = build_model(recipe.model, recipe.front_end)
        spread.prepare(model)
    # Before anything is written, though `fit` would refuse a wrong loss as well.
    compile_arguments(model, recipe.training.loss)
    finished = None
    host = (spread.index, spread.processes)
    # Hosts may share a folder, where each writes files of its own.
    own = CACHE if spread.first else f"{CACHE}-{spread.index}"
    if recipe.data.kind == "features":
        from training.feature_run import FeatureRun

        finished = FeatureRun(recipe, model, data)
        (first, *then), validation = _on_features(recipe, finished, host)
    elif recipe.data.kind in IMAGE_KINDS:
        from training.segmentation.run import SegmentationRun

        finished = SegmentationRun(recipe, model, data)
        (first, *then), validation = finished.stages(host)
    else:
        cache_dir = output / own if cache_dir is None else Path(cache_dir, *own.split("-")[1:])
        (first, *then), validation = song_stages(recipe, model, data, cache_dir, host=host)
    if spread.first:
        output.mkdir(parents=True, exist_ok=True)
        _record(recipe, output)
    spread.check_shared(output)
    with damage_named(data):
        best = fit(
            model,
            first.train,
            validation,
            output=output,
            settings=first.settings,
            steps_per_epoch=first.steps_per_epoch,
            then=then,
            resume=resume,
            spread=spread,
        )
    if finished is not None and spread.first:
        finished.finish(best, output)
    shutil.rmtree(output / own, ignore_errors=True)
    return best

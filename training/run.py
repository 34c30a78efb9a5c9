"""A recipe, carried out."""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from training.recipe import Recipe, load_recipe
from training.tracks import Track
from zoo.errors import InputError
from zoo.files import atomic_path

RECIPE, SETTINGS, CACHE = "recipe.toml", "settings.json", "cache"


def _limit_threads(threads: int) -> None:
    if not threads:
        return
    import tensorflow as tf

    # TensorFlow refuses once it runs; the number is a matter of speed only.
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)


def _split(
    recipe: Recipe, data: str | os.PathLike | None, sample_rate: int
) -> tuple[list[Track], list[Track]]:
    """Songs to train on and songs held back."""
    settings = recipe.data
    if data is not None or settings.kind == "stem_folder":
        from training.loaders import stem_folder

        if data is None:
            raise InputError(f"recipe {recipe.name}: trains on stems: name their folder as data")
        tracks = stem_folder(data)
        if len(tracks) < 2:
            raise InputError(f"{data}: one song only; one more is needed to validate on")
        # Evenly spread over the sorted names, so that no album is held back whole.
        held = max(1, round(len(tracks) * settings.validation_share))
        places = {(2 * i + 1) * len(tracks) // (2 * held) for i in range(held)}
        return (
            [track for place, track in enumerate(tracks) if place not in places],
            [tracks[place] for place in sorted(places)],
        )
    from training.synthetic import synthetic_songs

    songs = synthetic_songs(
        settings.songs_seed,
        settings.count + settings.validation_count,
        duration=settings.duration,
        sample_rate=sample_rate,
        channels=1,
        speech=settings.speech,
    )
    return songs[: settings.count], songs[settings.count :]


def _check_run(recipe: Recipe, output: Path, *, resume: bool) -> None:
    """Refuses a folder in use, and a resumption with another recipe than the run's own."""
    settings = output / SETTINGS
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; name a folder for the run")
    if not settings.exists():
        return
    if not resume:
        raise InputError(f"{output}: holds a run already; resume it or name a new folder")
    before = json.loads(settings.read_text("utf-8"))
    for table, values in recipe.settings().items():
        if values != before.get(table):
            raise InputError(f"{output}: cannot resume, that run had other values in [{table}]")


def _record(recipe: Recipe, output: Path) -> None:
    for name, text in (
        (RECIPE, recipe.text),
        (SETTINGS, json.dumps(recipe.settings(), indent=1) + "\n"),
    ):
        with atomic_path(output / name) as temporary:
            temporary.write_text(text, "utf-8")


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

    Args:
        recipe: TOML file or name of a shipped recipe.
        data: stem folder; `None` for a recipe that makes its own songs.
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
    from training.models import build_model
    from training.pipeline import spectrogram_patches

    if seed is not None:
        overrides = {**(overrides or {}), "run.seed": seed}
    recipe = load_recipe(recipe, overrides=overrides)
    output = Path(output)
    _check_run(recipe, output, resume=resume)
    _limit_threads(recipe.run.threads)
    keras.utils.set_random_seed(recipe.run.seed)
    model = build_model(recipe.model, recipe.front_end)
    tracks, held_back = _split(recipe, data, model.front_end.sample_rate)
    settings = recipe.data
    steps = len(tracks) * settings.patches_per_song // settings.batch_size
    if not steps:
        raise InputError(
            f"recipe {recipe.name}: {len(tracks)} songs with {settings.patches_per_song} patches "
            f"each do not fill a batch of {settings.batch_size}: nothing would be trained"
        )

    shared = {
        "stems": settings.stems,
        "batch_size": settings.batch_size,
        "energy_weights": recipe.training.loss == "energy_normalized_squared_error",
        "cache_dir": cache_dir or output / CACHE,
        "processes": settings.kind == "synthetic" and data is None,
        "threads": settings.threads,
    }

    def train(first_epoch):
        return spectrogram_patches(
            tracks,
            model.front_end,
            patches_per_song=settings.patches_per_song,
            remix=recipe.remix,
            seed=recipe.run.seed,
            first_epoch=first_epoch,
            **shared,
        )

    validation = spectrogram_patches(
        held_back,
        model.front_end,
        patches_per_song=settings.validation_patches_per_song,
        training=False,
        **shared,
    )
    output.mkdir(parents=True, exist_ok=True)
    _record(recipe, output)
    best = fit(
        model,
        train,
        validation,
        output=output,
        settings=recipe.training,
        steps_per_epoch=steps,
        resume=resume,
    )
    shutil.rmtree(output / CACHE, ignore_errors=True)
    return best

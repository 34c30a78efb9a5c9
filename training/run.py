"""A recipe, carried out."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from training.recipe import Recipe, load_recipe
from training.tracks import Track
from zoo.errors import InputError
from zoo.files import atomic_path

RECIPE, SETTINGS = "recipe.toml", "settings.json"


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


def build_model(recipe: Recipe):
    """Returns the recipe's network: a new one, or the one to fine-tune, with layers frozen."""
    import keras

    import zoo
    from training.fit import freeze_layers
    from zoo.front_end import FrontEnd
    from zoo.presets import load_model

    if recipe.model.start is None:
        network = getattr(zoo, recipe.model.network)
        model = network(
            front_end=recipe.front_end or FrontEnd(),
            dtype=recipe.model.dtype,
            **recipe.model.arguments,
        )
    else:
        model = load_model(recipe.model.start)
        if recipe.front_end is not None:
            raise InputError(
                f"recipe {recipe.name}: [front_end] comes with {recipe.model.start}, remove it"
            )
        if recipe.model.dtype != "float32":
            weights = model.get_weights()
            config = {**model.get_config(), "dtype": recipe.model.dtype}
            keras.utils.clear_session(free_memory=False)
            model = type(model).from_config(config)
            model.set_weights(weights)
    freeze_layers(model, recipe.model.freeze)
    return model


def _record(recipe: Recipe, output: Path, *, resume: bool) -> None:
    """Notes the recipe in the run folder, or checks that a run is resumed with its own."""
    settings = output / SETTINGS
    if settings.exists() and not resume:
        raise InputError(f"{output}: holds a run already; resume it or name a new folder")
    if settings.exists():
        before = json.loads(settings.read_text())
        for table, values in recipe.settings().items():
            if values != before.get(table):
                raise InputError(f"{output}: cannot resume, that run had other values in [{table}]")
        return
    with atomic_path(output / RECIPE) as temporary:
        temporary.write_text(recipe.text)
    with atomic_path(settings) as temporary:
        temporary.write_text(json.dumps(recipe.settings(), indent=1) + "\n")


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
        output: folder of the run, see `training.fit.fit`; it gets the recipe too.
        resume: go on with the run in `output` from its last whole epoch.
        seed: in place of the recipe's.
        cache_dir: folder for decoded songs; default is `cache` in the run folder.
        overrides: `"table.key"` -> value, in place of what the recipe says.

    Returns:
        The best epoch's model.

    Raises:
        InputError: if recipe, data or output cannot be used, or nothing would be trained.
    """
    import keras

    from training.fit import fit, prepare_output
    from training.pipeline import spectrogram_patches

    if seed is not None:
        overrides = {**(overrides or {}), "run.seed": seed}
    recipe = load_recipe(recipe, overrides=overrides)
    _limit_threads(recipe.run.threads)
    keras.utils.set_random_seed(recipe.run.seed)
    model = build_model(recipe)
    front_end = model.front_end
    train_tracks, validation_tracks = _split(recipe, data, front_end.sample_rate)
    output = prepare_output(output, resume=resume)
    _record(recipe, output, resume=resume)

    settings = recipe.data
    shared = {
        "stems": settings.stems,
        "batch_size": settings.batch_size,
        "energy_weights": recipe.training.loss == "energy_normalized_squared_error",
        "cache_dir": output / "cache" if cache_dir is None else cache_dir,
        "processes": settings.kind == "synthetic" and data is None,
        "threads": settings.threads,
    }

    def train(first_epoch):
        return spectrogram_patches(
            train_tracks,
            front_end,
            patches_per_song=settings.patches_per_song,
            remix=recipe.remix,
            seed=recipe.run.seed,
            first_epoch=first_epoch,
            **shared,
        )

    validation = spectrogram_patches(
        validation_tracks,
        front_end,
        patches_per_song=settings.validation_patches_per_song,
        training=False,
        **shared,
    )
    return fit(
        model,
        train,
        validation,
        output=output,
        settings=recipe.training,
        steps_per_epoch=len(train_tracks) * settings.patches_per_song // settings.batch_size,
        resume=resume,
    )

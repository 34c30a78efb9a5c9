"""A recipe, carried out."""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.decode import common_stems
from training.models import build_model, takes_features, takes_waveforms
from training.recipe import Recipe, load_recipe
from training.recipe_tables import DataRecipe
from training.tracks import Track
from zoo.errors import InputError
from zoo.files import atomic_path

if TYPE_CHECKING:
    from training.feature_run import FeatureRun
    from training.fitting import Stage

NORMALIZED = "energy_normalized_squared_error"
RECIPE, SETTINGS, CACHE = "recipe.toml", "settings.json", "cache"


def _limit_threads(threads: int) -> None:
    if not threads:
        return
    import tensorflow as tf

    # TensorFlow refuses once it runs; the number is a matter of speed only.
    with suppress(RuntimeError):
        tf.config.threading.set_intra_op_parallelism_threads(threads)


def _split(
    recipe: Recipe, data: str | os.PathLike | None, *, sample_rate: int, channels: int
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
        channels=channels,
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


def _stems(recipe: Recipe, model) -> list[str]:
    """The targets, which a network on waveforms names itself."""
    stems = recipe.data.stems
    if not takes_waveforms(model):
        return ["vocals"] if stems is None else stems
    if stems is not None and set(stems) != set(model.sources):
        raise InputError(
            f"recipe {recipe.name}: [data] stems are {', '.join(stems)}, the network's sources "
            f"{', '.join(model.sources)}; leave out stems, or set sources in [model]"
        )
    return list(model.sources)


def _patches(recipe: Recipe, model, tracks, data: DataRecipe, *, training=True, **options):
    """The pipeline of the network's kind."""
    from training.pipeline import spectrogram_patches, waveform_segments

    patches = data.patches_per_song if training else data.validation_patches_per_song
    loss = recipe.training.loss
    options |= {"stems": _stems(recipe, model), "batch_size": data.batch_size}
    options |= {"threads": data.threads, "training": training, "seed": recipe.run.seed}
    if training:
        options["remix"] = recipe.remix or recipe.source_gains
    if takes_waveforms(model):
        if loss == NORMALIZED:
            raise InputError(
                f"recipe {recipe.name}: loss {loss} weighs spectrograms; for a network on "
                "waveforms take mean_squared_error"
            )
        return waveform_segments(tracks, model, segments_per_song=patches, **options)
    return spectrogram_patches(
        tracks,
        model.front_end,
        patches_per_song=patches,
        energy_weights=loss == NORMALIZED,
        **options,
    )


def _stage(
    recipe: Recipe, settings, data: DataRecipe, *, examples: int, named: str, draw
) -> "Stage":
    """A stage whose epochs are passes over the examples, or of so many steps."""
    from training.fitting import Stage

    one_pass = examples // data.batch_size
    if not one_pass:
        raise InputError(
            f"recipe {recipe.name}: {named} do not fill a batch of {data.batch_size}: nothing "
            "would be trained"
        )
    steps = data.steps_per_epoch or one_pass

    def train(first_epoch):
        passes, surplus = divmod(first_epoch * steps, one_pass)
        dataset = draw(data, first_epoch=passes)
        return dataset.skip(surplus) if surplus else dataset

    return Stage(train, settings, steps)


def _on_songs(recipe: Recipe, model, data, cache_dir: str | os.PathLike):
    """The stages and the validation data of a run on songs."""
    if takes_features(model):
        raise InputError(
            f"recipe {recipe.name}: {type(model).__name__} learns features: set kind in [data] to "
            "features"
        )
    tracks, held_back = _split(
        recipe,
        data,
        sample_rate=model.sample_rate,
        channels=model.channels if takes_waveforms(model) else 1,
    )
    remix = recipe.remix or recipe.source_gains
    if remix is not None:
        remix.check(common_stems(tracks))
    draw = partial(
        _patches,
        recipe,
        model,
        cache_dir=cache_dir,
        processes=recipe.data.kind == "synthetic" and data is None,
    )
    stages = [
        _stage(
            recipe,
            settings,
            table,
            examples=len(tracks) * table.patches_per_song,
            named=f"{len(tracks)} songs with {table.patches_per_song} patches each",
            draw=partial(draw, tracks),
        )
        for settings, table in recipe.stages()
    ]
    return stages, draw(held_back, recipe.data, training=False)


def _on_features(recipe: Recipe, run: "FeatureRun"):
    """The stages and the validation data of a run on features."""
    count = len(run.train)
    stages = [
        _stage(recipe, settings, table, examples=count, named=f"{count} recordings", draw=run.draw)
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
        (first, *then), validation = _on_songs(recipe, model, data, cache_dir)
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

"""Runs on songs: separators, which learn patches of spectrograms or segments of waveforms."""

import os
from functools import partial

from training.decode import common_stems
from training.models import takes_features, takes_waveforms
from training.recipe import Recipe
from training.recipe_tables import DataRecipe
from training.stages import stage_of
from training.tracks import Track
from zoo.errors import InputError

NORMALIZED = "energy_normalized_squared_error"


def _split(
    recipe: Recipe, data: str | os.PathLike | None, *, sample_rate: int, channels: int
) -> tuple[list[Track], list[Track]]:
    """Songs to train on and songs held back."""
    settings = recipe.data
    if data is not None or settings.kind == "stem_folder":
        from training.loaders.stem_folder import stem_folder

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


def song_stages(recipe: Recipe, model, data, cache_dir: str | os.PathLike):
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
        stage_of(
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

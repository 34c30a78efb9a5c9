"""Runs on songs: separators, which learn patches of spectrograms or segments of waveforms."""

import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from training.models import heard_channels, own_stems, takes_features, takes_waveforms
from training.recipe import Recipe
from training.recipe_tables import DataRecipe
from training.shards.reader import stems_of
from training.song_data import split_songs
from training.stages import stage_of
from zoo.errors import InputError

if TYPE_CHECKING:
    import tensorflow as tf

NORMALIZED = "energy_normalized_squared_error"


def _stems(recipe: Recipe, model) -> list[str]:
    """The targets, which networks on waveforms, or of several masks, name themselves."""
    stems, own = recipe.data.stems, own_stems(model)
    if own is None:
        return ["vocals"] if stems is None else stems
    if stems is not None and set(stems) != set(own):
        key = "sources" if takes_waveforms(model) else "stems"
        raise InputError(
            f"recipe {recipe.name}: [data] stems are {', '.join(stems)}, the network's {key} "
            f"{', '.join(own)}; leave out stems, or set {key} in [model]"
        )
    return list(own)


def _patches(recipe: Recipe, model, tracks, data: DataRecipe, *, training=True, **options):
    """The pipeline of the network's kind."""
    from training.pipeline import spectrogram_patches, waveform_segments

    patches = data.patches_per_song if training else data.validation_patches_per_song
    loss = recipe.training.loss
    options |= {"stems": _stems(recipe, model), "batch_size": data.batch_size}
    options |= {"threads": data.threads, "training": training, "seed": recipe.run.seed}
    if training:
        options["remix"] = recipe.remix or recipe.source_gains
        options["augment"] = recipe.augment
    if takes_waveforms(model):
        if loss == NORMALIZED:
            raise InputError(
                f"recipe {recipe.name}: loss {loss} weighs spectrograms; for a network on "
                "waveforms take mean_squared_error"
            )
        if recipe.training.phase_sensitive:
            raise InputError(
                f"recipe {recipe.name}: phase_sensitive is for spectrograms; a network on "
                "waveforms makes phases of its own"
            )
        return waveform_segments(tracks, model, segments_per_song=patches, **options)
    return spectrogram_patches(
        tracks,
        model.front_end,
        patches_per_song=patches,
        energy_weights=loss == NORMALIZED,
        phase_sensitive=recipe.training.phase_sensitive,
        **options,
    )


def _check_songs(recipe: Recipe, model) -> None:
    """Raises `InputError` if the model learns features or images."""
    from zoo.segmentation import is_segmenter

    if is_segmenter(model):
        raise InputError(
            f"recipe {recipe.name}: {type(model).__name__} without [front_end] learns images, not "
            "songs: set kind in [data] to images or shapes, or give it a front end"
        )
    if takes_features(model):
        raise InputError(
            f"recipe {recipe.name}: {type(model).__name__} learns features: set kind in [data] to "
            "features"
        )


def _with_versions(recipe: Recipe, tracks):
    """Songs to train on, and their versions in other keys and tempos; shards have them already."""
    if recipe.offline is None or not isinstance(tracks, list):
        return tracks
    from training.transforms.offline import offline_versions

    seed = recipe.run.seed
    return [
        version
        for track in tracks
        for version in (track, *offline_versions(track, recipe.offline, seed))
    ]


def _taught(recipe: Recipe, model, stages):
    """The stages with teachers' estimates in their targets."""
    from training.distillation import distilled, load_teachers
    from training.segment_distillation import distilled_segments, load_segment_teachers

    table = recipe.distillation
    if takes_waveforms(model):
        teachers = load_segment_teachers(table, model, model.sources)
        mix = partial(distilled_segments, teachers=teachers, share=table.share)
    else:
        teachers = load_teachers(table, model.front_end, _stems(recipe, model))
        mix = partial(distilled, teachers=teachers, share=table.share, front_end=model.front_end)

    def taught(train, first_epoch):
        return mix(train(first_epoch))

    return [replace(stage, train=partial(taught, stage.train)) for stage in stages]


class TrainingExamples(NamedTuple):
    """What a network is fed.

    Attributes:
        dataset: examples in batches of one, without end.
        stems: of the songs.
        epoch: examples in an epoch.
    """

    dataset: "tf.data.Dataset"
    stems: tuple[str, ...]
    epoch: int


def training_examples(recipe: Recipe, model, data, *, songs: int) -> TrainingExamples:
    """What a run on songs would train on from its first epoch on, had it fewer songs.

    Args:
        recipe: of the run.
        model: its network, which is not run.
        data: its data.
        songs: how many songs to take at most, evenly spread over those to train on.

    Raises:
        InputError: as for `song_stages`.
    """
    _check_songs(recipe, model)
    tracks, _ = split_songs(
        recipe, data, sample_rate=model.sample_rate, channels=heard_channels(model)
    )
    if isinstance(tracks, list):
        count = min(songs, len(tracks))
        tracks = [tracks[place * len(tracks) // count] for place in range(count)]
    tracks = _with_versions(recipe, tracks)
    settings = replace(recipe.data, batch_size=1)
    dataset = _patches(recipe, model, tracks, settings, first_epoch=0)
    return TrainingExamples(dataset, stems_of(tracks), len(tracks) * settings.patches_per_song)


def song_stages(
    recipe: Recipe, model, data, cache_dir: str | os.PathLike, *, host: tuple[int, int] = (0, 1)
):
    """The stages and the validation data of a run on songs."""
    _check_songs(recipe, model)
    tracks, held_back = split_songs(
        recipe, data, sample_rate=model.sample_rate, channels=heard_channels(model)
    )
    tracks = _with_versions(recipe, tracks)
    remix = recipe.remix or recipe.source_gains
    if remix is not None:
        remix.check(stems_of(tracks))
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
            host=host,
        )
        for settings, table in recipe.stages()
    ]
    if recipe.distillation is not None:
        stages = _taught(recipe, model, stages)
    return stages, draw(held_back, recipe.data, training=False)

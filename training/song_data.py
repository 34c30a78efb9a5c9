"""The songs of a run: those to train on, and those held back."""

import os
from collections.abc import Sequence
from pathlib import Path

from training.recipe import Recipe
from training.shards.index import is_shards
from training.shards.plan import with_splits
from training.shards.reader import Shards
from training.tracks import Track
from zoo.errors import InputError

Songs = Sequence[Track] | Shards


def split_songs(
    recipe: Recipe, data: str | os.PathLike | None, *, sample_rate: int, channels: int
) -> tuple[Songs, Songs]:
    """Songs to train on and songs held back.

    The corpus's own split counts, where it has one; songs of its test split are left out.

    Raises:
        InputError: if there are none of either.
    """
    settings = recipe.data
    if data is None and settings.kind == "synthetic":
        from training.synthetic import synthetic_songs

        songs = synthetic_songs(
            settings.songs_seed,
            settings.count + settings.validation_count,
            duration=settings.duration,
            sample_rate=sample_rate,
            channels=channels,
            material=settings.material,
        )
        return songs[: settings.count], songs[settings.count :]
    if data is None:
        raise InputError(f"recipe {recipe.name}: trains on stems: name their folder as data")
    if is_shards(Path(data)):
        shards = Shards(data, cache_memory=settings.cache_memory, split_files=settings.split_files)
        return shards, shards.of("validation")
    from training.loaders.named import named_tracks

    tracks = named_tracks(data)
    if len(tracks) < 2:
        raise InputError(f"{data}: one song only; one more is needed to validate on")
    tracks = with_splits(tracks, settings.validation_share)
    train, held = (
        [track for track in tracks if track.split == split] for split in ("train", "validation")
    )
    for songs, purpose in ((train, "train"), (held, "validate")):
        if not songs:
            raise InputError(f"{data}: no song is left to {purpose} on: all have another split")
    return train, held

"""A corpus -> shards, as a recipe or a few settings say."""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from training.loaders.named import named_tracks, synthetic_tracks
from training.models import build_model, own_stems, takes_features, takes_waveforms
from training.recipe import Recipe, load_recipe
from training.shards.byte_sizes import parse_bytes
from training.shards.settings import ShardSettings
from training.shards.writer import ShardsReport, write_shards
from training.tracks import Track
from zoo.errors import InputError
from zoo.front_end import FrontEnd

# Of examples, where no recipe tells: a patch of the default front end.
_DEFAULT = FrontEnd()
_EXAMPLE_SECONDS = _DEFAULT.patch_samples() / _DEFAULT.sample_rate


def _of_recipe(recipe: Recipe, options: dict[str, Any]) -> ShardSettings:
    """Settings for a recipe's network."""
    network = build_model(recipe.model, recipe.front_end)
    if takes_features(network):
        raise InputError(
            f"recipe {recipe.name}: {type(network).__name__} learns features of recordings: leave "
            "out --to tfrecord"
        )
    options |= {"seed": recipe.run.seed, "validation_share": recipe.data.validation_share}
    if options["content"] == "spectrograms":
        if takes_waveforms(network):
            raise InputError(
                f"recipe {recipe.name}: {type(network).__name__} takes waveforms, not spectrograms"
            )
        if recipe.remix or recipe.source_gains or recipe.augment:
            raise InputError(
                f"recipe {recipe.name}: remixes or transforms stems, which takes audio: leave out "
                "--content spectrograms"
            )
        options["targets"] = tuple(recipe.data.stems or own_stems(network) or ("vocals",))
    settings = ShardSettings.of_network(network, **options)
    if not recipe.augment:
        return settings
    from training.transforms.transform import total_margin

    # Filters with a low cut-off reach further than the margin that all shards have.
    margin = round(ShardSettings.MARGIN_SECONDS * settings.sample_rate)
    more = max(0, total_margin(recipe.augment, settings.sample_rate) - margin)
    return replace(settings, lead=settings.lead + more, after=settings.after + more)


def _songs_for(recipe: Recipe, data: str | os.PathLike, settings: ShardSettings) -> list[Track]:
    """The corpus; synthetic songs are those that the recipe would make by itself.

    They have its duration and material, and the last `validation_count` are to validate on.
    """
    table = recipe.data
    if table.kind != "synthetic":
        return named_tracks(data)
    try:
        songs = synthetic_tracks(
            data,
            settings.sample_rate,
            channels=settings.channels,
            duration=table.duration,
            material=table.material,
        )
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{data}: recipe {recipe.name}: {error}") from error
    if songs is None:
        return named_tracks(data)
    first = len(songs) - table.validation_count
    if first < 1:
        raise InputError(
            f"{data}: recipe {recipe.name} holds {table.validation_count} songs back; name more, "
            "or set data.validation_count"
        )
    splits = ["train"] * first + ["validation"] * table.validation_count
    return [replace(song, split=split) for song, split in zip(songs, splits, strict=True)]


def preprocess_songs(
    data: str | os.PathLike,
    output: str | os.PathLike,
    *,
    recipe: str | os.PathLike | None = None,
    overrides: Mapping[str, Any] | None = None,
    sample_rate: int | None = None,
    channels: int | None = None,
    content: str = "audio",
    dtype: str | None = None,
    chunk_seconds: float = 30.0,
    shard_size: int | str = "64MB",
    compression: str = "none",
    workers: int | None = None,
    cluster: str | None = None,
    on_error: Callable[[str], None] | None = None,
) -> ShardsReport:
    """Writes a corpus as shards, for what a recipe trains, or at a rate and with channels.

    Args:
        data: what `training.loaders.named.named_tracks` accepts.
        output: folder of the shards; a run that was killed goes on there.
        recipe: a TOML file, or the name of a shipped recipe: its network says rate, channels and
            how much of a song an example needs; its table `[offline]` adds versions of songs. Of
            `synthetic:SEED:COUNT` its `[data]` says duration, material and how many are held back.
        overrides: `"table.key"` -> value, in place of what the recipe says.
        sample_rate: in Hz, without a recipe; 8192 if not given.
        channels: without a recipe; 1 if not given.
        content: `"audio"`, or `"spectrograms"` of the recipe's targets.
        dtype: `"int16"` or `"float16"`; by default what suits the content.
        chunk_seconds: places that a record offers, in seconds.
        shard_size: about as large a file becomes.
        compression: `"none"`, `"gzip"` or `"zlib"`.
        workers: processes; `None` for one a processor.
        cluster: address of a Ray cluster that makes the shards, as in `write_shards`.
        on_error: called with the reason for each song that cannot be used; the others go on.

    Raises:
        InputError: if settings do not fit together, and as `write_shards`.

    Example:
        >>> report = preprocess_songs("MUSDB18", "shards", channels=2)  # doctest: +SKIP
        >>> report.songs, report.skipped  # doctest: +SKIP
        (150, {})
    """
    # Magnitudes span more than 16 bits of equal steps, and a relative error is not heard.
    dtype = dtype or ("float16" if content == "spectrograms" else "int16")
    options = {
        "content": content,
        "dtype": dtype,
        "chunk_seconds": chunk_seconds,
        "compression": compression,
        "shard_megabytes": parse_bytes(shard_size, "shard_size") / 1e6,
    }
    offline = loaded = None
    try:
        if recipe is not None:
            if sample_rate is not None or channels is not None:
                raise InputError(
                    "sample rate and channels are the recipe's: name either those or a recipe"
                )
            loaded = load_recipe(recipe, overrides=overrides)
            offline = loaded.offline
            settings = _of_recipe(loaded, options)
        elif content == "spectrograms":
            raise InputError("content spectrograms: name a recipe, whose front end makes them")
        else:
            rate = 8192 if sample_rate is None else sample_rate
            length = round(_EXAMPLE_SECONDS * rate)
            margin = round(rate * ShardSettings.MARGIN_SECONDS)
            settings = ShardSettings(
                rate, channels or 1, length, margin, length + margin, **options
            )
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{output}: {error}") from error
    return write_shards(
        named_tracks(data) if loaded is None else _songs_for(loaded, data, settings),
        output,
        settings=settings,
        offline=offline,
        workers=workers,
        cluster=cluster,
        on_error=on_error,
    )

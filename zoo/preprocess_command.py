"""`stemzoo preprocess`: recordings or songs into what training reads."""

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import typer

from zoo.command_line import Json, complain, print_json
from zoo.errors import InputError
from zoo.quiet import load_backend


def preprocess(
    recordings: Annotated[
        str,
        typer.Argument(
            metavar="DATA",
            help="Folder of audio files, at any depth; with --to tfrecord, songs: a corpus as for "
            "training, or synthetic:SEED:COUNT.",
        ),
    ],
    output: Annotated[
        Path, typer.Argument(help="Folder of what is made; a run that was killed goes on there.")
    ],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="A .toml file, or the name of a shipped recipe; vae_fsdd for recordings."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="table.key=value in place of the recipe's (TOML value)."),
    ] = None,
    to: Annotated[
        Literal["features", "tfrecord"],
        typer.Option(help="Features of recordings, or shards of songs."),
    ] = "features",
    sample_rate: Annotated[
        int | None, typer.Option(help="Of shards without a recipe, in Hz; 8192 if not given.")
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="Of shards without a recipe; 1 if not given.")
    ] = None,
    content: Annotated[
        Literal["audio", "spectrograms"],
        typer.Option(help="Of shards; spectrograms read fastest, but cannot be remixed."),
    ] = "audio",
    dtype: Annotated[
        Literal["int16", "float16"] | None,
        typer.Option(help="Of shards; int16 for audio and float16 for spectrograms."),
    ] = None,
    chunk_seconds: Annotated[
        float, typer.Option(help="Of a record of shards, besides an example's length.")
    ] = 30.0,
    shard_size: Annotated[str, typer.Option(help="About as large a shard becomes.")] = "64MB",
    compression: Annotated[
        Literal["none", "gzip", "zlib"], typer.Option(help="Of shards.")
    ] = "none",
    workers: Annotated[
        int | None, typer.Option(help="Processes that make shards; one a processor.")
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster that makes the shards.")
    ] = None,
    as_json: Json = False,
):
    """Turn recordings into the features that autoencoders learn, or songs into shards."""
    if cluster is not None and to != "tfrecord":
        raise InputError("cluster: features are made on this machine; it is for --to tfrecord")
    load_backend()
    from training.recipe import parse_override

    overrides = dict(parse_override(text) for text in settings or ())
    if to == "tfrecord":
        from training.shards.preprocess import preprocess_songs

        report = preprocess_songs(
            recordings,
            output,
            recipe=recipe,
            overrides=overrides,
            sample_rate=sample_rate,
            channels=channels,
            content=content,
            dtype=dtype,
            chunk_seconds=chunk_seconds,
            shard_size=shard_size,
            compression=compression,
            workers=workers,
            cluster=cluster,
            on_error=complain,
        )
    else:
        from training.preprocess import preprocess_recordings

        report = preprocess_recordings(
            recordings,
            output,
            recipe=recipe or "vae_fsdd",
            overrides=overrides,
            on_error=complain,
        )
    if as_json:
        print_json(dataclasses.asdict(report))
    else:
        print(report)
    if report.skipped:
        raise typer.Exit(2)

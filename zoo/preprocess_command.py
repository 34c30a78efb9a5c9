"""`stemzoo preprocess`: recordings or songs into what training reads."""

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, complain, print_json
from zoo.quiet import load_backend


def preprocess(
    recordings: Annotated[Path, typer.Argument(help="Folder of audio files, at any depth.")],
    output: Annotated[
        Path, typer.Argument(help="Folder of the features; a run that was killed goes on there.")
    ],
    recipe: Annotated[
        str, typer.Option(help="A .toml file, or the name of a shipped recipe.")
    ] = "vae_fsdd",
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="table.key=value in place of the recipe's (TOML value)."),
    ] = None,
    as_json: Json = False,
):
    """Turn recordings into the features that autoencoders learn."""
    load_backend()
    from training.preprocess import preprocess_recordings
    from training.recipe import parse_override

    report = preprocess_recordings(
        recordings,
        output,
        recipe=recipe,
        overrides=dict(parse_override(text) for text in settings or ()),
        on_error=complain,
    )
    if as_json:
        print_json(dataclasses.asdict(report))
    else:
        print(report)
    if report.skipped:
        raise typer.Exit(2)

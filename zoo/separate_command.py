"""`stemzoo separate`: songs into stems."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, complain, print_json

AudioFormat = StrEnum("AudioFormat", ["wav", "flac", "ogg", "mp3"])
AboveBand = StrEnum("AboveBand", ["residual", "discard", "extend"])


def separate(
    files: Annotated[
        list[str], typer.Argument(help="Audio files, or quoted patterns like '*.mp3'")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for <song>/<stem>.wav.")],
    preset: Annotated[str, typer.Option(help="Preset name or folder.")] = "jansson_unet_vocals",
    model: Annotated[
        str | None,
        typer.Option(help="A .keras, .tflite or .onnx file or a SavedModel, in place of a preset."),
    ] = None,
    stems: Annotated[str | None, typer.Option(help="Only these, separated by commas.")] = None,
    format: Annotated[AudioFormat, typer.Option(help="Of the stems.")] = AudioFormat.wav,
    chunk_seconds: Annotated[
        float | None,
        typer.Option(help="Audio in memory at a time; what suits the model by default.", min=1.0),
    ] = None,
    above_band: Annotated[
        AboveBand, typer.Option(help="What becomes of the spectrum above the model's band.")
    ] = AboveBand.residual,
    as_json: Json = False,
):
    """Separate songs into stems of the same length, rate and channels."""
    from zoo.batch import separate_files

    report = separate_files(
        files,
        output,
        model=model or preset,
        stems=stems.split(",") if stems else None,
        format=format.value,
        chunk_seconds=chunk_seconds,
        above_band=above_band.value,
        on_error=complain,
        on_success=None if as_json else lambda paths: print(*paths, sep="\n", flush=True),
    )
    if as_json:
        print_json(report)
    if any("error" in entry for entry in report.values()):
        raise typer.Exit(2)

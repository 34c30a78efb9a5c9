"""`stemzoo separate`: songs into stems."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, complain, print_json
from zoo.errors import InputError
from zoo.wiener_options import Wiener, WienerIterations, iterations_of

AudioFormat = StrEnum("AudioFormat", ["wav", "flac", "ogg", "mp3"])
AboveBand = StrEnum("AboveBand", ["residual", "discard", "extend"])


def separate(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for <song>/<stem>.wav.")],
    files: Annotated[
        list[str] | None, typer.Argument(help="Audio files, or quoted patterns like '*.mp3'.")
    ] = None,
    listed: Annotated[
        Path | None,
        typer.Option("--from", help="File that lists songs: text, .csv, .jsonl or a manifest."),
    ] = None,
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
    wiener: Wiener = False,
    wiener_iterations: WienerIterations = None,
    root: Annotated[
        Path | None, typer.Option(help="Folder above the songs, whose folders the output gets too.")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            help="Record of what is done, which a second run leaves out; "
            "OUTPUT/manifest.jsonl with --from, --workers or --cluster."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Processes with a model each, or actors.", min=1)
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster that does the work.")
    ] = None,
    as_json: Json = False,
):
    """Separate songs into stems of the same length, rate and channels."""
    if not files and listed is None:
        raise InputError("files: no songs; name some, or a file that lists them with --from")
    if manifest is None and (listed, workers, cluster) != (None, None, None):
        manifest = output / "manifest.jsonl"
    from zoo.batch import separate_files

    report = separate_files(
        files or (),
        output,
        model=model or preset,
        listed=listed,
        root=root,
        manifest=manifest,
        workers=workers,
        cluster=cluster,
        stems=stems.split(",") if stems else None,
        format=format.value,
        chunk_seconds=chunk_seconds,
        above_band=above_band.value,
        wiener_iterations=iterations_of(wiener, wiener_iterations),
        on_error=complain,
        on_success=None if as_json else lambda paths: print(*paths, sep="\n", flush=True),
    )
    if as_json:
        results = {name: entry.result for name, entry in report.entries.items()}
        errors = {name: {"error": report.entries[name].reason} for name in report.names("failed")}
        print_json({**results, **errors})
    elif manifest is not None:
        print(f"{manifest}: {report}")
    if report.names("failed"):
        raise typer.Exit(2)

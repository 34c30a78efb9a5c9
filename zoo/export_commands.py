"""The commands that write models for other runtimes, and check what was written."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, ModelArgument, print_json
from zoo.errors import InputError
from zoo.quiet import load_backend

ExportFormat = StrEnum("ExportFormat", ["saved_model", "tflite", "onnx"])
ExportInput = StrEnum("ExportInput", ["waveform", "spectrogram"])
ExportTarget = StrEnum("ExportTarget", ["files", "serving"])
QuantizationKind = StrEnum("QuantizationKind", ["float16", "weights", "dynamic", "int8", "int16x8"])


def export(
    model: ModelArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the files.")],
    formats: Annotated[
        list[ExportFormat] | None, typer.Option("--format", help="Repeatable; all by default.")
    ] = None,
    input: Annotated[
        ExportInput, typer.Option(help="Waveform in, stems out; or the network on its own.")
    ] = ExportInput.waveform,
    seconds: Annotated[
        float | None,
        typer.Option(
            help="Fix the length, for mobile accelerators; any length by default.", min=0.1
        ),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="Of the waveform; what suits the model by default.", min=1)
    ] = None,
    quantize: Annotated[
        list[QuantizationKind] | None,
        typer.Option(help="Write model.KIND.tflite and model.KIND.onnx, too. Repeatable."),
    ] = None,
    keep_float: Annotated[
        list[str] | None,
        typer.Option(help="Layer that is not quantised, or a pattern such as 'decoder_1*'."),
    ] = None,
    calibration: Annotated[
        str | None,
        typer.Option(
            help="To quantise with: folder of songs, or synthetic:SEED:COUNT; of a sound model a "
            "folder of recordings, of a segmenter one of images and masks, or shapes:SEED:COUNT."
        ),
    ] = None,
    snr_floor: Annotated[
        float | None, typer.Option(help="Lowest SNR of a quantised file, in dB.")
    ] = None,
    integer_io: Annotated[
        bool, typer.Option("--integer-io", help="8-bit input and output of an int8 network.")
    ] = False,
    layers: Annotated[
        bool, typer.Option("--layers", help="Report what quantising each layer alone costs.")
    ] = False,
    to: Annotated[
        ExportTarget, typer.Option(help="Files, or the next version in a folder for a server.")
    ] = ExportTarget.files,
    name: Annotated[
        str | None, typer.Option(help="Of the model on the server; the preset's by default.")
    ] = None,
    as_json: Json = False,
):
    """Write a model for other runtimes and check each file in its own."""
    load_backend()
    if to is ExportTarget.serving:
        given = (formats, seconds, quantize, keep_float, calibration, snr_floor, integer_io, layers)
        if any(given) or input is not ExportInput.waveform:
            raise InputError("--to serving: takes --channels and --name only")
        from zoo.serving_export import export_serving

        show_reports(export_serving(model, output, channels=channels, name=name), as_json)
        return
    if name is not None:
        raise InputError("--name: is for --to serving")
    from zoo.exporting import export_files
    from zoo.quantizing import Quantizing

    reports = export_files(
        model,
        output,
        formats=[format.value for format in formats or ExportFormat],
        waveform=input is ExportInput.waveform,
        seconds=seconds,
        channels=channels,
        quantizing=Quantizing(
            kinds=[kind.value for kind in quantize or ()],
            keep_float=tuple(keep_float or ()),
            calibration=calibration,
            snr_floor=snr_floor,
            integer_io=integer_io,
            layer_errors=layers,
        ),
    )
    show_reports(reports, as_json)


def verify(
    file: Annotated[Path, typer.Argument(help=".tflite or .onnx file, or SavedModel folder.")],
    model: ModelArgument,
    input: Annotated[ExportInput, typer.Option(help="What the file was exported with.")] = (
        ExportInput.waveform
    ),
    as_json: Json = False,
):
    """Compare an exported file with its model; exit code 1 if they differ."""
    load_backend()
    from zoo.exporting import verify_file

    show_reports([verify_file(file, model, waveform=input is ExportInput.waveform)], as_json)


def show_reports(reports, as_json: bool) -> None:
    """Prints reports, as a table or as JSON."""
    from export import table

    if as_json:
        print_json([json.loads(report.to_json()) for report in reports])
    else:
        print(table(reports))

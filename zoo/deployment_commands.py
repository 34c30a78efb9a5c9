"""Commands around files that left the house."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, ModelArgument, print_json
from zoo.export_commands import ExportFormat, QuantizationKind
from zoo.quiet import load_backend


def inspect(
    file: Annotated[Path, typer.Argument(help=".tflite or .onnx file, or SavedModel folder.")],
    as_json: Json = False,
):
    """Show what an exported file holds: metadata, signatures, operators, constants."""
    from export.inspection.inspect import inspect_file
    from export.inspection.table import print_inspection

    inspection = inspect_file(file)
    if as_json:
        print_json(inspection.to_dict())
    else:
        print_inspection(inspection)


def benchmark(
    model: ModelArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for the files, benchmark.json and benchmark.png."
        ),
    ] = None,
    formats: Annotated[
        list[ExportFormat] | None, typer.Option("--format", help="Repeatable; all by default.")
    ] = None,
    quantize: Annotated[
        list[QuantizationKind] | None,
        typer.Option(help="Repeatable; all but weights and int16x8 by default."),
    ] = None,
    keep_float: Annotated[
        list[str] | None, typer.Option(help="Layer that is not quantised, or a pattern.")
    ] = None,
    calibration: Annotated[
        str | None, typer.Option(help="To quantise with; see `stemzoo export`.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(help="Fix the length of the waveform; any length by default.", min=0.1),
    ] = None,
    channels: Annotated[
        int | None, typer.Option(help="Of the waveform; what suits the model by default.", min=1)
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option(help="Repeatable; 1 and 2 by default.", min=1)
    ] = None,
    rounds: Annotated[int, typer.Option(help="Processes for each file.", min=1)] = 5,
    runs: Annotated[int, typer.Option(help="Timed runs in each process.", min=1)] = 20,
    as_json: Json = False,
):
    """Measure a model's files in all formats: size, error, cold start, speed, memory."""
    load_backend()
    from zoo.benchmarked_export import benchmark_model
    from zoo.quantizing import Quantizing

    formats = [format.value for format in formats or ExportFormat]
    kinds = (
        ["float16", "dynamic", "int8"] if quantize is None else [kind.value for kind in quantize]
    )
    result = benchmark_model(
        model,
        output,
        formats=formats,
        seconds=seconds,
        channels=channels,
        quantizing=Quantizing(
            kinds=[] if formats == ["saved_model"] else kinds,
            keep_float=tuple(keep_float or ()),
            calibration=calibration,
            on_refusal=lambda error: print(f"stemzoo: left out: {error}", file=sys.stderr),
        ),
        threads=tuple(threads or (1, 2)),
        rounds=rounds,
        runs=runs,
    )
    measurements = result.pop("measurements")
    if as_json:
        print_json(result)
        return
    from export.benchmarking_table import benchmark_table

    print(benchmark_table(measurements))

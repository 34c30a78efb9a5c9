"""`stemzoo evaluate`: scores on songs with known stems, or on recordings."""

from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, complain
from zoo.errors import InputError
from zoo.quiet import load_backend
from zoo.wiener_options import Wiener, WienerIterations, iterations_of


def evaluate(
    model: Annotated[
        str, typer.Argument(help="Preset name, preset folder, .keras file or exported file.")
    ],
    data: Annotated[
        str,
        typer.Option(
            help="Songs: folder, manifest, or synthetic:SEED:COUNT; or recordings, or images and "
            "masks."
        ),
    ],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            help="sdr (default), si_sdr, nsdr, bsseval_v4 or all (default with --output); "
            "may be repeated."
        ),
    ] = None,
    ceilings: Annotated[
        bool, typer.Option("--ceilings", help="Score ideal masks at the model's front end, too.")
    ] = False,
    wiener: Wiener = False,
    wiener_iterations: WienerIterations = None,
    split: Annotated[
        str | None, typer.Option(help="Of the songs: train, validation or test.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Folder for scores, tables, box plots and museval's files."
        ),
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(help="Record of what is done, to go on with; OUTPUT/manifest.jsonl."),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes, with a model each; what suits their number.", min=1),
    ] = None,
    cluster: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster that does the work.")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Of recordings: pattern whose group 1 is the label.")
    ] = None,
    held_out: Annotated[
        str | None, typer.Option(help="Of recordings: pattern of names never trained on.")
    ] = None,
    as_json: Json = False,
):
    """Score a separator on songs with known stems, or another model on what it is for."""
    from training.evaluation import Evaluations, evaluate_data
    from training.evaluation.task import is_exported

    if not is_exported(model):
        load_backend()

    report = evaluate_data(
        model,
        data,
        metrics=metric or (),
        ceilings=ceilings,
        wiener_iterations=iterations_of(wiener, wiener_iterations),
        split=split,
        label=label,
        held_out=held_out,
        output=output,
        manifest=manifest,
        workers=workers,
        cluster=cluster,
        on_error=complain,
    )
    print(report.to_json() if as_json else report.table())
    if isinstance(report, Evaluations):
        for note in report.notes:
            complain(InputError(note))
        if report.failed:
            raise typer.Exit(2)

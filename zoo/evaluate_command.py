"""`stemzoo evaluate`: scores on songs with known stems, or on recordings."""

from typing import Annotated

import typer

from zoo.command_line import Json, ModelArgument
from zoo.quiet import load_backend


def evaluate(
    model: ModelArgument,
    data: Annotated[
        str, typer.Option(help="Folder of songs, or synthetic:SEED:COUNT; or of recordings.")
    ],
    metric: Annotated[
        str | None, typer.Option(help="sdr (whole song, default) or bsseval_v4 (museval).")
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="Of recordings: pattern whose group 1 is the label.")
    ] = None,
    held_out: Annotated[
        str | None, typer.Option(help="Of recordings: pattern of names never trained on.")
    ] = None,
    as_json: Json = False,
):
    """Score a separator on songs with known stems, or a sound generator on recordings."""
    load_backend()
    from training.evaluation import evaluate_data

    report = evaluate_data(model, data, metric=metric, label=label, held_out=held_out)
    print(report.to_json() if as_json else report.table())

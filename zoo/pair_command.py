"""`stemzoo check-pair`: is a mixture and stem fit for training?"""

from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, complain, print_json
from zoo.errors import InputError
from zoo.quiet import load_backend


def check_pair(
    mixture: Annotated[
        Path, typer.Argument(help="Audio file; or a folder of *_100-full.wav and *_nl-full.wav.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder to write; one in it for each pair.")
    ],
    stem: Annotated[
        Path | None, typer.Argument(help="Audio file of the stem, where MIXTURE is a file.")
    ] = None,
    windows: Annotated[
        int | None,
        typer.Option(help="Of 46 ms, to use at most; all, or 100 of pairs *_100.", min=22),
    ] = None,
    start: Annotated[float, typer.Option(help="Seconds of both files to leave out.")] = 0.0,
    align: Annotated[
        bool, typer.Option("--align", help="Move the stem to where it is in the mixture.")
    ] = False,
    steps: Annotated[int, typer.Option(help="Of the search for a mask.", min=1)] = 60,
    as_json: Json = False,
):
    """Say whether mixtures and stems are fit for training, and how well a mask separates them."""
    load_backend()
    from training.pair_check import check

    options = {"windows": windows, "start": start, "align": align, "steps": steps}
    failed = False
    results = {}

    def succeeded(name: str, report) -> None:
        results[name] = report.to_dict()
        if not as_json:
            print(report.table(), flush=True)

    def refused(name: str, error: InputError) -> None:
        nonlocal failed
        failed = True
        results[name] = {"error": str(error)}
        complain(error)

    if stem is None:
        check.check_folder(mixture, output, on_error=refused, on_success=succeeded, **options)
    elif mixture.is_dir():
        raise InputError(f"{mixture}: is a folder, whose pairs are found by name, without {stem}")
    else:
        succeeded(mixture.name, check.check_pair(mixture, stem, output, **options))
    if as_json:
        print_json(results if stem is None else results[mixture.name])
    if failed:
        raise typer.Exit(2)
    if not all(result["fit"] for result in results.values()):
        raise typer.Exit(1)

"""`stemzoo train`: a recipe, carried out."""

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, print_json
from zoo.quiet import load_backend


def train(
    recipe: Annotated[str, typer.Argument(help="A .toml file, or the name of a shipped recipe.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder with one folder a song, one file a stem. Synthetic recipes need none."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last epoch.")] = False,
    seed: Annotated[int | None, typer.Option(help="In place of the recipe's.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="table.key=value in place of the recipe's (TOML value)."),
    ] = None,
    as_json: Json = False,
):
    """Train or fine-tune by a recipe; a killed run resumes from its last epoch."""
    load_backend()
    from training.recipe import parse_override
    from training.run import train_recipe

    overrides = dict(parse_override(text) for text in settings or ())
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        train_recipe(recipe, data, output, resume=resume, seed=seed, overrides=overrides)
    model = output / "model.keras"
    if as_json:
        print_json({"model": str(model), "history": str(output / "history.csv")})
    else:
        print(model)

"""`stemzoo train`: a recipe, carried out."""

import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, print_json
from zoo.errors import InputError
from zoo.quiet import load_backend


def train(
    recipe: Annotated[str, typer.Argument(help="A .toml file, or the name of a shipped recipe.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the run.")],
    data: Annotated[
        str | None,
        typer.Option(
            help="Folder with a folder a song and a file a stem, a corpus, a manifest, what "
            "`stemzoo preprocess` wrote, or images and masks. Synthetic recipes need none."
        ),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last epoch.")] = False,
    seed: Annotated[int | None, typer.Option(help="In place of the recipe's.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="table.key=value in place of the recipe's (TOML value)."),
    ] = None,
    cache_memory: Annotated[
        str | None,
        typer.Option(help="The most that reading shards may hold in memory, such as 500MB."),
    ] = None,
    hosts: Annotated[
        str | None,
        typer.Option(
            help="HOST:PORT of host 0, to train on several hosts. Each runs this command, with the "
            "same arguments but for --host-index, and with KERAS_BACKEND=jax."
        ),
    ] = None,
    host_count: Annotated[int | None, typer.Option(help="How many hosts.", min=1)] = None,
    host_index: Annotated[int | None, typer.Option(help="Of this one, from 0.", min=0)] = None,
    as_json: Json = False,
):
    """Train or fine-tune by a recipe; a killed run resumes from its last epoch."""
    given = [value is not None for value in (hosts, host_count, host_index)]
    if any(given) and not all(given):
        raise InputError("--hosts, --host-count and --host-index belong together")
    load_backend(pipeline=True)
    from training.recipe import parse_override
    from training.run import train_recipe

    spread = None
    if hosts is not None:
        from training.hosts import connect_hosts

        spread = connect_hosts(hosts, count=host_count, index=host_index)
    overrides = dict(parse_override(text) for text in settings or ())
    if cache_memory is not None:
        overrides["data.cache_memory"] = cache_memory
    try:
        with redirect_stdout(sys.stderr) if as_json else nullcontext():
            train_recipe(
                recipe, data, output, resume=resume, seed=seed, overrides=overrides, spread=spread
            )
    finally:
        if spread is not None:
            spread.close()
    if spread is not None and not spread.first:
        return
    model = output / "model.keras"
    if as_json:
        print_json({"model": str(model), "history": str(output / "history.csv")})
    else:
        print(model)

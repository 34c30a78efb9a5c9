"""`stemzoo data`: look at training data, check it, serve it."""

from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, print_json
from zoo.errors import InputError
from zoo.quiet import load_backend

data_app = typer.Typer(help="Look at training data, check it, serve it.", no_args_is_help=True)


@data_app.command()
def preview(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for WAV and PNG files.")],
    recipe: Annotated[
        str | None,
        typer.Option(help="A .toml file, or the name of a shipped recipe: write what it feeds."),
    ] = None,
    data: Annotated[str | None, typer.Option(help="Of the recipe, as for train.")] = None,
    count: Annotated[int, typer.Option(help="Of the recipe's examples.", min=1)] = 8,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="table.key=value in place of the recipe's (TOML value)."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the synthetic song.")] = 0,
    duration: Annotated[
        float, typer.Option(help="Of the synthetic song, in seconds.", min=1.0)
    ] = 30,
    material: Annotated[
        Path | None,
        typer.Option(help="Folder of speech and sound fonts that the song may be made with."),
    ] = None,
):
    """Write what a recipe feeds a network, or a synthetic song, to listen to and to look at."""
    if recipe is None:
        from training.synthetic import synthetic_songs
        from training.synthetic.preview import preview as write

        if data is not None or settings:
            raise InputError("--data and --set belong to a recipe: name it by --recipe")
        (track,) = synthetic_songs(seed, 1, duration=duration, material=material)
        files = write(track, output)
    else:
        load_backend()
        from training.preview import preview_recipe
        from training.recipe import parse_override

        overrides = dict(parse_override(text) for text in settings or ())
        files = preview_recipe(recipe, data, output, count=count, overrides=overrides)
    for path in files:
        print(path)


@data_app.command()
def check(
    data: Annotated[
        str,
        typer.Argument(
            help="Folder of songs or of audio files, manifest, KIND:PATH, or synthetic:SEED:COUNT."
        ),
    ],
    workers: Annotated[
        int | None, typer.Option(help="Songs in work at a time; one a processor by default.", min=1)
    ] = None,
    as_json: Json = False,
):
    """Say what is wrong with which file: exit code 1 if there is what cannot be trained on."""
    from training.data_check.check import check_data
    from training.data_check.decoder_noise import without_decoder_noise

    with without_decoder_noise():
        report = check_data(data, workers=workers)
    if as_json:
        print_json(report.to_dict())
    else:
        print(report.table())
    if report.errors:
        raise typer.Exit(1)


@data_app.command()
def serve(
    dispatcher: Annotated[
        int | None, typer.Option(help="Port of a dispatcher to start; 0 for a free one.", min=0)
    ] = None,
    worker: Annotated[
        str | None, typer.Option(help="HOST:PORT of the dispatcher to work for.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Workers here; alone, with a dispatcher of theirs.", min=1)
    ] = None,
    host: Annotated[
        str, typer.Option(help="Name or address of this machine, by which others reach it.")
    ] = "localhost",
    work_dir: Annotated[
        Path | None, typer.Option(help="For the dispatcher's journal, to restart it by.")
    ] = None,
):
    """Make training data for runs whose recipe names the dispatcher as `[data] service`."""
    if dispatcher is not None and worker is not None:
        raise InputError("--dispatcher and --worker exclude each other")
    if dispatcher is None and worker is None and workers is None:
        raise InputError("name --dispatcher PORT, --worker HOST:PORT or --workers N")
    load_backend(pipeline=True)
    from training.data_service import Server

    if worker is None:
        journal = None if work_dir is None else str(work_dir)
        server = Server(dispatcher or 0, workers=workers or 0, host=host, work_dir=journal)
    else:
        server = Server(workers=workers or 1, dispatcher=worker, host=host)
    print(f"grpc://{server.address}", flush=True)
    server.join()

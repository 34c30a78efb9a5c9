"""`stemzoo data`: look at training data, check it, serve it."""

from pathlib import Path
from typing import Annotated

import typer

data_app = typer.Typer(help="Look at training data, check it, serve it.", no_args_is_help=True)


@data_app.command()
def preview(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for WAV and PNG files.")],
    seed: Annotated[int, typer.Option(help="Of the song.")] = 0,
    duration: Annotated[float, typer.Option(help="In seconds.", min=1.0)] = 30,
    speech: Annotated[
        Path | None, typer.Option(help="Folder of spoken recordings for some of the voices.")
    ] = None,
):
    """Write a synthetic song: one WAV a stem, the mixture, and their spectrograms."""
    from training.synthetic import synthetic_songs
    from training.synthetic.preview import preview as write

    (track,) = synthetic_songs(seed, 1, duration=duration, speech=speech)
    for path in write(track, output):
        print(path)

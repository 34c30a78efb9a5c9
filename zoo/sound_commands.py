"""`stemzoo generate`: sounds, and a picture of them."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, complain, print_json
from zoo.quiet import load_backend

SoundFormat = StrEnum("SoundFormat", ["wav", "flac", "ogg"])


def generate(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the sounds and generated.png.")
    ],
    preset: Annotated[str, typer.Option(help="Preset name or folder.")] = "vae_fsdd",
    model: Annotated[str | None, typer.Option(help="A .keras file in place of a preset.")] = None,
    count: Annotated[int | None, typer.Option("--count", "-n", help="Of the sounds; 10.")] = None,
    label: Annotated[
        str | None, typer.Option(help="Of all samples; by default each label in turn.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Equal seeds give equal sounds.")] = None,
    temperature: Annotated[
        float | None, typer.Option(help="Variety of the samples; 1 as in training, 0 for none.")
    ] = None,
    reconstruct: Annotated[
        list[str] | None,
        typer.Option(
            help="Repeatable; a recording, or a quoted pattern, to pass through the network. Only "
            "as much of its beginning as one clip of the network is used."
        ),
    ] = None,
    between: Annotated[
        tuple[Path, Path] | None,
        typer.Option(help="Two recordings: sounds on the way from one to the other."),
    ] = None,
    walk: Annotated[
        bool, typer.Option("--walk", help="Sounds along a closed path through the latent space.")
    ] = False,
    format: Annotated[SoundFormat, typer.Option(help="Of the sounds.")] = SoundFormat.wav,
    as_json: Json = False,
):
    """Generate sounds, and a picture of them."""
    load_backend()
    from zoo.generate import generate_sounds

    report = generate_sounds(
        model or preset,
        output,
        count=count,
        label=label,
        seed=seed,
        temperature=temperature,
        reconstruct=reconstruct or (),
        between=between,
        walk=walk,
        format=format.value,
        on_error=complain,
    )
    if as_json:
        print_json(report.to_dict())
    elif report.picture:
        print(*report.sounds, report.picture, sep="\n")
    if report.errors:
        raise typer.Exit(2)

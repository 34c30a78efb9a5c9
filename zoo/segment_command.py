"""`stemzoo segment`: images into masks."""

import re
from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, ModelArgument, complain, print_json
from zoo.errors import InputError
from zoo.quiet import load_backend


def _size(text: str):
    if text in ("trained", "own"):
        return text
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise InputError(f"--size {text}: is neither trained, own nor HEIGHTxWIDTH")
    return int(match[1]), int(match[2])


def segment(
    model: ModelArgument,
    images: Annotated[list[str], typer.Argument(help="Files, or quoted patterns like '*.jpg'.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for <name>_mask.png.")],
    size: Annotated[
        str,
        typer.Option(
            help="What the network sees: trained for the size it was trained with, own for the "
            "image as it is, or HEIGHTxWIDTH. Masks have the image's size."
        ),
    ] = "trained",
    threshold: Annotated[
        float, typer.Option(help="Probability from which a pixel is foreground.", min=0.0, max=1.0)
    ] = 0.5,
    as_json: Json = False,
):
    """Write the masks of images of any size."""
    wanted = _size(size)
    load_backend()
    from zoo.batch import expand
    from zoo.segmentation import load_segmenter, segment_files

    errors = []

    def refuse(error: InputError) -> None:
        errors.append(error)
        complain(error)

    loaded = load_segmenter(model)
    masks = segment_files(
        expand(images), output, model=loaded, on_error=refuse, size=wanted, threshold=threshold
    )
    if as_json:
        print_json(masks)
    elif masks:
        print(*masks.values(), sep="\n")
    if errors:
        raise typer.Exit(2)

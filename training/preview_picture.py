"""A picture of training examples: a row for each, the mixture first, then its targets."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from zoo.files import atomic_path

if TYPE_CHECKING:
    from training.preview import Example

_RANGE_DB = 70.0


def examples_picture(
    path: Path, examples: Sequence["Example"], *, band: tuple[float, float], title: str = ""
) -> Path:
    """Draws the spectrograms of examples, those of one example in the same colours.

    Args:
        path: PNG file to write.
        examples: with the same targets; above each stands what was done to its stems.
        band: lowest and highest frequency of the spectrograms, in Hz.
        title: above the picture.

    Returns:
        The path.
    """
    names = list(examples[0].pictures)
    figure = Figure(figsize=(4.2 * len(names), 2.3 * len(examples) + 0.6), layout="constrained")
    figure.suptitle(title)
    rows = figure.subfigures(len(examples), 1, squeeze=False)[:, 0]
    for number, (row, example) in enumerate(zip(rows, examples, strict=True), 1):
        caption = f"example {number}" + (f" - {example.caption}" if example.caption else "")
        caption = textwrap.fill(caption, 58 * len(names))
        row.suptitle(caption, fontsize=9, x=0.01, ha="left")
        loudest = max(values.max() for values in example.pictures.values())
        axes = row.subplots(1, len(names), sharex=True, sharey=True, squeeze=False)[0]
        for axis, name in zip(axes, names, strict=True):
            image = axis.imshow(
                example.pictures[name],
                origin="lower",
                aspect="auto",
                extent=(*example.seconds[name], *band),
                cmap="magma",
                vmin=loudest - _RANGE_DB,
                vmax=loudest,
                interpolation="nearest",
            )
            axis.set_facecolor("0.85")
            if number == 1:
                axis.set_title(name, fontsize=10)
            if number == len(examples):
                axis.set_xlabel("seconds")
        # A target shorter than the mixture stands in the middle of it, on grey.
        axes[0].set_xlim(*example.seconds[names[0]])
        axes[0].set_ylabel("Hz")
        row.colorbar(image, ax=axes, label="dB", pad=0.01)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=90)
    return path

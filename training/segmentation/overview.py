"""A picture of images, their masks, and what a segmenter makes of them."""

import os
from collections.abc import Sequence

import numpy as np

from training.segmentation.evaluation import mask_dice
from zoo.files import atomic_path


def overview_picture(
    path: str | os.PathLike,
    rows: Sequence[tuple[str, np.ndarray, np.ndarray, np.ndarray]],
    *,
    classes: int = 1,
    dots_per_inch: int = 90,
) -> None:
    """Draws images in a row, their true masks below them, and predicted masks below those.

    Args:
        path: PNG file to write.
        rows: of each image its name, itself `(height, width, channels)`, its mask and the predicted
            one, both `(height, width)`.
        classes: as in `zoo.images.read_mask`.
        dots_per_inch: resolution; each image is 2 inches wide.

    Example:
        >>> image, mask = ShapeImages(1).load(0)
        >>> overview_picture("overview.png", [("shape", image, mask, 0 * mask)])
    """
    from matplotlib.figure import Figure

    height, width = rows[0][1].shape[:2]
    size = (2 * len(rows) + 0.4, 3 * 2 * height / width + 0.7)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(3, len(rows), squeeze=False)
    colours = {"cmap": "gray" if classes <= 2 else "turbo", "vmin": 0, "vmax": max(classes - 1, 1)}
    for column, (name, image, truth, mask) in zip(axes.T, rows, strict=True):
        score = mask_dice(truth, mask, classes)
        grey = {"cmap": "gray", "vmin": 0, "vmax": 255} if image.shape[-1] == 1 else {}
        column[0].imshow(image[..., 0] if grey else image, **grey)
        column[1].imshow(truth, interpolation="nearest", **colours)
        column[2].imshow(mask, interpolation="nearest", **colours)
        column[0].set_title(name, fontsize=8)
        column[2].set_xlabel(f"Dice {score:.3f}", fontsize=8)
        for axis in column:
            axis.set(xticks=[], yticks=[])
    for axis, label in zip(axes[:, 0], ("image", "true mask", "predicted mask"), strict=True):
        axis.set_ylabel(label)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dots_per_inch)

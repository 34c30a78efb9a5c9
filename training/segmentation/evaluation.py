"""Quality of a segmenter, measured on images with known masks."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.segmentation.dice import dice_scores
from training.segmentation.folder import ImageFolder
from training.segmentation.shapes import ShapeImages
from zoo.errors import InputError
from zoo.progress import progress
from zoo.segmentation import TRAINED, Size, check_classes, segment_array

AGGREGATION = "Dice of hard masks at the images' own sizes, mean over images"
_SHAPES = re.compile(r"shapes:(\d+):([1-9]\d*)")


@dataclass(frozen=True)
class SegmentationEvaluation:
    """Dice scores of a segmenter.

    Args:
        scores: image -> Dice score, see `training.segmentation.dice.dice_scores`.
    """

    scores: Mapping[str, float]

    @property
    def dice(self) -> float:
        """Mean over the images."""
        return float(np.mean(list(self.scores.values())))

    def to_json(self) -> str:
        """Returns all figures as JSON."""
        figures = {"aggregation": AGGREGATION, "dice": self.dice, "images": dict(self.scores)}
        return json.dumps(figures, indent=1)

    def table(self) -> str:
        """Returns the figures as text."""
        worst = min(self.scores, key=self.scores.get)
        return (
            f"Dice {self.dice:.4f}, {len(self.scores)} images ({AGGREGATION})\n"
            f"lowest: {self.scores[worst]:.4f}, {worst}"
        )


def mask_dice(truth: np.ndarray, mask: np.ndarray, classes: int = 1) -> float:
    """Returns the Dice score of a mask.

    Args:
        truth: the class of each pixel, `(height, width)`.
        mask: of the same shape.
        classes: as in `zoo.images.read_mask`.

    Example:
        >>> mask_dice(np.eye(2), np.ones((2, 2)))  # 2 * 2 / (2 + 4)
        0.6666666865348816
    """
    maps = mask[..., None] if classes == 1 else np.eye(classes)[mask.astype(int)]
    return float(dice_scores(truth[None, ..., None], maps[None].astype("float32"))[0])


def evaluate_masks(model, data: str | os.PathLike, *, size: Size = TRAINED):
    """Measures a segmenter on images whose masks are known.

    Args:
        model: a segmenter.
        data: folder as `ImageFolder` takes it, or `"shapes:SEED:COUNT"` for synthetic shapes of the
            model's `image_size`.
        size: as in `zoo.segmentation.segment_array`.

    Returns:
        A `SegmentationEvaluation`.

    Raises:
        InputError: if the images cannot be used.

    Example:
        >>> report = evaluate_masks(UNet(3, 1, features=(4,), image_size=(32, 32)), "shapes:1:2")
        >>> sorted(report.scores)
        ['shape-1-0', 'shape-1-1']
    """
    images = named_images(model, data, memory=0)
    scores = {}
    for place, name in enumerate(progress(images.names, "Evaluating")):
        image, truth = images.original(place)
        mask = segment_array(model, image, size=size)
        scores[name] = mask_dice(truth, mask, model.out_channels)
    return SegmentationEvaluation(scores)


def evaluate_segmenter(
    model: str | os.PathLike, loaded, data: str | os.PathLike, options: Mapping[str, Any]
) -> SegmentationEvaluation:
    """`evaluate_masks` for the command line, which has options for other models, too.

    Args:
        model: what the user called it.
        loaded: the model itself.
        data: as in `evaluate_masks`.
        options: name -> value, of which none may be given.

    Raises:
        InputError: if one is given, or as `evaluate_masks`.
    """
    for name, value in options.items():
        if value:
            raise InputError(f"{model}: segments images; {name} is for other models")
    check_classes(loaded)
    return evaluate_masks(loaded, data)


def named_images(model, data: str | os.PathLike, **options) -> ImageFolder | ShapeImages:
    """Returns images and masks for a segmenter, at the size it was trained with.

    Args:
        model: a segmenter.
        data: as in `evaluate_masks`.
        options: further ones of `ImageFolder`.
    """
    kind = {"channels": model.in_channels, "classes": model.out_channels}
    shapes = _SHAPES.fullmatch(str(data))
    if shapes is None:
        return ImageFolder(data, size=model.image_size, **kind, **options)
    seed, count = map(int, shapes.groups())
    return ShapeImages(count, seed, size=model.image_size or (96, 96), **kind)

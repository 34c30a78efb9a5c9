"""Synthetic shapes on textured backgrounds, and what is where: data that anyone can make."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.segmentation.folder import IMAGES, MASKS
from zoo.errors import InputError
from zoo.files import atomic_path
from zoo.images import write_image, write_mask
from zoo.progress import progress

KINDS = ("ellipse", "rectangle", "triangle")
_LINES = 4
# By how much the largest of red, green and blue exceeds the smallest: at most in a background,
# at least in a shape.
_GREYISH, _COLOURED = 0.2, 0.4


class ShapeImages:
    """Ellipses, rectangles and triangles of all sizes and colours, before waves, lines and noise.

    An image depends on the seed and its number alone. Backgrounds are greyish, shapes have a colour
    of some saturation; both have a texture, and coloured lines that are no shapes lie between them.

    Args:
        count: of the images.
        seed: which images.
        size: height and width, 16 pixels at least.
        channels: 3, or 1 for the mean of the colours.
        classes: 1 or 2 for foreground and background; 4 for background and each kind of shape.
        first: number of the first image.

    Raises:
        InputError: if there is no such mask, or images would be too small.

    Example:
        >>> images = ShapeImages(10, size=(48, 64))
        >>> image, mask = images.load(3)
        >>> image.shape, image.dtype.name, sorted(set(mask.ravel().tolist()))
        ((48, 64, 3), 'uint8', [0, 1])
    """

    def __init__(
        self,
        count: int,
        seed: int = 0,
        *,
        size: Sequence[int] = (96, 96),
        channels: int = 3,
        classes: int = 1,
        first: int = 0,
    ):
        if classes not in (1, 2, 1 + len(KINDS)):
            raise InputError(f"shapes have 1, 2 or {1 + len(KINDS)} classes, not {classes}")
        if channels not in (1, 3):
            raise InputError(f"shapes have 1 channel or 3, not {channels}")
        if min(size) < 16:
            raise InputError(f"shapes need 16 pixels a side; the images are {tuple(size)}")
        self.seed = seed
        self.size = tuple(size)
        self.channels = channels
        self.classes = classes
        self.names = [f"shape-{seed}-{number}" for number in range(first, first + count)]
        self.sizes = [self.size] * count
        self._first = first
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}

    def __len__(self) -> int:
        return len(self.names)

    def load(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns an image, uint8 `(height, width, channels)`, and its mask `(height, width)`."""
        if place not in self._kept:
            rng = np.random.default_rng([self.seed, self._first + place])
            image, mask = _drawn(rng, self.size)
            if self.channels == 1:
                image = image.mean(axis=-1, keepdims=True)
            if self.classes <= 2:
                mask = np.minimum(mask, 1)
            self._kept[place] = image.round().astype("uint8"), mask
        return self._kept[place]

    original = load


def write_shapes(
    folder: str | os.PathLike,
    count: int,
    *,
    seed: int = 0,
    size: Sequence[int] = (96, 96),
    channels: int = 3,
    classes: int = 1,
) -> None:
    """Writes synthetic shapes as `ImageFolder` reads them: `images/*.png` and `masks/*.png`.

    Args:
        folder: to create; it appears whole or not at all.
        count, seed, size, channels, classes: as in `ShapeImages`.

    Raises:
        InputError: if the folder exists.
    """
    folder = Path(folder)
    if folder.exists():
        raise InputError(f"{folder}: exists already; name a new folder")
    source = ShapeImages(count, seed, size=size, channels=channels, classes=classes)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder) as temporary:
        for part in (IMAGES, MASKS):
            (temporary / part).mkdir(parents=True)
        for place, name in enumerate(progress(source.names, "Drawing shapes")):
            image, mask = source.load(place)
            write_image(temporary / IMAGES / f"{name}.png", image)
            write_mask(temporary / MASKS / f"{name}.png", mask, classes)


def _drawn(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """An image with values from 0 to 255, and the number of the shape's kind at each pixel."""
    rows, columns = np.mgrid[: size[0], : size[1]].astype("float32")
    shorter = min(size)
    background = rng.uniform(0.2, 0.8) + rng.uniform(-_GREYISH / 2, _GREYISH / 2, 3)
    image = background + _texture(rng, rows, columns)
    for _ in range(rng.integers(0, _LINES + 1)):
        angle, place = rng.uniform(0, np.pi), rng.uniform(0.1, 0.9, 2) * size
        distance = (rows - place[0]) * np.cos(angle) + (columns - place[1]) * np.sin(angle)
        image[np.abs(distance) < rng.uniform(0.5, 1.2)] = rng.uniform(0, 1, 3)
    mask = np.zeros(size, "uint8")
    for _ in range(rng.integers(1, 5)):
        kind = int(rng.integers(len(KINDS)))
        radius = rng.uniform(0.1, 0.28) * shorter
        inside = _inside(rng, KINDS[kind], rows, columns, radius)
        image[inside] = (_colour(rng) + _texture(rng, rows, columns))[inside]
        mask[inside] = kind + 1
    image += rng.normal(0, rng.uniform(0.01, 0.05), image.shape)
    return np.clip(image, 0, 1) * 255, mask


def _texture(rng, rows, columns) -> np.ndarray:
    """Three waves in random directions, `(height, width, 3)`."""
    texture = np.zeros((*rows.shape, 3), "float32")
    for _ in range(3):
        angle, length = rng.uniform(0, 2 * np.pi), rng.uniform(4, 40)
        along = rows * np.cos(angle) + columns * np.sin(angle)
        wave = np.sin(2 * np.pi * (along / length + rng.uniform()))
        texture += wave[..., None] * rng.uniform(-0.05, 0.05, 3)
    return texture


def _colour(rng) -> np.ndarray:
    while True:
        colour = rng.uniform(0, 1, 3)
        if np.ptp(colour) >= _COLOURED:
            return colour


def _inside(rng, kind: str, rows, columns, radius: float) -> np.ndarray:
    """Where a shape lies that fits into a circle, whose middle is in the image."""
    centre = rng.uniform(0.1, 0.9, 2) * rows.shape
    angle, slenderness = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 1)
    # The shape's own axes, in which it has the radius 1.
    down, right = (rows - centre[0]) / radius, (columns - centre[1]) / radius
    x = right * np.cos(angle) + down * np.sin(angle)
    y = (down * np.cos(angle) - right * np.sin(angle)) / slenderness
    if kind == "ellipse":
        return x * x + y * y < 1
    if kind == "rectangle":
        return np.maximum(np.abs(x), np.abs(y)) < 0.75
    sides = np.pi / 2 + np.arange(3) * 2 * np.pi / 3
    return np.max([x * np.cos(side) + y * np.sin(side) for side in sides], axis=0) < 0.5

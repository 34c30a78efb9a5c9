"""The `[images]` table of a recipe, and what it does to an image and its mask."""

from dataclasses import dataclass

import numpy as np

from zoo.errors import InputError


@dataclass(frozen=True)
class ImagesRecipe:
    """The `[images]` table: what of each image is trained on, and how it is varied.

    What is drawn at random is drawn anew in every epoch; held-back images stay as they are, cut to
    their middle where there is a `crop`.

    Args:
        crop: `[height, width]` of a random piece of each image, once it has the network's
            `image_size` if that has one; `None` for whole images.
        mirror: whether left and right are exchanged in half of the draws.
        flip: whether top and bottom are.
        turn: whether images, which are then square, are turned by quarters.
        brightness: the most that is added to all values, in either direction; 1 is white.
        contrast: the most by which the distance from the image's mean is made larger or smaller, as
            a share.
        shapes_seed: which synthetic shapes.

    Example:
        >>> table = ImagesRecipe(mirror=True, brightness=0.1)
        >>> rng = np.random.default_rng(0)
        >>> image, mask = np.zeros((4, 6, 3), "uint8"), np.zeros((4, 6), "uint8")
        >>> image, mask = table.varied(image, mask, rng)
        >>> image.dtype.name, image.shape, mask.shape
        ('float32', (4, 6, 3), (4, 6, 1))
    """

    crop: list[int] | None = None
    mirror: bool = False
    flip: bool = False
    turn: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    shapes_seed: int = 0

    def __post_init__(self):
        if self.crop is not None and (len(self.crop) != 2 or min(self.crop) < 1):
            raise InputError(f"crop={self.crop} is not a height and a width")
        for name in ("brightness", "contrast"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"{name}={getattr(self, name)} is not between 0 and 1")
        if self.turn and self.crop is not None and self.crop[0] != self.crop[1]:
            raise InputError(f"turn: only square images can be turned, not crop={self.crop}")
        if self.shapes_seed < 0:
            raise InputError(f"shapes_seed={self.shapes_seed} must not be negative")

    def plain(self, image: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """An example as it is, or its middle."""
        if self.crop is not None:
            spare = [
                (size - wanted) // 2 for size, wanted in zip(mask.shape, self.crop, strict=True)
            ]
            image, mask = _cut(image, spare, self.crop), _cut(mask, spare, self.crop)
        return _floats(image), mask[..., None].astype("float32")

    def varied(
        self, image: np.ndarray, mask: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """An example for training.

        Args:
            image: uint8 `(height, width, channels)`.
            mask: uint8 `(height, width)`.
            rng: draws what is random.

        Returns:
            float32 image `(height, width, channels)` in [0, 1] and classes `(height, width, 1)`.
        """
        if self.crop is not None:
            spare = [size - wanted for size, wanted in zip(mask.shape, self.crop, strict=True)]
            corner = [int(rng.integers(0, most + 1)) for most in spare]
            image, mask = _cut(image, corner, self.crop), _cut(mask, corner, self.crop)
        for wanted, axis in ((self.mirror, 1), (self.flip, 0)):
            if wanted and rng.random() < 0.5:
                image, mask = np.flip(image, axis), np.flip(mask, axis)
        if self.turn:
            quarters = int(rng.integers(4))
            image, mask = np.rot90(image, quarters), np.rot90(mask, quarters)
        image = _floats(image)
        if self.contrast:
            mean = image.mean()
            image = mean + (image - mean) * np.float32(1 + rng.uniform(-1, 1) * self.contrast)
        if self.brightness:
            image = image + np.float32(rng.uniform(-1, 1) * self.brightness)
        return np.clip(image, 0, 1), mask[..., None].astype("float32")


def _cut(values: np.ndarray, corner, size) -> np.ndarray:
    (top, left), (height, width) = corner, size
    return values[top : top + height, left : left + width]


def _floats(image: np.ndarray) -> np.ndarray:
    return image.astype("float32") / 255

"""Image files: pictures and masks, read into arrays and written."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from zoo.errors import InputError
from zoo.files import atomic_path

_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
# Of class 0, the background, and those that follow, over and over.
_COLOURS = ((0, 0, 0), (230, 75, 53), (77, 187, 213), (0, 160, 135), (243, 155, 127), (126, 97, 72))
_WHITE = 255
# Pillow refuses images of 180 million pixels; below, size is the user's own affair.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


@contextmanager
def _opened(path: str | os.PathLike) -> Iterator[Image.Image]:
    """The image, as its camera says it is to be looked at."""
    path = Path(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder, not an image")
    try:
        with Image.open(path) as image:
            yield ImageOps.exif_transpose(image)
    except InputError:
        raise
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except UnidentifiedImageError:
        raise InputError(f"{path}: is no image that can be read") from None
    except Exception as error:
        # Decoders of damaged files raise whatever goes wrong in them.
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{path}: cannot be read as an image: {reason}") from error


def _eight_bits(image: Image.Image, path) -> Image.Image:
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) // 257).astype("uint8"))
    if image.mode in ("I", "F"):
        raise InputError(f"{path}: has numbers of 32 bits; save it with 8 or 16")
    return image


def read_image(path: str | os.PathLike, channels: int = 3) -> np.ndarray:
    """Reads an image of any format that Pillow knows: PNG, JPEG, TIFF, WebP, BMP, GIF and others.

    Args:
        path: of the file. What the camera says of its orientation is applied.
        channels: 1 for grey, 3 for colours, 4 for colours and opacity.

    Returns:
        uint8 `(height, width, channels)`; of 16 bits the upper ones.

    Raises:
        InputError: if the file is no image, or is damaged.

    Example:
        >>> write_mask("mask.png", np.eye(3, dtype="uint8"))
        >>> read_image("mask.png")[..., 0].tolist()
        [[255, 0, 0], [0, 255, 0], [0, 0, 255]]
    """
    if channels not in _MODES:
        raise InputError(f"{path}: images have 1, 3 or 4 channels, the network takes {channels}")
    with _opened(path) as image:
        values = np.asarray(_eight_bits(image, path).convert(_MODES[channels]))
    return values.reshape(*values.shape[:2], channels)


def read_mask(path: str | os.PathLike, classes: int = 1) -> np.ndarray:
    """Reads a mask: the class of each pixel.

    Args:
        path: of a file with one grey value or one palette entry a pixel, which is the number of the
            class, 0 for the background. A mask of one class beside the background may have white
            for it, too: then values from 128 on are white.
        classes: 1 or 2 for foreground and background; else how many numbers there are.

    Returns:
        uint8 `(height, width)`.

    Raises:
        InputError: if the file is no image, is damaged, has colours in place of numbers, or a
            number that is none of the classes.
    """
    with _opened(path) as image:
        # A palette's colours are for the eye; the numbers are what counts.
        if image.mode not in ("P", "1"):
            image = _eight_bits(image, path).convert("RGB")
        elif image.mode == "1":
            image = image.convert("L")
        values = np.array(image)
    if values.ndim == 3:
        if np.ptp(values, axis=2).any():
            raise InputError(f"{path}: has colours; a mask has one grey value a pixel")
        values = values[..., 0]
    largest = int(values.max(initial=0))
    if classes <= 2:
        if 1 < largest <= _WHITE // 2:
            raise InputError(
                f"{path}: holds the number {largest}; a mask of one class has 0 and 1, or black "
                "and white"
            )
        return values if largest <= 1 else (values > _WHITE // 2).astype("uint8")
    if largest >= classes:
        raise InputError(
            f"{path}: holds the number {largest}; masks of {classes} classes have 0 to "
            f"{classes - 1}"
        )
    return values


def write_mask(path: str | os.PathLike, mask: np.ndarray, classes: int = 1) -> None:
    """Writes a mask that `read_mask` reads, whole or not at all.

    Args:
        path: PNG file.
        mask: the class of each pixel, `(height, width)`.
        classes: as in `read_mask`: with 1 or 2 the file is black and white, else it has the
            numbers, with a colour each.
    """
    mask = np.asarray(mask, "uint8")
    image = Image.fromarray(mask * _WHITE if classes <= 2 else mask)
    if classes > 2:
        colours = [_COLOURS[number and 1 + (number - 1) % 5] for number in range(classes)]
        image = image.convert("P")
        image.putpalette([value for colour in colours for value in colour])
    with atomic_path(path) as temporary:
        image.save(temporary)


def write_image(path: str | os.PathLike, image: np.ndarray) -> None:
    """Writes an image `(height, width, channels)` of 8 bits, whole or not at all."""
    with atomic_path(path) as temporary:
        Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image).save(temporary)


def resized(image: np.ndarray, size: tuple[int, int], *, smooth: bool = True) -> np.ndarray:
    """Brings an image to a size.

    Args:
        image: uint8 `(height, width)` or `(height, width, channels)`; or a float map
            `(height, width)`.
        size: height and width.
        smooth: whether values are averaged and interpolated; classes must not be.
    """
    if image.shape[:2] == tuple(size):
        return image
    channels = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    method = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    values = np.asarray(Image.fromarray(channels).resize(size[::-1], method))
    return values.reshape(*size, *image.shape[2:])

"""Images and masks in a folder."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from zoo.errors import InputError
from zoo.images import read_image, read_mask, resized
from zoo.progress import progress

IMAGES, MASKS = "images", "masks"
_MASK_ENDINGS = ("", "_mask")


class ImageFolder:
    """Pairs of images and masks: `images/<name>.*` and `masks/<name>.*` or `masks/<name>_mask.*`.

    All files are read once when the folder is opened, so that what is wrong is said before a
    training begins. They are then kept in memory, as 8-bit numbers at the size they are used at, as
    long as they fit; otherwise they are read anew whenever they are needed.

    Args:
        folder: with the folders `images` and `masks`, of files in any format that Pillow reads.
            Masks are described in `zoo.images.read_mask`.
        channels: of the images, 1 or 3.
        classes: of the masks, 1 or 2 for foreground and background.
        size: `(height, width)` that images and masks are brought to; `None` for their own.
        memory: bytes that may be kept.

    Raises:
        InputError: naming the file: an image without mask, a mask without image, two of the same
            name, one that cannot be read, a mask of another size than its image, or with numbers
            that are no classes.

    Example:
        >>> write_shapes("shapes", 3, size=(32, 48))
        >>> folder = ImageFolder("shapes")
        >>> image, mask = folder.load(0)
        >>> folder.names[0], image.shape, mask.shape
        ('shape-0-0', (32, 48, 3), (32, 48))
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        *,
        channels: int = 3,
        classes: int = 1,
        size: Sequence[int] | None = None,
        memory: int = 500_000_000,
    ):
        self.path = Path(folder)
        self.channels = channels
        self.classes = classes
        self.size = None if size is None else tuple(size)
        self._pairs = _pairs(self.path)
        self.names = sorted(self._pairs)
        self._kept: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self.sizes: list[tuple[int, int]] = []
        for place in progress(range(len(self.names)), "Reading images"):
            image, mask = self._read(place)
            self.sizes.append(mask.shape)
            memory -= image.nbytes + mask.nbytes
            if memory >= 0:
                self._kept[place] = image, mask

    def __len__(self) -> int:
        return len(self.names)

    def image_path(self, place: int) -> Path:
        """The file of an image."""
        return self._pairs[self.names[place]][0]

    def load(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Returns an image, uint8 `(height, width, channels)`, and its mask `(height, width)`."""
        return self._kept[place] if place in self._kept else self._read(place)

    def original(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """The same at the size of the file."""
        image_path, mask_path = self._pairs[self.names[place]]
        image, mask = read_image(image_path, self.channels), read_mask(mask_path, self.classes)
        if mask.shape != image.shape[:2]:
            raise InputError(
                f"{mask_path}: {mask.shape[1]} x {mask.shape[0]} pixels, its image {image_path} "
                f"has {image.shape[1]} x {image.shape[0]}"
            )
        return image, mask

    def _read(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        image, mask = self.original(place)
        if self.size is None:
            return image, mask
        return resized(image, self.size), resized(mask, self.size, smooth=False)


def _pairs(folder: Path) -> dict[str, tuple[Path, Path]]:
    """Name -> image and mask."""
    images, masks = _files(folder / IMAGES), _files(folder / MASKS)
    pairs = {}
    for name, image in images.items():
        found = [masks[name + ending] for ending in _MASK_ENDINGS if name + ending in masks]
        if not found:
            raise InputError(
                f"{image}: has no mask; put one called {name}.png into {folder / MASKS}"
            )
        pairs[name] = image, found[0]
    used = {mask for _, mask in pairs.values()}
    for mask in masks.values():
        if mask not in used:
            raise InputError(f"{mask}: is the mask of no image in {folder / IMAGES}")
    if not pairs:
        raise InputError(f"{folder / IMAGES}: holds no images")
    return pairs


def _files(folder: Path) -> dict[str, Path]:
    """Name without suffix -> file; hidden ones are left out."""
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; images lie in {IMAGES}/, masks in {MASKS}/")
    files = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.is_dir():
            continue
        other = files.setdefault(path.stem, path)
        if other != path:
            raise InputError(f"{path}: has the name of {other.name}; give each a name of its own")
    return files

"""Images into masks, by networks such as `zoo.UNet` without a front end."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import keras
import numpy as np

from zoo.errors import InputError
from zoo.files import created_folder, writing
from zoo.images import read_image, resized, write_mask
from zoo.presets import load_model
from zoo.progress import progress

# What stands for the size that a network was trained with, and for an image's own.
TRAINED, OWN = "trained", "own"
Size = tuple[int, int] | str


def is_segmenter(model: keras.Model) -> bool:
    """Whether a model maps images to masks."""
    return hasattr(model, "image_size") and model.front_end is None


def load_segmenter(model: str | os.PathLike) -> keras.Model:
    """Returns a segmenter given as preset name, preset folder or `.keras` file.

    Raises:
        InputError: if there is none, or its maps do not say which class a pixel has.
    """
    loaded = load_model(model)
    if not is_segmenter(loaded):
        raise InputError(f"{model}: is a {type(loaded).__name__}, which segments no images")
    check_classes(loaded)
    return loaded


def check_classes(model: keras.Model) -> None:
    """Raises `InputError` unless each pixel has one class in a segmenter's maps."""
    if model.out_channels > 1 and model.activation == "sigmoid":
        raise InputError(
            f"{model.name}: {model.out_channels} maps that do not exclude each other are no mask; "
            "take the activation softmax"
        )


def segment_array(
    model: keras.Model, image: np.ndarray, *, size: Size = TRAINED, threshold: float = 0.5
) -> np.ndarray:
    """Returns the mask of an image.

    Args:
        model: a segmenter.
        image: uint8 `(height, width, in_channels)`.
        size: height and width that the image is brought to for the network: `"trained"` for the
            model's `image_size`, if it has one, `"own"` for none. The network's maps are brought
            back.
        threshold: probability above which a pixel is foreground, where there is one class.

    Returns:
        uint8 `(height, width)`: 1 for foreground, or the number of the class.

    Example:
        >>> model = UNet(3, 4, features=(4,), image_size=(32, 32))
        >>> segment_array(model, np.zeros((50, 41, 3), "uint8")).shape
        (50, 41)
    """
    if size == TRAINED:
        size = model.image_size or OWN
    seen = image if size == OWN else resized(image, size)
    maps = model(seen[None].astype("float32") / 255, training=False)
    maps = keras.ops.convert_to_numpy(maps)[0]
    if model.activation == "linear":
        # The most likely class is the one of the largest logit.
        threshold = np.log(max(threshold, 1e-9) / max(1 - threshold, 1e-9))
    maps = np.stack([resized(channel, image.shape[:2]) for channel in np.moveaxis(maps, -1, 0)])
    mask = maps[0] > threshold if len(maps) == 1 else maps.argmax(axis=0)
    return mask.astype("uint8")


def segment_file(
    path: str | os.PathLike,
    output: str | os.PathLike,
    *,
    model: keras.Model,
    size: Size = TRAINED,
    threshold: float = 0.5,
) -> Path:
    """Writes the mask of an image as `<output>/<name>_mask.png`.

    Args:
        path: of the image, of any size and format.
        output: folder, created if missing.
        model: a segmenter, see `load_segmenter`.
        size, threshold: as in `segment_array`.

    Returns:
        The mask's file, as `zoo.images.write_mask` writes it.

    Raises:
        InputError: if the image cannot be read, or the mask cannot be written.

    Example:
        >>> segment_file("photo.jpg", "masks", model=model)  # doctest: +SKIP
        PosixPath('masks/photo_mask.png')
    """
    image = read_image(path, model.in_channels)
    mask = segment_array(model, image, size=size, threshold=threshold)
    target = mask_path(path, output)
    with created_folder(target.parent), writing(target):
        write_mask(target, mask, model.out_channels)
    return target


def mask_path(path: str | os.PathLike, output: str | os.PathLike) -> Path:
    """Where `segment_file` writes the mask of an image."""
    return Path(output) / f"{Path(path).stem}_mask.png"


def segment_files(
    paths: Sequence[Path],
    output: str | os.PathLike,
    *,
    model: keras.Model,
    on_error: Callable[[InputError], None],
    **options,
) -> dict[str, Path]:
    """Segments images one by one; a bad one is reported and the others go on.

    Args:
        paths: of the images.
        output, model, options: as in `segment_file`.
        on_error: called with each image's error.

    Returns:
        Image -> mask, of those that went well.
    """
    masks, taken = {}, {}
    for path in progress(list(paths), "Segmenting"):
        first = taken.setdefault(Path(path).stem, path)
        try:
            if first != path:
                raise InputError(
                    f"{path}: would overwrite the mask of {first}; segment it into another folder"
                )
            masks[str(path)] = segment_file(path, output, model=model, **options)
        except InputError as error:
            on_error(error)
    return masks

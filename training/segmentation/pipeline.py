"""Images and masks -> batches for a segmenter, as a tf.data.Dataset."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from training.segmentation.folder import ImageFolder
from training.segmentation.images_recipe import ImagesRecipe
from training.segmentation.shapes import ShapeImages
from zoo.errors import InputError


@tf.autograph.experimental.do_not_convert
def image_batches(
    images: ImageFolder | ShapeImages,
    *,
    places: Sequence[int] | None = None,
    batch_size: int = 8,
    table: ImagesRecipe | None = None,
    training: bool = True,
    seed: int = 0,
    first_epoch: int | None = None,
    threads: int | None = None,
    host: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Batches of images and of the classes of their pixels.

    The order of an epoch and what is drawn of each image depend on the seed, the epoch's number and
    the image's place alone.

    Args:
        images: what they are taken from.
        places: which of them; `None` for all.
        batch_size: images of a batch; an epoch's incomplete last batch is left out in training.
        table: how images are cut and varied; `None` for images as they are.
        training: `False` for one pass over all images in their order, not varied.
        seed: fixes order and draws.
        first_epoch: `None` for one epoch, the same in each iteration of the dataset; a number for
            an endless dataset that starts with that epoch, as `training.fit` needs to resume.
        threads: batches made at a time; `None` for what tf.data thinks best.
        host: `(index, count)` of the process among those that train together: it makes rows
            `[index * batch_size / count, (index + 1) * batch_size / count)` of every batch.

    Returns:
        Batches of (image, classes): float32 `(batch, height, width, channels)` in [0, 1], and
        `(batch, height, width, 1)`.

    Raises:
        InputError: if images differ in size or are smaller than what is cut from them, or there is
            less than one batch.

    Example:
        >>> images = ShapeImages(12, size=(32, 32))
        >>> batch, classes = next(iter(image_batches(images, batch_size=4)))
        >>> tuple(batch.shape), tuple(classes.shape)
        ((4, 32, 32, 3), (4, 32, 32, 1))
    """
    table = table or ImagesRecipe()
    places = np.arange(len(images)) if places is None else np.asarray(places)
    height, width = common_size(images, places, table)
    index, count = host
    rows = batch_size // count
    whole = len(places) // batch_size
    if training and not whole:
        raise InputError(f"{len(places)} images do not fill a batch of {batch_size}")

    def varied(epoch, number):
        order = np.random.default_rng([seed, epoch]).permutation(places)
        start = number * batch_size + index * rows
        chosen = order[start : start + rows]
        return _stacked(
            table.varied(*images.load(int(p)), np.random.default_rng([seed, epoch, int(p)]))
            for p in chosen
        )

    def plain(number):
        chosen = places[number * batch_size : (number + 1) * batch_size]
        return _stacked(table.plain(*images.load(int(place))) for place in chosen)

    def made(function, *arguments):
        batch, classes = tf.numpy_function(function, arguments, (tf.float32, tf.float32))
        batch.set_shape((rows if training else None, height, width, images.channels))
        classes.set_shape((rows if training else None, height, width, 1))
        return batch, classes

    calls = threads or tf.data.AUTOTUNE
    if training:
        if first_epoch is None:
            epochs = tf.data.Dataset.range(1)
        else:
            epochs = tf.data.Dataset.counter(first_epoch)
        numbers = epochs.flat_map(
            lambda epoch: tf.data.Dataset.range(whole).map(lambda number: (epoch, number))
        )
        dataset = numbers.map(lambda *place: made(varied, *place), num_parallel_calls=calls)
        known = whole if first_epoch is None else None
    else:
        known = -(-len(places) // batch_size)
        dataset = tf.data.Dataset.range(known).map(
            lambda number: made(plain, number), num_parallel_calls=calls
        )
    if known is not None:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(known))
    return dataset.prefetch(2)


def common_size(
    images: ImageFolder | ShapeImages, places: Sequence[int], table: ImagesRecipe
) -> tuple[int, int]:
    """Returns height and width of what a batch holds.

    Raises:
        InputError: if images differ in size or are smaller than what is cut from them.
    """
    sizes = [images.sizes[place] for place in places]
    if table.crop is not None:
        for place, size in zip(places, sizes, strict=True):
            if size[0] < table.crop[0] or size[1] < table.crop[1]:
                raise InputError(
                    f"{images.names[place]}: {size[1]} x {size[0]} pixels are less than the crop "
                    f"of {table.crop[1]} x {table.crop[0]}"
                )
        return tuple(table.crop)
    for place, size in zip(places, sizes, strict=True):
        if size != sizes[0]:
            raise InputError(
                f"{images.names[place]}: {size[1]} x {size[0]} pixels, {images.names[places[0]]} "
                f"has {sizes[0][1]} x {sizes[0][0]}; set image_size in [model], or crop in [images]"
            )
    if table.turn and sizes[0][0] != sizes[0][1]:
        raise InputError(f"turn: only square images can be turned, not {sizes[0]}")
    return sizes[0]


def _stacked(examples) -> tuple[np.ndarray, np.ndarray]:
    images, classes = zip(*examples, strict=True)
    return np.stack(images).astype("float32"), np.stack(classes)

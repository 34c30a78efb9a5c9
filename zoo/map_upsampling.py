"""Doubling the size of feature maps, and fitting maps of odd sizes to one another."""

import keras
from keras import layers, ops


def _between(x, axis: int):
    """The two values that bilinear interpolation puts in place of each along an axis.

    Returns:
        Two tensors like `x`: a quarter of the way to the value before it, and to the one after it.
    """
    size = x.shape[axis]
    if size == 1:
        return x, x
    first, rest = (slice(None),) * axis + (slice(0, 1),), (slice(None),) * axis + (slice(1, None),)
    most, last = (slice(None),) * axis + (slice(0, -1),), (slice(None),) * axis + (slice(-1, None),)
    before = ops.concatenate((x[first], x[most]), axis=axis)
    after = ops.concatenate((x[rest], x[last]), axis=axis)
    return 0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after


@keras.saving.register_keras_serializable(package="stemzoo")
class BilinearUpsampling(layers.Layer):
    """Doubles height and width by bilinear interpolation, of maps of any size.

    Pixels are areas: the centres of the new ones lie a quarter of an old pixel beside the old
    centres, and beyond the outermost centres the outermost values go on (half-pixel centres, what
    PyTorch calls `align_corners=False`). The same weights apply everywhere, whatever the size. With
    axes of dynamic size Keras's `UpSampling2D` cannot be exported; these are shifts, weighted sums
    and a reordering, which every runtime has.

    Returns:
        `(batch, 2 * height, 2 * width, channels)`.

    Example:
        >>> ramp = np.float32([0, 4]).reshape(1, 1, 2, 1)
        >>> np.asarray(BilinearUpsampling()(ramp))[0, 0, :, 0].tolist()
        [0.0, 1.0, 3.0, 4.0]
    """

    def call(self, inputs):
        rows = _between(inputs, 1)
        # (batch, height, width, 4 * channels): the four new pixels in place of each.
        pixels = ops.concatenate([x for row in rows for x in _between(row, 2)], axis=-1)
        return ops.depth_to_space(pixels, 2, data_format="channels_last")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, height and 2 * height, width and 2 * width, channels


@keras.saving.register_keras_serializable(package="stemzoo")
class CropTo(layers.Layer):
    """Cuts a map at its lower and right end to the height and width of another one.

    Args:
        inputs: the map `(batch, height, width, channels)`, and one that is no larger, of any
            channels.

    Example:
        >>> tuple(CropTo()((np.ones((1, 4, 6, 2)), np.ones((1, 3, 6, 1)))).shape)
        (1, 3, 6, 2)
    """

    def call(self, inputs):
        x, wanted = inputs
        if None not in x.shape[1:3] and x.shape[1:3] == wanted.shape[1:3]:
            return x
        _, height, width, _ = ops.shape(wanted)
        return x[:, :height, :width]

    def compute_output_shape(self, input_shape):
        (batch, _, _, channels), (_, height, width, _) = input_shape
        return batch, height, width, channels

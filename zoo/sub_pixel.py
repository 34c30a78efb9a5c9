"""A transposed convolution to few channels, computed the way that CPUs do best."""

import keras
import numpy as np
from keras import layers, ops

from zoo.portability import portable

# Output channels that vector units compute at a time.
_CHANNELS_AT_A_TIME = 16


def _windows(kernel_size: int, stride: int, block: int = 1) -> np.ndarray:
    """Which tap of a kernel's axis each part of the output needs at each place of a window.

    Returns:
        `(window, block * stride)`, with `kernel_size` where there is none. The window is centred on
        the `block` input values from which the output values come.
    """
    cut = (kernel_size - stride) // 2
    reach = -(-kernel_size // stride)
    offset, part = np.ogrid[-reach : reach + 1, :stride]
    taps = part + cut - offset * stride
    taps[(taps < 0) | (taps >= kernel_size)] = kernel_size
    unused = min((taps < kernel_size).any(axis=1)[::order].argmax() for order in (1, -1))
    taps = taps[unused : len(taps) - unused]
    windows = np.full((len(taps) + block - 1, block, stride), kernel_size)
    for place in range(block):
        windows[place : place + len(taps), place] = taps
    return windows.reshape(-1, block * stride)


@keras.saving.register_keras_serializable(package="stemzoo")
class Conv2DTranspose(layers.Conv2DTranspose):
    """Keras's layer with padding "same", as a convolution to `strides**2 * filters` channels.

    Those are then interleaved (Shi et al., "Is the deconvolution layer the same as a convolutional
    layer?", 2016). Where that is only four channels, two input values of each axis make the outputs
    of one window: vector units are full then, in two thirds of the time. Weights, results and the
    class's name, which weights files hold, are those of Keras's layer. With one filter, where a
    transposed convolution makes poor use of vector units, it is several times as fast; with many,
    the taps that are zero cost more than that. Exporters that open `portable_operators()` get
    Keras's operator and choose for themselves.

    Args:
        filters: number of output channels, few.
        kernel_size: of both axes, at least `strides`.
        strides: of both axes.
        kwargs: further arguments of `Conv2DTranspose`.

    Returns:
        `(batch, strides * rows, strides * columns, filters)`.

    Example:
        >>> layer = Conv2DTranspose(1, 5, strides=2)
        >>> tuple(layer(np.zeros((1, 8, 4, 16), "float32")).shape)
        (1, 16, 8, 1)
    """

    def __init__(self, filters, kernel_size, *, strides, **kwargs):
        kwargs = {**kwargs, "padding": "same", "data_format": "channels_last"}
        super().__init__(filters, kernel_size, strides=strides, **kwargs)
        sizes = {*self.kernel_size}, {*self.strides}
        if any(len(size) > 1 for size in sizes) or self.kernel_size[0] < self.strides[0]:
            raise ValueError(
                "kernel_size and strides must be the same for both axes, and kernel_size no less "
                f"than strides. Received: kernel_size={kernel_size}, strides={strides}"
            )

    def call(self, inputs):
        if portable():
            return super().call(inputs)
        size, stride = self.kernel_size[0], self.strides[0]
        out, channels = self.kernel.shape[2:]
        block = 2 if 4 * stride * stride * out <= _CHANNELS_AT_A_TIME else 1
        if any(places is None or places % block for places in inputs.shape[1:3]):
            block = 1
        grown, taps = block * stride, _windows(size, stride, block)
        kernel = ops.pad(self.kernel, ((0, 1), (0, 1), (0, 0), (0, 0)))
        kernel = ops.take(ops.take(kernel, taps.ravel(), axis=0), taps.ravel(), axis=1)
        kernel = ops.reshape(kernel, (len(taps), grown, len(taps), grown, out, channels))
        kernel = ops.transpose(kernel, (0, 2, 5, 1, 3, 4))
        kernel = ops.reshape(kernel, (len(taps), len(taps), channels, grown * grown * out))
        parts = ops.conv(inputs, kernel, block, "same", data_format="channels_last")
        outputs = ops.depth_to_space(parts, grown, data_format="channels_last")
        if self.use_bias:
            outputs = outputs + self.bias
        return outputs if self.activation is None else self.activation(outputs)

"""One-dimensional convolution by short Fourier transforms, as matrix products."""

from functools import lru_cache

import keras
import numpy as np
from keras import layers, ops

from zoo.portability import portable

# A tile of three kernels' length makes two thirds of it output. Transforms cost per channel,
# products per pair of channels: below this many channels they are not worth it.
_TILE_KERNELS, _MINIMUM_CHANNELS, _MINIMUM_TAPS = 3.2, 32, 9


@lru_cache
def _bilinear(tile: int, taps: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Matrices of `outputs = after @ ((kernels @ kernel) * (before @ samples))`.

    The samples are a tile, the outputs those `tile - taps + 1` values of its correlation with the
    kernel that need no others. Each frequency of the transform takes three products, by Gauss's
    rule for complex numbers; the first and the last take one.

    Returns:
        before `(products, tile)`, kernels `(products, taps)`, after `(outputs, products)`, float64.
    """
    before, kernels, after = [], [], []
    time, tap, output = np.arange(tile), np.arange(taps), np.arange(tile - taps + 1)
    for frequency in range(tile // 2 + 1):
        angle = 2 * np.pi * frequency / tile
        real, imaginary = np.cos(angle * time), -np.sin(angle * time)
        kernel_real, kernel_imaginary = np.cos(angle * tap), np.sin(angle * tap)
        single = frequency in (0, tile // 2)
        share = (1 if single else 2) / tile
        back_real = share * np.cos(angle * output)
        back_imaginary = -share * np.sin(angle * output)
        if single:
            before.append(real)
            kernels.append(kernel_real)
            after.append(back_real)
            continue
        before += [real + imaginary, real, imaginary]
        kernels += [kernel_real, kernel_imaginary - kernel_real, kernel_real + kernel_imaginary]
        after += [back_real + back_imaginary, back_imaginary, -back_real]
    return np.array(before), np.array(kernels), np.array(after).T


def tiled_convolution(x, kernel, *, padding=(0, 0)):
    """The convolution of `(batch, samples, channels)` with `(taps, channels, filters)`.

    For fifteen taps, tiles of 48 samples take 71 products for 34 outputs and pair of channels, 2.1
    for each where taps one by one take 15; with the transforms, a third to two thirds of the time
    on a processor. The error is that of single precision, about 1e-6 of the output's peak.

    Source: Mathieu, Henaff, LeCun, "Fast Training of Convolutional Networks through FFTs", ICLR
    2014; Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, for the form.

    Args:
        x: with its padding, at least `taps` samples long.
        kernel: its values.
        padding: zeros before and after `x`.

    Returns:
        `(batch, samples - taps + 1, filters)`, padding counted in.
    """
    taps, channels, filters = kernel.shape
    tile = 2 * round(_TILE_KERNELS * taps / 2)
    before, kernels, after = (m.astype("float32") for m in _bilinear(tile, taps))
    products, outputs = before.shape[0], tile - taps + 1
    spectrum = ops.tensordot(kernels, kernel, 1)  # (products, channels, filters)
    batch, samples = ops.shape(x)[0], ops.shape(x)[1]
    length = samples + sum(padding) - taps + 1
    tiles = (length + outputs - 1) // outputs
    rest = (tiles + 1) * outputs - samples - padding[0]
    x = ops.pad(x, ((0, 0), (padding[0], rest), (0, 0)))
    x = ops.reshape(x, (batch, tiles + 1, outputs, channels))
    x = ops.concatenate((x[:, :-1], x[:, 1:, : taps - 1]), axis=2)  # (batch, tiles, tile, channels)
    x = ops.reshape(ops.transpose(x, (2, 0, 1, 3)), (tile, -1))
    x = ops.reshape(ops.matmul(before, x), (products, batch * tiles, channels))
    x = ops.reshape(ops.matmul(x, spectrum), (products, -1))
    x = ops.reshape(ops.matmul(after, x), (outputs, batch, tiles, filters))
    x = ops.reshape(ops.transpose(x, (1, 2, 0, 3)), (batch, tiles * outputs, filters))
    return x[:, :length]


@keras.saving.register_keras_serializable(package="stemzoo")
class TiledConv1D(layers.Conv1D):
    """`keras.layers.Conv1D` that is faster at inference where taps and channels are many.

    In training, in half precision and in portable files it is Keras's own: there the runtimes'
    convolutions are the better choice.
    """

    def call(self, inputs, training=None):
        taps, channels, filters = self.kernel.shape
        if (
            training
            or portable()
            or self.compute_dtype != "float32"
            or self.padding not in ("same", "valid")
            or (self.strides, self.dilation_rate, self.groups) != ((1,), (1,), 1)
            or taps < _MINIMUM_TAPS
            or min(channels, filters) < _MINIMUM_CHANNELS
        ):
            return super().call(inputs)
        padding = ((taps - 1) // 2, taps // 2) if self.padding == "same" else (0, 0)
        y = tiled_convolution(inputs, self.kernel, padding=padding)
        if self.use_bias:
            y = y + self.bias
        return y if self.activation is None else self.activation(y)

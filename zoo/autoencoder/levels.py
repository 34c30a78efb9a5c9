"""The levels of encoder and decoder, and which input sizes they allow."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import keras
from keras import layers

from zoo import sub_pixel

Pair = tuple[int, int]


def _pair(value, name: str) -> Pair:
    pair = tuple(value) if isinstance(value, list | tuple) else (value, value)
    if len(pair) != 2 or not all(isinstance(size, int) and size > 0 for size in pair):
        raise ValueError(
            f"each of {name} must be a positive integer or a pair of them. Received: {value!r}"
        )
    return pair


@dataclass(frozen=True)
class Level:
    """One level: filters, and kernel and stride of both axes."""

    filters: int
    kernel: Pair
    strides: Pair


def make_levels(conv_filters, conv_kernels, conv_strides) -> tuple[Level, ...]:
    """Returns the levels, outermost first.

    Raises:
        ValueError: if there is none, the arguments differ in length, or a value is no size.
    """
    lengths = {len(conv_filters), len(conv_kernels), len(conv_strides)}
    if len(lengths) != 1 or not conv_filters:
        raise ValueError(
            "conv_filters, conv_kernels and conv_strides must have one value a level each. "
            f"Received: {conv_filters=}, {conv_kernels=}, {conv_strides=}"
        )
    for filters in conv_filters:
        if not isinstance(filters, int) or filters < 1:
            raise ValueError(
                f"conv_filters must be positive integers. Received: conv_filters={conv_filters}"
            )
    kernels = [_pair(kernel, "conv_kernels") for kernel in conv_kernels]
    strides = [_pair(stride, "conv_strides") for stride in conv_strides]
    return tuple(map(Level, conv_filters, kernels, strides))


def check_input_shape(input_shape: Sequence[int], levels: Sequence[Level]) -> None:
    """Raises `ValueError`, naming what would fit, unless the strides divide the input's sizes."""
    shape = tuple(input_shape)
    if len(shape) != 3 or not all(isinstance(size, int) and size > 0 for size in shape):
        raise ValueError(
            "input_shape must be (rows, columns, channels), all positive. "
            f"Received: input_shape={shape}"
        )
    for axis, name in enumerate(("rows", "columns")):
        divisor = math.prod(level.strides[axis] for level in levels)
        below = shape[axis] // divisor * divisor
        if below != shape[axis]:
            fitting = [str(size) for size in (below, below + divisor) if size]
            raise ValueError(
                f"the strides divide the {name} by {divisor}: {' or '.join(fitting)} would fit. "
                f"Received: input_shape={shape}"
            )


def apply_encoder_level(x, level: Level, *, name: str, dtype=None):
    """Convolution, ReLU, batch normalisation."""
    x = layers.Conv2D(
        level.filters,
        level.kernel,
        strides=level.strides,
        padding="same",
        dtype=dtype,
        name=f"{name}_conv",
    )(x)
    x = layers.ReLU(dtype=dtype, name=f"{name}_activation")(x)
    return layers.BatchNormalization(dtype=dtype, name=f"{name}_norm")(x)


def _transposed(filters: int, level: Level, *, name: str, dtype=None) -> layers.Layer:
    """The transposed convolution of a level."""
    options = {"strides": level.strides, "padding": "same", "dtype": dtype, "name": f"{name}_conv"}
    square = len({*level.kernel}) == len({*level.strides}) == 1
    if filters > 2 or not square or level.strides[0] == 1 or level.kernel < level.strides:
        return layers.Conv2DTranspose(filters, level.kernel, **options)
    return sub_pixel.Conv2DTranspose(filters, level.kernel, **options)


def apply_decoder_level(x, level: Level, *, name: str, dtype=None):
    """Transposed convolution, ReLU, batch normalisation."""
    x = _transposed(level.filters, level, name=name, dtype=dtype)(x)
    x = layers.ReLU(dtype=dtype, name=f"{name}_activation")(x)
    return layers.BatchNormalization(dtype=dtype, name=f"{name}_norm")(x)


def build_decoder(
    shape: Sequence[int], channels: int, levels: Sequence[Level], *, latent: int, dtype=None
) -> keras.Model:
    """Returns the mirror of the encoder.

    Args:
        shape: of the encoder's innermost feature maps, `(rows, columns, filters)`.
        channels: of the output.
        levels: of the encoder, outermost first.
        latent: size of a latent.
        dtype: policy of the layers.

    Returns:
        A model latent `(batch, latent)` -> `(batch, rows, columns, channels)` in (0, 1).
    """
    inputs = keras.Input((latent,), name="latent")
    x = layers.Dense(math.prod(shape), dtype=dtype, name="decoder_dense")(inputs)
    x = layers.Reshape(shape, dtype=dtype, name="decoder_reshape")(x)
    for number in range(len(levels), 1, -1):
        x = apply_decoder_level(x, levels[number - 1], name=f"decoder_{number}", dtype=dtype)
    x = _transposed(channels, levels[0], name="decoder_1", dtype=dtype)(x)
    x = layers.Activation("sigmoid", dtype="float32", name="decoder_output")(x)
    return keras.Model(inputs, x, name="decoder")

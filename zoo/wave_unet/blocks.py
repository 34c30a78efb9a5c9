"""Blocks of the Wave-U-Net's diagram."""

from keras import layers

from zoo.tiled_convolution import TiledConv1D
from zoo.wave_unet.interpolated_convolution import InterpolatedConvolution
from zoo.wave_unet.layers import CropConcatenate, Decimation, TransposedUpsampling

# From here on inwards there are too few samples for what a kernel's spectrum costs.
_TILED_LEVELS = 9


def apply_convolution(
    x,
    filters,
    kernel_size,
    *,
    padding,
    leakiness,
    name,
    level=_TILED_LEVELS,
    dilation=1,
    dtype=None,
):
    """Convolution and leaky ReLU; `level` of the encoder, counted from the outermost, 0."""
    convolution = TiledConv1D if level < _TILED_LEVELS else layers.Conv1D
    options = {"dilation_rate": dilation, "padding": padding, "dtype": dtype}
    x = convolution(filters, kernel_size, name=f"{name}_conv", **options)(x)
    return layers.LeakyReLU(negative_slope=leakiness, dtype=dtype, name=f"{name}_activation")(x)


def apply_downsampling(x, kind, *, padding, name, dtype=None):
    """Every second sample, of the signal, of a convolution of it, or of the maximum of two."""
    if kind == "decimate":
        return Decimation(dtype=dtype, name=name)(x)
    if kind == "max_pool":
        return layers.MaxPooling1D(2, padding="valid", dtype=dtype, name=name)(x)
    return layers.Conv1D(x.shape[-1], 3, strides=2, padding=padding, dtype=dtype, name=name)(x)


def apply_decoder_level(
    x, skip, filters, kernel_size, *, upsampling, padding, leakiness, name, dtype=None
):
    """Upsampling, skip connection, convolution and leaky ReLU."""
    context = padding == "valid"
    if upsampling == "transposed":
        x = TransposedUpsampling(context=context, dtype=dtype, name=f"{name}_upsampling")(x)
        x = CropConcatenate(dtype=dtype, name=f"{name}_skip")((skip, x))
        options = {"padding": padding, "leakiness": leakiness, "dtype": dtype}
        return apply_convolution(x, filters, kernel_size, name=name, **options)
    x = InterpolatedConvolution(
        filters,
        kernel_size,
        context=context,
        learned=upsampling == "learned",
        dtype=dtype,
        name=f"{name}_conv",
    )((skip, x))
    return layers.LeakyReLU(negative_slope=leakiness, dtype=dtype, name=f"{name}_activation")(x)


def apply_output(x, channels, kernel_size, *, padding, name, dtype=None):
    """One source: convolution and tanh, the latter in single precision."""
    x = layers.Conv1D(channels, kernel_size, padding=padding, dtype=dtype, name=f"{name}_conv")(x)
    return layers.Activation("tanh", dtype="float32", name=f"{name}_tanh")(x)

"""The Wave-U-Net against its arithmetic written out in NumPy."""

import numpy as np
import pytest

from zoo.wave_unet.interpolated_convolution import InterpolatedConvolution
from zoo.wave_unet.layers import Decimation, crop_centre
from zoo.wave_unet.variants import DOWNSAMPLING, UPSAMPLING

from .small_wave_unet import noise, small_wave_unet


def convolve(x, layer, *, same, stride=1, dilation=1):
    """`(samples, in)` -> `(samples, out)`, tap by tap."""
    kernel, bias = (np.asarray(variable, "float64") for variable in (layer.kernel, layer.bias))
    reach = (len(kernel) - 1) * dilation + 1
    if same:
        made = -(-len(x) // stride)
        missing = max((made - 1) * stride + reach - len(x), 0)
        x = np.pad(x, ((missing // 2, missing - missing // 2), (0, 0)))
    made = (len(x) - reach) // stride + 1
    taps = (x[tap * dilation :: stride][:made] @ kernel[tap] for tap in range(len(kernel)))
    return sum(taps) + bias


def upsample(x, kind, layer, *, context):
    if kind == "transposed":
        kernel, bias = (np.asarray(variable, "float64") for variable in layer.convolution.weights)
        grown = np.zeros((2 * len(x) + 1, x.shape[1]))
        for sample in range(len(x)):
            for tap in range(3):
                grown[2 * sample + tap] += kernel[tap] @ x[sample]
        grown += bias
        return grown[1:-1] if context else grown[1:]
    learned = kind == "learned"
    weight = 1 / (1 + np.exp(-np.asarray(layer.interpolation, "float64"))) if learned else 0.5
    after = np.zeros((1, x.shape[1])) if learned else x[-1:]
    following = np.concatenate((x[1:], after))
    grown = np.zeros((2 * len(x), x.shape[1]))
    grown[0::2], grown[1::2] = x, weight * x + (1 - weight) * following
    return grown[:-1] if context else grown


def downsample(x, kind, layer, *, same):
    if kind == "strided":
        return convolve(x, layer, same=same, stride=2)
    whole = x[: len(x) // 2 * 2]
    return x[::2] if kind == "decimate" else np.maximum(whole[::2], whole[1::2])


def crop(x, samples):
    before = (len(x) - samples) // 2
    return x[before : before + samples]


def reference(model, mixture):
    """All full-rate outputs of a mixture `(samples, channels)`, in double precision."""

    def block(x, name, dilation=1):
        x = convolve(x, model.get_layer(f"{name}_conv"), same=same, dilation=dilation)
        return np.where(x > 0, x, model.leakiness * x)

    same, levels = not model.context, range(model.levels)
    dilation = model.dilation
    dilation = dilation if isinstance(dilation, tuple) else (dilation,) * (model.levels + 1)
    x, skips = mixture.astype("float64"), []
    for level in levels:
        name = f"encoder_{level + 1}"
        skips.append(block(x, name, dilation[level]))
        layer = model.get_layer(f"{name}_downsampling")
        x = downsample(skips[-1], model.downsampling, layer, same=same)
    x = block(x, "bottleneck", dilation[-1])
    for level in reversed(levels):
        name = f"decoder_{level + 1}"
        part = "upsampling" if model.upsampling == "transposed" else "conv"
        layer = model.get_layer(f"{name}_{part}")
        x = upsample(x, model.upsampling, layer, context=model.context)
        x = block(np.concatenate((crop(skips[level], len(x)), x), axis=1), name)
    x = np.concatenate((crop(mixture, len(x)), x), axis=1)
    difference = model.output_type == "difference"
    outputs = {
        source: np.tanh(convolve(x, model.get_layer(f"{source}_conv"), same=same))
        for source in model.sources[: -1 if difference else None]
    }
    if difference:
        rest = crop(mixture, len(x) - (0 if same else model.output_kernel_size - 1))
        outputs[model.sources[-1]] = np.clip(rest - sum(outputs.values()), -1, 1)
    return outputs


def largest_error(variant="M1", *, wanted=40, spread=0.2, **options):
    """Of a small network's outputs for two mixtures of at least `wanted` samples."""
    model = small_wave_unet(variant, spread=spread, **options)
    mixture = noise(2, model.input_samples(wanted), model.channels)
    outputs = model(mixture)
    errors = []
    for row in range(2):
        expected = reference(model, mixture[row])
        assert list(expected) == list(outputs)
        for source, stem in expected.items():
            assert outputs[source][row].shape == stem.shape
            errors.append(np.abs(outputs[source][row] - stem).max())
    return max(errors)


@pytest.mark.parametrize("variant", ["M1", "M2", "M3", "M4", "M5", "M5-HighSR", "M6", "M7"])
def test_variants(variant):
    assert largest_error(variant) <= 1e-5


@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize("upsampling", UPSAMPLING)
@pytest.mark.parametrize("downsampling", DOWNSAMPLING)
def test_resampling(context, upsampling, downsampling):
    assert largest_error(context=context, upsampling=upsampling, downsampling=downsampling) <= 1e-5


@pytest.mark.parametrize(
    "options",
    [
        {"dilation": 2},
        {"dilation": (1, 2, 4, 3)},
        {"output_kernel_size": 3},
        {"kernel_size": 7, "decoder_kernel_size": 1},
        {"leakiness": 0.01},
        {"levels": 1},
        {"channels": 3, "sources": ("one",), "output_type": "direct"},
    ],
)
@pytest.mark.parametrize("variant", ["M2", "M4"])
def test_other_arguments(variant, options):
    assert largest_error(variant, **options) <= 1e-5


@pytest.mark.parametrize("variant", ["M1", "M5"])
def test_widths_and_kernels_that_are_computed_by_tiles(variant):
    assert largest_error(variant, levels=2, initial_filters=32, kernel_size=15, spread=0.01) <= 1e-5


@pytest.mark.parametrize("context", [False, True])
@pytest.mark.parametrize("upsampling", UPSAMPLING)
@pytest.mark.parametrize("decoder_kernel_size", [3, 5, 9])
def test_the_shortest_windows(context, upsampling, decoder_kernel_size):
    options = {"upsampling": upsampling, "decoder_kernel_size": decoder_kernel_size}
    assert largest_error(context=context, **options, wanted=1) <= 1e-5


@pytest.mark.parametrize("kernel_size", [2, 4])
def test_even_kernels_without_context(kernel_size):
    assert largest_error(kernel_size=kernel_size, decoder_kernel_size=kernel_size) <= 1e-5


def column(*values):
    return np.array(values, "float32").reshape(1, -1, 1)


def test_interpolation_by_hand():
    x, nothing = column(1, 3, -2), column(*[0] * 6)

    def upsampled(context, learned=False):
        layer = InterpolatedConvolution(1, 1, context=context, learned=learned)
        layer.build((nothing.shape, x.shape))
        if learned:
            layer.interpolation.assign([np.log(3)])  # the sigmoid of which is 3/4
        layer.kernel.assign([[[1], [1]]])
        return layer((nothing, x))

    assert np.allclose(upsampled(context=True), column(1, 2, 3, 0.5, -2))
    assert np.allclose(upsampled(context=False), column(1, 2, 3, 0.5, -2, -2))
    assert np.allclose(upsampled(context=True, learned=True), column(1, 1.5, 3, 1.75, -2))
    assert np.allclose(upsampled(context=False, learned=True), column(1, 1.5, 3, 1.75, -2, -1.5))


def test_decimation_and_crop_by_hand():
    assert np.array_equal(Decimation()(column(0, 1, 2, 3, 4)), column(0, 2, 4))
    assert np.array_equal(Decimation()(column(0, 1, 2, 3)), column(0, 2))
    # A surplus of 3 loses one in front and two behind.
    assert np.array_equal(crop_centre(column(0, 1, 2, 3, 4), 2), column(1, 2))
    assert np.array_equal(crop_centre(column(0, 1), 2), column(0, 1))

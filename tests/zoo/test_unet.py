"""The classic U-Net: exact sizes, any image, masks of spectrograms, saving."""

import json

import keras
import numpy as np
import pytest
from scipy import ndimage, signal

from zoo import FrontEnd, Separator, UNet, load_preset
from zoo.map_upsampling import BilinearUpsampling, CropTo

FRONT_END = FrontEnd(frame_length=128, frame_step=96, bins=64, frames=16)


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


def uniform(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape).astype("float32")


def shaken(model, seed=0):
    """The model with weights and statistics unlike fresh ones."""
    random = np.random.default_rng(seed)
    for variable in model.weights:
        value = np.asarray(variable) + random.normal(0, 0.2, variable.shape)
        variable.assign(np.abs(value) + 0.1 if "variance" in variable.path else value)
    return model


@pytest.mark.parametrize(
    ("channels", "upsampling", "parameters"),
    [
        ((1, 1), "transposed", 31_036_481),
        ((1, 1), "bilinear", 17_261_825),
        ((3, 2), "transposed", 31_037_698),
        ((3, 2), "bilinear", 17_263_042),
    ],
)
def test_parameters_are_those_of_the_public_design(channels, upsampling, parameters):
    model = UNet(*channels, upsampling=upsampling)
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert trainable == parameters
    # Statistics: a mean and a variance for each scale and each shift.
    norms = [v for v in model.trainable_variables if v.path.split("/")[-1] in ("gamma", "beta")]
    assert model.count_params() - parameters == sum(int(v.shape[0]) for v in norms)
    assert model.output_shape == (None, None, None, channels[1])


def reference(model, image):
    """The network in NumPy and SciPy, from its description."""

    def convolution(x, layer):
        kernel = np.asarray(layer.kernel)
        maps = [
            sum(
                signal.correlate(x[..., i], kernel[:, :, i, o], mode="same")
                for i in range(x.shape[-1])
            )
            for o in range(kernel.shape[-1])
        ]
        return np.stack(maps, axis=-1) + (np.asarray(layer.bias) if layer.use_bias else 0)

    def block(x, name):
        for number in (1, 2):
            x = convolution(x, model.get_layer(f"{name}_conv_{number}"))
            norm = model.get_layer(f"{name}_norm_{number}")
            mean, variance = np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)
            x = (x - mean) / np.sqrt(variance + 1e-5) * np.asarray(norm.gamma)
            x = np.maximum(x + np.asarray(norm.beta), 0)
        return x

    def pooled(x):
        height, width = (-(-size // 2) for size in x.shape[:2])
        pools = np.full((2 * height, 2 * width, x.shape[-1]), -np.inf)
        pools[: x.shape[0], : x.shape[1]] = x
        return pools.reshape(height, 2, width, 2, -1).max(axis=(1, 3))

    def upsampled(x, name):
        layer = model.get_layer(f"{name}_up")
        if model.upsampling == "bilinear":
            zoomed = [
                ndimage.zoom(x[..., c], 2, order=1, mode="nearest", grid_mode=True)
                for c in range(x.shape[-1])
            ]
            return np.stack(zoomed, axis=-1)
        # (row, column, tap row, tap column, filter): the taps of a pixel meet no other's.
        taps = np.einsum("hwi,rcoi->hrwco", x, np.asarray(layer.kernel))
        return taps.reshape(2 * x.shape[0], 2 * x.shape[1], -1) + np.asarray(layer.bias)

    x, skips, levels = image.astype("float64"), [], range(1, len(model.features) + 1)
    for level in levels:
        skips.append(block(x, f"encoder_{level}"))
        x = pooled(skips[-1])
    x = block(x, "bottleneck")
    for level in reversed(levels):
        skip = skips[level - 1]
        x = upsampled(x, f"decoder_{level}")[: skip.shape[0], : skip.shape[1]]
        x = block(np.concatenate((skip, x), axis=-1), f"decoder_{level}")
    return convolution(x, model.get_layer("output_conv"))


@pytest.mark.parametrize("upsampling", ["transposed", "bilinear"])
@pytest.mark.parametrize("size", [(8, 12), (11, 6)])
def test_the_network_is_the_described_one_at_even_and_odd_sizes(upsampling, size):
    model = shaken(UNet(2, 3, (3, 4), upsampling=upsampling, activation="linear"))
    image = uniform(*size, 2)
    wanted = reference(model, image)
    np.testing.assert_allclose(
        model(image[None])[0], wanted, rtol=1e-4, atol=1e-5 * np.abs(wanted).max()
    )


def test_bilinear_upsampling_has_half_pixel_centres():
    image = uniform(5, 4)
    wanted = ndimage.zoom(image, 2, order=1, mode="nearest", grid_mode=True)
    got = BilinearUpsampling()(image[None, ..., None])
    np.testing.assert_allclose(got[0, ..., 0], wanted, atol=1e-6)
    line = BilinearUpsampling()(np.float32([[[[8.0]], [[0.0]]]]))  # (1, 2, 1, 1)
    assert np.asarray(line)[0, :, :, 0].tolist() == [[8, 8], [6, 6], [2, 2], [0, 0]]


def test_a_map_that_fits_is_not_cut():
    large, small = uniform(1, 4, 6, 2), uniform(1, 3, 6, 5)
    assert np.array_equal(CropTo()((large, small)), large[:, :3])
    assert np.array_equal(CropTo()((large, large)), large)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (2, 3)])
def test_small_images_will_do(size):
    for upsampling in ("transposed", "bilinear"):
        model = UNet(1, 1, (2, 2, 2), upsampling=upsampling)
        assert model(uniform(2, *size, 1)).shape == (2, *size, 1)


def test_maps_are_probabilities_or_logits():
    image = uniform(1, 9, 8, 3)
    single = np.asarray(UNet(3, 1, (2,))(image))
    assert np.all((single > 0) & (single < 1))
    classes = shaken(UNet(3, 4, (2,)))
    np.testing.assert_allclose(np.sum(classes(image), axis=-1), 1, atol=1e-5)
    logits = UNet.from_config({**classes.get_config(), "activation": "linear"})
    logits.set_weights(classes.get_weights())
    np.testing.assert_allclose(keras.ops.softmax(logits(image)), classes(image), atol=1e-6)


@pytest.mark.parametrize("layout", ["bins_frames", "frames_bins"])
@pytest.mark.parametrize("channels", [1, 2])
def test_with_a_front_end_the_output_is_mask_times_input(layout, channels):
    front_end = FrontEnd(bins=33, frames=7, layout=layout, channels=channels)
    model = shaken(UNet(channels, channels, (2, 3), front_end=front_end))
    mixture = uniform(2, *front_end.network_shape)
    mask = np.asarray(model.mask(mixture))
    assert np.all((mask > 0) & (mask < 1)) and np.ptp(mask) > 0.01
    np.testing.assert_allclose(model(mixture), mask * mixture, atol=1e-6)
    assert model.sample_rate == front_end.sample_rate


def test_a_separator_takes_it():
    separator = Separator(shaken(UNet(features=(2, 3), front_end=FRONT_END)))
    waveform = uniform(1, 5001, 2) - 0.5
    stems = separator(waveform)
    assert list(stems) == ["vocals", "accompaniment"]
    assert stems["vocals"].shape == waveform.shape
    np.testing.assert_allclose(sum(np.asarray(x) for x in stems.values()), waveform, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"features": ()}, "features must name.*Received: features="),
        ({"in_channels": 0}, "Received: in_channels=0"),
        ({"upsampling": "nearest"}, "Received: upsampling='nearest'"),
        ({"activation": "tanh"}, "Received: activation='tanh'"),
        ({"image_size": (3,)}, r"Received: image_size=\(3,\)"),
        ({"frames": 8}, "frames is for spectrograms"),
        ({"out_channels": 2, "front_end": FRONT_END}, "channels, 1. Received: out_channels=2"),
        ({"activation": "softmax", "front_end": FRONT_END}, "Received: activation='softmax'"),
        ({"image_size": (8, 8), "front_end": FRONT_END}, "image_size is for images"),
        ({"front_end": FrontEnd(normalization="min_max")}, "not for decibels"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        UNet(**arguments)


def test_without_front_end_it_has_no_mask():
    model = UNet(features=(2,))
    assert not hasattr(model, "mask")
    assert model.sample_rate is None


@pytest.mark.parametrize("front_end", [None, FRONT_END])
def test_files_and_presets_hold_all(front_end, tmp_path):
    size = {} if front_end else {"image_size": (32, 48)}
    model = shaken(UNet(features=(2, 3), upsampling="bilinear", front_end=front_end, **size))
    model.save(tmp_path / "model.keras")
    model.save_to_preset(tmp_path / "preset")
    image = uniform(1, 64, 16, 1)
    for loaded in (
        keras.saving.load_model(tmp_path / "model.keras", safe_mode=True),
        UNet.from_preset(tmp_path / "preset"),
        load_preset(tmp_path / "preset"),
    ):
        assert loaded.get_config() == model.get_config()
        assert (loaded.front_end, loaded.image_size) == (front_end, size.get("image_size"))
        assert np.array_equal(loaded(image), model(image))
    json.dumps(keras.saving.serialize_keras_object(model))


def test_trains_under_mixed_precision():
    model = UNet(features=(4, 8), dtype="mixed_bfloat16")
    assert model.get_layer("bottleneck_conv_1").compute_dtype == "bfloat16"
    # Operator by operator: to compile it would take longer.
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", run_eagerly=True)
    image = uniform(2, 8, 8, 1)
    losses = [model.train_on_batch(image, (image > 0.5).astype("float32")) for _ in range(5)]
    assert model(image).dtype == "float32"
    assert np.isfinite(losses).all() and losses[-1] < losses[0]

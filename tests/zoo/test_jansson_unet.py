"""The Jansson U-Net: exact sizes, any shape that fits, saving, precision."""

import json

import keras
import numpy as np
import pytest

from zoo import FrontEnd, JanssonUNet

SMALL = {"filters": (3, 4, 5), "front_end": FrontEnd(bins=64, frames=16)}


def patches(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape).astype("float32")


def test_the_paper_has_9826321_parameters():
    model = JanssonUNet()
    trainable = sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    assert (trainable, model.count_params()) == (9_823_313, 9_826_321)
    assert model.input_shape == model.output_shape == (None, 512, None, 1)
    widths = [model.get_layer(f"encoder_{i}_conv").filters for i in range(1, 7)]
    assert widths == [16, 32, 64, 128, 256, 512]
    widths = [model.get_layer(f"decoder_{i}_conv").filters for i in range(6, 0, -1)]
    assert widths == [256, 128, 64, 32, 16, 1]
    dropouts = [layer.name for layer in model.layers if isinstance(layer, keras.layers.Dropout)]
    assert dropouts == ["decoder_6_dropout", "decoder_5_dropout", "decoder_4_dropout"]


def test_dropout_never_touches_the_skip_connections():
    model = JanssonUNet(**SMALL)
    skip = model.get_layer("decoder_2_skip")
    names = [tensor._keras_history.operation.name for tensor in skip.input]
    assert names == ["decoder_2_dropout", "encoder_1_activation"]


def test_the_output_is_mask_times_input():
    model = JanssonUNet(**SMALL)
    mixture = patches(2, 64, 16, 1)
    mask = np.asarray(model.mask(mixture))
    assert np.all((mask > 0) & (mask < 1))
    assert np.allclose(model(mixture), mask * mixture, atol=1e-6)


@pytest.mark.parametrize("frames", [8, 16, 40])
def test_time_is_dynamic(frames):
    model = JanssonUNet(**SMALL)
    assert model(patches(1, 64, frames, 1)).shape == (1, 64, frames, 1)


def test_sizes_that_do_not_halve_are_refused():
    with pytest.raises(ValueError, match="divisible by 8.*Received: front_end.bins=100"):
        JanssonUNet(filters=(2, 2, 2), front_end=FrontEnd(bins=100))
    with pytest.raises(ValueError, match="Received: frames=100"):
        JanssonUNet(frames=100)
    with pytest.raises(ValueError, match="at least one level"):
        JanssonUNet(filters=())


def test_a_keras_file_holds_weights_and_front_end(tmp_path):
    front_end = FrontEnd(sample_rate=44100, frame_length=2048, frame_step=512, bins=1024, frames=64)
    model = JanssonUNet(filters=(2, 3), dropout=0.1, front_end=front_end)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert loaded.front_end == front_end
    assert loaded.get_config() == model.get_config()
    mixture = patches(1, 1024, 64, 1)
    assert np.array_equal(loaded(mixture), model(mixture))


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_trains_under_mixed_precision(policy):
    keras.utils.set_random_seed(0)
    model = JanssonUNet(**SMALL, dtype=policy)
    assert model.get_layer("encoder_1_conv").compute_dtype == policy.removeprefix("mixed_")
    model.compile(keras.optimizers.Adam(0.01), "mean_absolute_error")
    mixture = patches(4, 64, 16, 1)
    losses = []
    for _ in range(30):
        model.reset_metrics()
        losses.append(model.train_on_batch(mixture, 0.2 * mixture))
    assert model(mixture).dtype == "float32"
    assert losses[-1] < 0.7 * losses[0]


def test_config_is_plain_json():
    model = JanssonUNet(**SMALL, dtype="mixed_bfloat16")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    clone = keras.saving.deserialize_keras_object(config)
    assert clone.get_layer("encoder_1_conv").compute_dtype == "bfloat16"
    assert clone.front_end == SMALL["front_end"]

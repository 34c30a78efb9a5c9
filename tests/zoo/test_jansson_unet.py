"""The Jansson U-Net: exact sizes, any shape that fits, saving, precision."""

import json

import keras
import numpy as np
import pytest

from zoo import FrontEnd, JanssonUNet, Separator

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


STEREO = FrontEnd(sample_rate=8000, frame_length=64, frame_step=48, bins=32, frames=16, channels=2)
FOUR = ("vocals", "drums", "bass", "other")


def several(stems=FOUR, front_end=STEREO):
    """A network whose masks vary over stems and channels, unlike fresh weights'."""
    network = JanssonUNet(stems=stems, filters=(3, 4), front_end=front_end)
    rng = np.random.default_rng(1)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.4, variable.shape))
    return network


def test_several_stems_share_a_network(tmp_path):
    network = several()
    assert network.get_layer("decoder_1_conv").filters == 8
    mixture = patches(2, 32, 16, 2)
    masks = {stem: np.asarray(mask) for stem, mask in network.masks(mixture).items()}
    assert tuple(masks) == FOUR and not hasattr(network, "mask")
    for stem, output in network(mixture).items():
        assert np.allclose(output, masks[stem] * mixture, atol=1e-6)
    assert np.abs(masks["vocals"] - masks["bass"]).max() > 0.1
    assert np.abs(masks["bass"][..., 0] - masks["bass"][..., 1]).max() > 0.1
    network.save_to_preset(tmp_path / "preset")
    loaded = JanssonUNet.from_preset(tmp_path / "preset")
    assert loaded.get_config() == network.get_config()
    assert np.array_equal(loaded(mixture)["other"], network(mixture)["other"])


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_a_separator_of_several_stems_streams(channels):
    separator = Separator(several())
    assert (separator.stems, separator.residual, separator.overlap) == (FOUR, None, 4)
    waveform = np.random.default_rng(0).uniform(-1, 1, (1, 3001, channels)).astype("float32")
    whole = {stem: np.asarray(signal) for stem, signal in separator(waveform).items()}
    assert all(signal.shape == waveform.shape for signal in whole.values())
    stream = separator.streaming(1, channels=channels)
    state, drums = stream.initial_state(waveform[:, : stream.prime_samples]), []
    for start in (stream.prime_samples + n * stream.buffer_samples for n in range(2)):
        buffer = waveform[:, start : start + stream.buffer_samples]
        outputs = stream({"waveform": buffer, **state})
        drums.append(np.asarray(outputs["drums"]))
        state = {name: outputs[f"next_{name}"] for name in state}
    drums = np.concatenate(drums, axis=1)[:, stream.skip_samples :]
    size = drums.shape[1]
    assert size > stream.buffer_samples
    assert np.abs(drums - whole["drums"][:, :size]).max() < 1e-5
    rest = Separator(several(), residual="other")
    total = sum(np.asarray(signal) for signal in rest(waveform).values())
    assert np.abs(total - waveform).max() < 1e-5


def test_a_single_network_hears_stereo():
    network = several(None)
    mixture = patches(1, 32, 16, 2)
    assert network(mixture).shape == mixture.shape and not hasattr(network, "masks")
    mask = np.asarray(network.mask(mixture))
    assert np.abs(mask[..., 0] - mask[..., 1]).max() > 0.1


@pytest.mark.parametrize("stems", [("vocals",), ("vocals", "vocals"), ()])
def test_stems_are_several_names(stems):
    with pytest.raises(ValueError, match="two or more different names. Received: stems="):
        JanssonUNet(stems=stems)


def test_patches_of_another_layout_are_refused():
    with pytest.raises(ValueError, match="layout 'bins_frames'"):
        JanssonUNet(front_end=FrontEnd(layout="frames_bins"))

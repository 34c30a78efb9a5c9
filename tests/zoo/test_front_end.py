"""The front end's band, scaling and configuration."""

import keras
import numpy as np
import pytest

from zoo.front_end import FrontEnd


def spectrogram(front_end, samples=5000):
    waveform = np.random.default_rng(0).uniform(-1, 1, (1, samples)).astype("float32")
    return front_end.stft(waveform)


@pytest.mark.parametrize("first_bin,bins", [(1, 512), (0, 512), (0, 513), (10, 100)])
def test_band_is_cut_and_restored(first_bin, bins):
    front_end = FrontEnd(first_bin=first_bin, bins=bins)
    real, imaginary = spectrogram(front_end)
    magnitude = np.asarray(front_end.magnitude(real, imaginary))
    whole = np.hypot(real, imaginary)
    assert np.allclose(magnitude, whole[..., first_bin : first_bin + bins], rtol=1e-6)
    mask = np.asarray(front_end.restore_band(np.ones_like(magnitude)))
    assert mask.shape == whole.shape
    assert mask.sum(axis=-1).max() == bins
    assert np.array_equal(np.flatnonzero(mask[0, 0]), np.arange(first_bin, first_bin + bins))


def test_patches_are_divided_by_their_own_peaks():
    patches = np.random.default_rng(0).uniform(0, 50, (3, 128, 512)).astype("float32")
    inputs, scale = FrontEnd().normalize(patches)
    assert inputs.shape == (3, 512, 128, 1)
    assert np.allclose(np.max(inputs, axis=(1, 2, 3)), 1)
    assert np.allclose(FrontEnd().from_network(inputs) * scale, patches, rtol=1e-5)


def test_silence_stays_silence():
    quiet = np.full((1, 128, 512), 1e-6, "float32")
    inputs, _ = FrontEnd().normalize(quiet)
    assert np.max(inputs) < 1e-4
    inputs, _ = FrontEnd().normalize(0 * quiet)
    assert not np.any(inputs)


def test_normalization_can_be_left_out():
    patches = np.random.default_rng(0).uniform(0, 50, (2, 128, 512)).astype("float32")
    inputs, scale = FrontEnd(normalization="none").normalize(patches)
    assert np.array_equal(FrontEnd().from_network(inputs), patches)
    assert scale.shape == (2, 1, 1) and np.all(scale == 1)


def test_patch_samples_hold_exactly_one_patch():
    front_end = FrontEnd()
    samples = front_end.patch_samples()
    waveform = np.zeros((1, samples), "float32")
    assert front_end.stft(waveform, center=False)[0].shape[1] == front_end.frames
    assert front_end.stft(waveform[:, 1:], center=False)[0].shape[1] == front_end.frames - 1


def test_configuration_survives_serialisation():
    front_end = FrontEnd(sample_rate=44100, frame_length=4096, frame_step=1024, bins=2048)
    config = keras.saving.serialize_keras_object(front_end)
    assert keras.saving.deserialize_keras_object(config) == front_end


@pytest.mark.parametrize(
    "arguments",
    [
        {"bins": 513},
        {"normalization": "song"},
        {"first_bin": -1},
        {"sample_rate": 0},
        {"frames": 0},
        {"frame_length": 1023},
    ],
)
def test_impossible_configurations_are_refused(arguments):
    with pytest.raises(ValueError, match="Received: "):
        FrontEnd(**arguments)


@pytest.mark.parametrize("normalization", ["none", "peak"])
@pytest.mark.parametrize("layout", ["bins_frames", "frames_bins"])
def test_channels_of_a_patch_go_side_by_side(layout, normalization):
    front_end = FrontEnd(bins=5, frames=4, channels=2, layout=layout, normalization=normalization)
    magnitudes = np.random.default_rng(0).uniform(0, 9, (3, 2, 4, 5)).astype("float32")
    rows = magnitudes.reshape(6, 4, 5)  # (batch * channels, frames, bins)
    inputs, scale = front_end.normalize(rows)
    assert inputs.shape[1:] == front_end.network_shape
    order = (0, 3, 2, 1) if layout == "bins_frames" else (0, 2, 3, 1)
    peaks = magnitudes.max(axis=(1, 2, 3), keepdims=True) if normalization == "peak" else 1
    assert np.allclose(inputs, (magnitudes / peaks).transpose(order), rtol=1e-6)
    assert np.allclose(front_end.from_network(inputs) * scale, rows, rtol=1e-6)
    assert np.allclose(front_end.denormalize(inputs, scale), rows, rtol=1e-6)


def test_one_channel_knows_both_layouts():
    rows = np.random.default_rng(0).uniform(0, 9, (3, 4, 5)).astype("float32")
    front_end = FrontEnd(bins=5, frames=4, layout="frames_bins")
    assert np.array_equal(front_end.to_network(rows), rows[..., None])
    assert np.array_equal(front_end.from_network(rows[..., None]), rows)
    assert front_end.network_shape == (4, 5, 1)


@pytest.mark.parametrize(
    "wrong", [{"layout": "rows"}, {"channels": 0}, {"channels": 2, "normalization": "min_max"}]
)
def test_layouts_that_do_not_exist_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"Received: {next(iter(wrong))}="):
        FrontEnd(**wrong)

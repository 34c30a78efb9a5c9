"""What the signatures of a separator's files get of one and the same signal."""

import numpy as np
import pytest

import zoo


@pytest.fixture(scope="module")
def separator():
    front_end = zoo.FrontEnd(8000, frame_length=64, frame_step=48, bins=32, frames=16)
    return zoo.Separator(zoo.JanssonUNet(filters=(2, 4), front_end=front_end))


def signal(samples):
    return np.random.default_rng(0).uniform(-0.5, 0.5, (2, samples, 2)).astype("float32")


def test_stream_is_the_beginning_of_the_whole(separator):
    stream = separator.streaming(1, channels=2)
    waveform = signal(4 * stream.buffer_samples)
    shapes = {"waveform": (1, stream.buffer_samples, 2)}
    outputs = stream(separator.export_examples("stream", shapes, waveform))
    whole = separator(waveform[:1])
    skip, size = stream.skip_samples, stream.buffer_samples
    for stem in separator.stems:
        np.testing.assert_allclose(
            outputs[stem][:, skip:], whole[stem][:, : size - skip], atol=1e-5
        )


@pytest.mark.parametrize("samples", [100, 5000])
def test_mask_gets_a_normalised_patch(samples, separator):
    inputs = separator.export_examples("mask", {"mixture": (1, 32, 16, 1)}, signal(samples))
    assert inputs["mixture"].shape == (1, 32, 16, 1)
    assert inputs["mixture"].min() >= 0 and inputs["mixture"].max() == 1


def test_a_mask_is_judged_by_what_it_lets_through(separator):
    inputs = separator.export_examples("mask", {"mixture": (1, 32, 16, 1)}, signal(5000))
    quiet = inputs["mixture"] < 0.05
    mask = {"vocals": np.where(quiet, 1, 0.5).astype("float32")}
    heard = separator.export_heard("mask", inputs, mask)["vocals"]
    np.testing.assert_array_equal(heard[~quiet], 0.5 * inputs["mixture"][~quiet])
    assert quiet.any() and heard[quiet].max() < 0.05
    assert separator.export_heard("stream", {}, mask) is mask


def test_short_signals_end_in_silence(separator):
    shapes = {"waveform": (1, None, 2)}
    inputs = separator.export_examples("stream", shapes, signal(10))
    stream = separator.streaming(1, channels=2)
    assert inputs["waveform"].shape == (1, stream.buffer_samples, 2)
    assert not inputs["waveform"].any() and inputs["context"].any()

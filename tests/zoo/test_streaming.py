"""Buffers through `zoo.StreamingSeparator`, against the whole signal in one piece."""

from dataclasses import replace

import keras
import numpy as np
import pytest

import zoo

FRONT_END = zoo.FrontEnd(frame_length=64, frame_step=24, bins=32, frames=16)


def mask_separator(**options):
    network = zoo.JanssonUNet(filters=(2, 3), front_end=FRONT_END)
    other = zoo.JanssonUNet(filters=(3,), front_end=FRONT_END)
    return zoo.Separator({"vocals": network, "drums": other}, **options)


SEPARATORS = {
    "masks": mask_separator,
    "masks_without_overlap": lambda: mask_separator(overlap=0),
    "masks_of_whole_frames": lambda: zoo.Separator(
        zoo.JanssonUNet(filters=(2,), front_end=replace(FRONT_END, frame_step=64))
    ),
    "crossfade_without_overlap": lambda: zoo.Separator(
        zoo.WaveUNet("M1", levels=3, initial_filters=2), window=256, overlap=0
    ),
    "context": lambda: zoo.Separator(zoo.WaveUNet("M4", levels=3, initial_filters=2)),
    "crossfade": lambda: zoo.Separator(
        zoo.WaveUNet("M1", levels=3, initial_filters=2, channels=1), window=256
    ),
}


@pytest.fixture(scope="module", params=SEPARATORS)
def separator(request):
    keras.utils.set_random_seed(3)
    separator = SEPARATORS[request.param]()
    for variable in separator.trainable_variables:
        variable.assign(np.random.default_rng(len(variable.path)).normal(0, 0.2, variable.shape))
    return separator


def streamed(stream, signal, buffer):
    """What an application does: state in, state out, and the rule for the signal's end."""
    samples = signal.shape[1]
    needed = samples + stream.latency_samples + buffer
    end = np.concatenate([signal[:, ::-1], signal] * needed, axis=1)[:, :needed]
    if stream.end == "silence":
        end = np.zeros_like(end)
    endless = np.concatenate((signal, end), axis=1)
    state = stream.initial_state(endless[:, : stream.prime_samples])
    position, pieces = stream.prime_samples, []
    while sum(next(iter(p.values())).shape[1] for p in pieces) < samples + stream.skip_samples:
        given = endless[:, position : position + buffer]
        outputs = stream({"waveform": given, **state})
        pieces.append({stem: np.asarray(outputs[stem]) for stem in stream.separator.stems})
        state = {name: np.asarray(outputs[f"next_{name}"]) for name in state}
        position += buffer
    start, stop = stream.skip_samples, stream.skip_samples + samples
    return {
        stem: np.concatenate([piece[stem] for piece in pieces], axis=1)[:, start:stop]
        for stem in stream.separator.stems
    }


@pytest.mark.parametrize(("patches", "length"), [(1, 2000), (None, 2000), (1, 1)])
def test_equals_the_whole_signal(separator, patches, length):
    stream = separator.streaming(patches)
    # Forty buffers tell as much as hundreds of small ones.
    length = min(length, 40 * separator.step_samples)
    signal = np.random.default_rng(length).uniform(-1, 1, (1, length, stream.channels))
    signal = signal.astype("float32")
    whole = separator(signal)
    buffer = (patches or 2) * separator.step_samples
    for stem, got in streamed(stream, signal, buffer).items():
        assert np.abs(whole[stem]).max() > 1e-3
        assert np.abs(got - whole[stem]).max() <= 1e-5 * np.abs(whole[stem]).max()


def test_latency_is_that_of_one_patch(separator):
    stream = separator.streaming()
    # A sample comes out once the call that its successor `latency_samples` later ends has run.
    fed = stream.prime_samples + stream.buffer_samples
    assert fed + stream.skip_samples == stream.latency_samples
    if separator.front_end:
        # Not one sample more than the network needs to see at once.
        assert stream.latency_samples == separator.front_end.patch_samples()
    else:
        assert stream.latency_samples <= separator.step_samples + separator.lookahead_samples


def test_nothing_is_kept_inside(separator):
    stream = separator.streaming()
    signal = np.ones((1, stream.buffer_samples + stream.prime_samples, stream.channels), "float32")
    state = stream.initial_state(signal[:, : stream.prime_samples])
    inputs = {"waveform": signal[:, stream.prime_samples :], **state}
    first = {name: np.asarray(x) for name, x in stream(inputs).items()}
    again = stream(inputs)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert first.keys() == {*separator.stems, *(f"next_{name}" for name in state)}
    for name, array in state.items():
        assert first[f"next_{name}"].shape == array.shape


def test_round_trip_of_its_config(separator):
    stream = separator.streaming(2)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(stream))
    assert again.export_facts == stream.export_facts
    assert again.separator.stems == separator.stems


def test_channels():
    stream = mask_separator().streaming(channels=1)
    assert (
        stream.export_inputs["waveform"].shape[2]
        == stream.initial_state(np.zeros((1, stream.prime_samples, 1)))["context"].shape[2]
    )
    for name in ("patches", "channels"):
        with pytest.raises(ValueError, match=rf"{name} must be positive. Received: {name}=0"):
            zoo.StreamingSeparator(mask_separator(), **{name: 0})


def test_patches_that_do_not_reach_across_a_frame():
    front_end = zoo.FrontEnd(frame_length=64, frame_step=8, bins=32, frames=4)
    network = zoo.JanssonUNet(filters=(2,), front_end=front_end)
    with pytest.raises(ValueError, match="move forward by 56 samples at least.*frames=4"):
        zoo.Separator(network)

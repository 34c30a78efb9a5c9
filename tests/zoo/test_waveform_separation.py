"""Separators around waveform networks, against the network run by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import Separator
from zoo.channel_groups import grouped, ungrouped

from .conftest import noise, tiny_wave_unet

NETWORKS = {
    "M1": {"variant": "M1"},
    "M2 stereo": {"variant": "M2", "channels": 2, "upsampling": "learned"},
    "M4": {"variant": "M4"},
    "M5": {"variant": "M5"},
    "M6": {"variant": "M6"},
    "M3 strided": {"variant": "M3", "downsampling": "strided", "upsampling": "transposed"},
    "M4 scales": {"variant": "M4", "downsampling": "max_pool", "scales": 3, "dilation": 2},
}
WITH_CONTEXT = [name for name in NETWORKS if name[:2] not in ("M1", "M2")]


@pytest.fixture(scope="module")
def separators():
    made = {name: Separator(tiny_wave_unet(**settings)) for name, settings in NETWORKS.items()}
    for name in list(made):
        (network,) = made[name].networks.values()
        made[f"{name} published"] = Separator(network, residual=None)
    return made


def arrays(stems):
    return {stem: np.asarray(signal) for stem, signal in stems.items()}


def network_of(separator):
    (network,) = separator.networks.values()
    return network


def in_one_window(network, mixture):
    """A network with context on `(samples, channels)`, silence around it: what it should give."""
    samples = len(mixture)
    window = network.input_samples(samples)
    front = (window - network.output_samples(window)) // 2
    padded = np.pad(mixture, ((front, window - front - samples), (0, 0)))
    return {stem: x[0, :samples] for stem, x in arrays(network(padded[None])).items()}


def in_windows(separator, mixture):
    """A network without context, window by window, each added with its weight."""
    network, window, overlap = network_of(separator), separator.window, separator.overlap
    samples, hop = len(mixture), window - overlap
    count = -(-samples // hop)
    padded = np.pad(mixture, ((0, count * hop + overlap - samples), (0, 0)))
    place = np.arange(window) + 0.5
    edge = np.minimum(place, window - place) / overlap
    weight = np.sin(np.pi / 2 * np.minimum(edge, 1))[:, None] ** 2
    total, weights = {}, np.zeros((len(padded), 1))
    for start in range(0, count * hop, hop):
        here = slice(start, start + window)
        weights[here] += weight
        for stem, x in arrays(network(padded[None, here])).items():
            total.setdefault(stem, np.zeros(padded.shape))[here] += weight * x[0]
    return {stem: (x / weights)[:samples] for stem, x in total.items()}


def streamed(separator, mixture, patches):
    """A mixture `(1, samples, channels)` through `process`, as its docstring says."""
    step, samples = separator.step_samples, mixture.shape[1]
    count = -(-samples // step)
    padded = np.pad(
        mixture,
        (
            (0, 0),
            (
                separator.pad_samples,
                count * step + separator.lookahead_samples - separator.pad_samples - samples,
            ),
            (0, 0),
        ),
    )
    state, pieces = separator.initial_state(mixture.shape[2]), []
    for first in range(0, count, patches):
        last = min(first + patches, count)
        stretch = padded[:, first * step : last * step + separator.lookahead_samples]
        stems, uppers, state = separator.process(stretch, state)
        assert uppers == {}
        pieces.append(arrays(stems))
    return {
        stem: np.concatenate([piece[stem] for piece in pieces], axis=1)[:, :samples]
        for stem in separator.stems
    }


@pytest.mark.parametrize("samples", [1, 1000, 1337])
@pytest.mark.parametrize("name", WITH_CONTEXT)
def test_context_gives_what_one_window_gives(separators, name, samples):
    separator = separators[f"{name} published"]
    network = network_of(separator)
    assert separator.stems == network.sources
    mixture = noise(1, samples, network.channels, seed=samples)
    expected = in_one_window(network, mixture[0])
    for stem, signal in arrays(separator(mixture)).items():
        assert signal.shape == mixture.shape
        assert signal.std() > 0.03 or samples == 1
        assert np.abs(signal[0] - expected[stem]).max() < 1e-5


@pytest.mark.parametrize("samples", [1, 1000, 1337])
@pytest.mark.parametrize("name", ["M1", "M2 stereo"])
def test_windows_without_context_are_crossfaded(separators, name, samples):
    separator = separators[f"{name} published"]
    mixture = noise(1, samples, network_of(separator).channels, seed=samples)
    expected = in_windows(separator, mixture[0])
    for stem, signal in arrays(separator(mixture)).items():
        assert signal.std() > 0.03 or samples == 1
        assert np.abs(signal[0] - expected[stem]).max() < 1e-5


@settings(max_examples=12)
@given(
    name=st.sampled_from(list(NETWORKS)),
    samples=st.integers(1, 700),
    patches=st.integers(1, 20),
    channels=st.integers(1, 3),
)
def test_chunks_do_not_change_the_output(separators, name, samples, patches, channels):
    separator = separators[name]
    mixture = noise(1, samples, channels, seed=samples)
    whole, chunked = arrays(separator(mixture)), streamed(separator, mixture, patches)
    for stem, expected in whole.items():
        assert np.abs(chunked[stem] - expected).max() < 1e-5


@pytest.mark.parametrize("name", list(NETWORKS))
def test_stems_add_up_to_the_mixture(separators, name):
    separator = separators[name]
    for channels in (1, 2, 3):
        mixture = noise(2, 501, channels)
        stems = arrays(separator(mixture))
        assert np.abs(sum(stems.values()) - mixture).max() < 1e-6
    published = arrays(separators[f"{name} published"](mixture))
    for stem in separator.stems[:-1]:
        assert np.abs(stems[stem] - published[stem]).max() < 1e-6


@pytest.mark.parametrize("name", ["M1", "M3 strided"])
def test_a_mono_network_hears_the_mean_of_the_channels(separators, name):
    separator = separators[name]
    mixture = noise(2, 500, 3)
    stems = arrays(separator(mixture))
    mean = arrays(separator(mixture.mean(axis=2, keepdims=True)))["vocals"]
    assert np.abs(mean).max() > 0.01
    assert np.abs(stems["vocals"] - mean).max() < 1e-6
    assert np.abs(sum(stems.values()) - mixture).max() < 1e-6


@pytest.mark.parametrize("name", ["M1", "M3 strided"])
def test_without_downmix_a_mono_network_separates_each_channel_by_itself(separators, name):
    separator = Separator(network_of(separators[name]), downmix=False)
    mixture = noise(2, 500, 3)
    together = arrays(separator(mixture))["vocals"]
    for channel in range(3):
        alone = arrays(separator(mixture[..., channel : channel + 1]))["vocals"]
        assert np.abs(together[..., channel] - alone[..., 0]).max() < 1e-6


@pytest.mark.parametrize("name", ["M2 stereo", "M4"])
def test_a_stereo_network_takes_channels_in_pairs(separators, name):
    separator = separators[name]
    mixture = noise(2, 500, 5)
    actual = arrays(separator(mixture))["vocals"]
    for first in (0, 2):
        pair = arrays(separator(mixture[..., first : first + 2]))["vocals"]
        assert np.abs(actual[..., first : first + 2] - pair).max() < 1e-6
    doubled = arrays(separator(np.repeat(mixture[..., 4:], 2, axis=2)))["vocals"]
    assert np.abs(doubled[..., 0] - doubled[..., 1]).max() > 0.01
    assert np.abs(actual[..., 4] - doubled.mean(axis=2)).max() < 1e-6
    mono = arrays(separator(mixture[..., 4:]))["vocals"]
    assert np.abs(mono[..., 0] - doubled.mean(axis=2)).max() < 1e-6


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_groups_of_channels_fit_together_again(size, channels):
    waveform = noise(2, 7, channels)
    groups = np.asarray(grouped(waveform, size))
    assert groups.shape == (2 * -(-channels // size), 7, size)
    assert np.allclose(ungrouped(groups[:, 2:], waveform), waveform[:, 2:], atol=1e-7)


def test_lengths_and_channels_may_be_unknown(separators):
    import tensorflow as tf

    for name in ("M1", "M2 stereo", "M4"):
        separator = separators[name]
        traced = tf.function(separator, input_signature=[tf.TensorSpec((None, None, None))])
        for shape in ((2, 333, 1), (1, 64, 2), (1, 100, 3)):
            mixture = noise(*shape)
            actual, expected = arrays(traced(mixture)), arrays(separator(mixture))
            for stem in separator.stems:
                assert np.abs(actual[stem] - expected[stem]).max() < 1e-5


def test_windows_longer_than_the_receptive_field_have_no_borders():
    """Where no window's end is near, all is as in one piece; where one is, nothing jumps."""
    network, samples, window, hop, reach = tiny_wave_unet("M1"), 1536, 512, 384, 60
    mixture = noise(1, samples, 1, seed=4)
    separator = Separator(network, residual=None, window=window, overlap=window - hop)
    crossfaded, in_one_piece = arrays(separator(mixture)), arrays(network(mixture))
    starts = range(0, samples, hop)
    side_by_side = [arrays(network(mixture[:, start : start + hop])) for start in starts]
    # The last one is that of the one piece.
    borders = np.array([*(edge for start in starts for edge in (start, start + window)), samples])
    borders = borders[borders > 0]
    near = np.abs(np.arange(samples)[:, None] - borders).min(axis=1) < reach
    assert 500 < (~near).sum() < 1000
    for stem, expected in in_one_piece.items():
        error = np.abs(crossfaded[stem] - expected)[0, :, 0]
        assert error[~near].max() < 1e-6
        cut = np.concatenate([piece[stem] for piece in side_by_side], axis=1)
        click = np.abs(cut - expected)[0, : samples - reach].max()
        assert error[: samples - reach].max() < 0.2 * click


@pytest.mark.parametrize("name", ["M1", "M4"])
def test_a_call_leaves_nothing_behind_for_the_next(separators, name):
    separator = separators[name]
    first = arrays(separator(noise(1, 600, 2)))
    separator(noise(1, 900, 2, seed=1))
    again = arrays(separator(noise(1, 600, 2)))
    assert all(np.array_equal(first[stem], again[stem]) for stem in first)


@pytest.mark.parametrize("name", list(NETWORKS))
def test_silence_gives_what_the_network_says(separators, name):
    separator = separators[f"{name} published"]
    network = network_of(separator)
    silence = np.zeros((1, 64, network.channels), "float32")
    by_hand = (
        in_one_window(network, silence[0]) if network.context else in_windows(separator, silence[0])
    )
    for stem, signal in arrays(separator(silence)).items():
        assert np.isfinite(signal).all()
        assert np.abs(signal[0] - by_hand[stem]).max() < 1e-6


def test_longest_waveform_for_a_number_of_windows(separators):
    for name in ("M1", "M4"):
        separator = separators[name]
        for patches in (1, 3):
            samples = separator.patches_samples(patches)
            assert separator.grid.patches(samples) == patches
            assert separator.grid.patches(samples + 1) == patches + 1


def test_examples_for_exporters_fit_the_network(separators):
    for name, channels in (("M1", 1), ("M4", 2)):
        separator = separators[name]
        assert separator.export_inputs["waveform"].shape == (None, None, channels)
        for example in separator.export_example_shapes:
            assert example["waveform"][2] == channels
            stems = separator(np.zeros(example["waveform"], "float32"))
            assert stems["vocals"].shape == example["waveform"]

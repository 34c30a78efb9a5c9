"""Spleeter's networks: the original program's outputs, masks, saving, precision, refusals."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from zoo import SpleeterUNet, load_preset
from zoo.portability import portable_operators
from zoo.spleeter_blocks import Share
from zoo.spleeter_unet import VARIANTS

from .small_spleeter import SMALL, TINY, fixture, original_spleeter, tiny_spleeter

INPUT = "mix_spectrogram"
TOLERANCE = 1.5e-4


@pytest.fixture(scope="module")
def two_stems():
    """At full size, but for the length of patches, which is any."""
    return original_spleeter("2stems")


def magnitudes(*shape, seed=0, level=3.0):
    return np.random.default_rng(seed).uniform(0, level, shape).astype("float32")


def assert_original(network, mixture, expected):
    outputs = network(mixture)
    assert list(outputs) == list(network.stems)
    for stem, output in outputs.items():
        wanted, output = expected[f"{stem}_spectrogram"], np.asarray(output)
        if "indices" in expected:
            output = output.reshape(-1)[expected["indices"]]
        assert output.shape == wanted.shape
        assert np.abs(output - wanted).max() < TOLERANCE


def test_outputs_are_the_originals():
    network = original_spleeter("2stems", bins=128)
    assert network.count_params() == 2 * 9_826_759
    assert len(network.weights) == 2 * 74
    assert_original(network, np.load(SMALL / "input.npz")[INPUT], np.load(SMALL / "2stems.npz"))


def test_full_size_outputs_are_the_originals(two_stems):
    expected = fixture("spleeter-2stems/expected_full.npz")
    assert_original(two_stems, fixture("spleeter-2stems/input_full.npz")[INPUT], expected)


def test_outputs_of_five_stems_are_the_originals():
    expected = fixture("spleeter-5stems/expected_small.npz")
    network = original_spleeter("5stems", bins=128)
    assert_original(network, fixture("spleeter-5stems/input_small.npz")[INPUT], expected)


@pytest.mark.slow
def test_full_size_outputs_of_five_stems_are_the_originals():
    expected = fixture("spleeter-5stems/expected_full.npz")
    network = original_spleeter("5stems")
    assert_original(network, fixture("spleeter-5stems/input_full.npz")[INPUT], expected)


def test_variants_are_the_published_models():
    assert set(VARIANTS) == {f"{n}stems{band}" for n in (2, 4, 5) for band in ("", "-16kHz")}
    for variant, settings in VARIANTS.items():
        network = SpleeterUNet(variant, filters=(2,))
        front_end = network.front_end
        assert network.stems == settings["stems"] and len(network.stems) == int(variant[0])
        assert front_end.bins * 44100 / 4096 > (16_000 if "16kHz" in variant else 11_000)
        assert network.softmax == variant.startswith("5")
        assert network.activation == ("leaky_relu" if variant.startswith("2") else "elu")
        assert front_end.network_shape == (512, front_end.bins, 2)


@pytest.mark.parametrize(("variant", "exponent"), [("2stems", 2), ("5stems", 2), ("4stems", 1.5)])
def test_masks_are_the_published_ratio(variant, exponent):
    network = tiny_spleeter(variant, exponent=exponent)
    mixture = magnitudes(1, 8, 16, 2)
    mixture[:, :4] = 0
    masks = {stem: np.asarray(mask) for stem, mask in network.masks(mixture).items()}
    estimates = {stem: np.asarray(x, "float64") for stem, x in network(mixture).items()}
    total = sum(x**exponent for x in estimates.values()) + 1e-10
    for stem, mask in masks.items():
        expected = (estimates[stem] ** exponent + 1e-10 / len(masks)) / total
        assert np.abs(mask - expected).max() < 1e-5
        assert np.allclose(mask[:, :4], 1 / len(masks)), "silence is shared out evenly"
    assert np.abs(sum(masks.values()) - 1).max() < 1e-5


def test_a_softmax_shares_the_mixture_out():
    mixture = magnitudes(2, 8, 16, 2)
    assert np.allclose(sum(tiny_spleeter("5stems")(mixture).values()), mixture, atol=1e-5)
    assert not np.allclose(sum(tiny_spleeter("4stems")(mixture).values()), mixture, atol=0.1)


def test_what_is_next_to_nothing_keeps_its_digits_in_files():
    x = np.array([-100, -30, -15, 0, 15], "float32")
    with portable_operators():
        got = np.asarray(Share()(x))
    assert np.allclose(got, 1 / (1 + np.exp(-x.astype("float64"))), rtol=1e-6, atol=1e-40)
    assert np.allclose(got, Share()(x), rtol=1e-5, atol=1e-40)


def test_saved_models_are_the_same(tmp_path):
    network = tiny_spleeter("4stems", mask_extension="average", dropout=0.25, exponent=1)
    for variable in network.get_layer("bass_encoder_2_norm").weights:
        variable.assign(np.arange(1, 5))
    network.save(tmp_path / "network.keras")
    network.save_to_preset(tmp_path / "preset")
    mixture = magnitudes(1, 8, 16, 2)
    for path in ("network.keras", "preset"):
        load = load_preset if path == "preset" else keras.saving.load_model
        loaded = load(tmp_path / path)
        assert loaded.get_config() == network.get_config()
        pairs = zip(loaded.weights, network.weights, strict=True)
        assert all(np.array_equal(ours, theirs) for ours, theirs in pairs)
        assert np.array_equal(loaded(mixture)["bass"], network(mixture)["bass"])


def test_half_precision_ends_in_single_precision():
    mixture = magnitudes(1, 8, 16, 2)
    network, single = (tiny_spleeter(dtype=dtype) for dtype in ("mixed_bfloat16", None))
    assert network.get_layer("vocals_encoder_1_conv").compute_dtype == "bfloat16"
    output = network(mixture)["vocals"]
    assert output.dtype == "float32"
    assert 0 < np.abs(np.asarray(output) - single(mixture)["vocals"]).max() < 0.5


@pytest.mark.parametrize(
    "arguments",
    [
        {"variant": "3stems"},
        {"stems": ("vocals",)},
        {"stems": ("vocals", "vocals")},
        {"filters": ()},
        {"activation": "tanh"},
        {"exponent": 0},
        {"mask_extension": "mean"},
        {"front_end": replace(TINY, bins=15)},
        {"front_end": replace(TINY, layout="bins_frames")},
        {"frames": 6},
    ],
)
def test_wrong_arguments_are_named(arguments):
    (name,) = arguments
    with pytest.raises(ValueError, match=rf"Received: (front_end\.)?{name}"):
        SpleeterUNet(**{"filters": (2, 2), "front_end": TINY, **arguments})

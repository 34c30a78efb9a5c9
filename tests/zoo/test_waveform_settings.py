"""What a separator around a waveform network can be told, keeps, and refuses."""

import keras
import numpy as np
import pytest

from zoo import Separator

from .conftest import noise, tiny_network, tiny_wave_unet


def arrays(stems):
    return {stem: np.asarray(signal) for stem, signal in stems.items()}


def test_which_stem_is_the_residual():
    two, four = tiny_wave_unet("M4"), tiny_wave_unet("M6")
    voices = tiny_wave_unet("M4", sources=("choir", "solo"))
    assert Separator(two).stems == ("vocals", "accompaniment")
    assert Separator(four).stems == ("bass", "drums", "vocals", "other")
    assert Separator(voices).stems == ("choir", "solo") and Separator(voices).residual is None
    assert Separator(two, residual="vocals").stems == ("accompaniment", "vocals")
    assert Separator(four, residual="rest").stems == (*four.sources, "rest")
    single = tiny_wave_unet("M1", sources=("other",))
    assert Separator(single).stems == ("other",)
    with pytest.raises(ValueError, match="Received: residual=other"):
        Separator(single, residual="other")


@pytest.mark.parametrize(
    "variant,options",
    [
        ("M1", {}),
        ("M1", {"window": 128, "overlap": 64, "residual": "vocals", "downmix": False}),
        ("M4", {}),
    ],
)
def test_configuration_survives_saving(variant, options, tmp_path):
    separator = Separator(tiny_wave_unet(variant), **options)
    separator.save(tmp_path / "separator.keras")
    separator.save_to_preset(tmp_path / "preset")
    mixture = noise(1, 500, 2)
    expected = arrays(separator(mixture))
    for loaded in (
        keras.saving.load_model(tmp_path / "separator.keras", safe_mode=True),
        Separator.from_preset(tmp_path / "preset"),
    ):
        assert loaded.stems == separator.stems
        assert (loaded.window, loaded.overlap) == (separator.window, separator.overlap)
        actual = arrays(loaded(mixture))
        assert all(np.array_equal(actual[stem], expected[stem]) for stem in expected)


def test_windows_are_what_the_network_was_trained_on():
    separator = Separator(tiny_wave_unet("M1", segment_samples=250))
    assert (separator.window, separator.overlap) == (256, 16)
    short = Separator(tiny_wave_unet("M1", segment_samples=8))
    assert (short.window, short.overlap) == (8, 0)
    assert Separator(tiny_wave_unet("M1"), window=120).overlap == 7


def test_what_cannot_be_is_refused():
    plain, context = tiny_wave_unet("M1"), tiny_wave_unet("M4")
    with pytest.raises(ValueError, match="not in a mapping"):
        Separator({"vocals": plain})
    with pytest.raises(ValueError, match="not in a mapping"):
        Separator({"vocals": tiny_network(), "drums": plain})
    with pytest.raises(ValueError, match="front_end|not in a mapping"):
        Separator(keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)]))
    with pytest.raises(ValueError, match="names its stems, accompaniment, vocals"):
        Separator(context, stem="vocals")
    for options in ({"window": 64}, {"overlap": 0}):
        with pytest.raises(ValueError, match="without context"):
            Separator(context, **options)
    for window in (100, 0):
        with pytest.raises(ValueError, match="multiple of 8 samples"):
            Separator(plain, window=window)
    for overlap in (-1, 33):
        with pytest.raises(ValueError, match="half a window, 32 samples.*Received: overlap="):
            Separator(plain, window=64, overlap=overlap)
    with pytest.raises(ValueError, match="window is for waveform networks"):
        Separator(tiny_network(), window=64)
    for network in (context, tiny_network()):
        with pytest.raises(ValueError, match="mono.*Received: downmix=False"):
            Separator(network, downmix=False)
    with pytest.raises(ValueError, match="has no masks"):
        Separator(plain).masks(noise(1, 100, 1))

"""How long the Wave-U-Net's inputs and outputs are, for every combination of its arguments."""

import json

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zoo import WaveUNet
from zoo.wave_unet.variants import DOWNSAMPLING, UPSAMPLING

from .small_wave_unet import noise, small_wave_unet


@st.composite
def configurations(draw):
    levels = draw(st.integers(1, 4))
    context = draw(st.booleans())
    kernels = st.sampled_from((1, 3, 5) if context else (1, 2, 3, 4, 5))
    dilations = st.integers(1, 3)
    return {
        "context": context,
        "levels": levels,
        "initial_filters": draw(st.integers(1, 3)),
        "kernel_size": draw(kernels),
        "decoder_kernel_size": draw(kernels),
        "output_kernel_size": draw(kernels),
        "upsampling": draw(st.sampled_from(sorted(UPSAMPLING))),
        "downsampling": draw(st.sampled_from(sorted(DOWNSAMPLING))),
        "output_type": draw(st.sampled_from(("direct", "difference"))),
        "channels": draw(st.integers(1, 3)),
        "sources": draw(st.sampled_from((("vocals", "rest"), ("bass", "drums", "vocals")))),
        "dilation": draw(
            dilations | st.lists(dilations, min_size=levels + 1, max_size=levels + 1).map(tuple)
        ),
        "scales": draw(st.integers(1, levels + 1)),
    }


@settings(max_examples=20)
# On the shortest window, whose output has 15 samples, lay none of the lowest rate.
@example(
    {
        "context": True,
        "levels": 4,
        "initial_filters": 1,
        "kernel_size": 1,
        "decoder_kernel_size": 1,
        "output_kernel_size": 3,
        "upsampling": "learned",
        "downsampling": "decimate",
        "output_type": "direct",
        "channels": 1,
        "sources": ("vocals", "rest"),
        "dilation": 1,
        "scales": 5,
    },
    1,
)
@given(configurations(), st.integers(1, 200))
def test_every_configuration_runs_and_is_as_long_as_it_says(options, wanted):
    model = WaveUNet(**options)
    samples = model.input_samples(wanted)
    made = model.output_samples(samples)
    assert made >= wanted and model.length_step == 2 ** options["levels"]
    try:
        shorter = model.output_samples(samples - model.length_step)
    except ValueError:
        # Nothing would be left, or nothing of the lowest rate.
        least = 1 + max(model.scale_grid(2**level) for level in range(options["scales"]))
        assert made - model.length_step < least or not options["context"]
    else:
        assert shorter == made - model.length_step < wanted
    outputs = model(noise(2, samples, options["channels"]))
    for source in options["sources"]:
        assert outputs[source].shape == (2, made, options["channels"])
        for scale in (2**level for level in range(1, options["scales"])):
            grid = model.scale_grid(scale)
            coarse = outputs[f"{source}_{scale}"]
            # As many as lie on the output.
            assert 0 <= grid < min(scale, made)
            assert coarse.shape == (2, -(-(made - grid) // scale), options["channels"])
    assert len(outputs) == len(options["sources"]) * options["scales"]
    clone = keras.saving.deserialize_keras_object(
        json.loads(json.dumps(keras.saving.serialize_keras_object(model)))
    )
    assert clone.get_config() == model.get_config()
    assert [w.shape for w in clone.weights] == [w.shape for w in model.weights]


@pytest.mark.parametrize(("variant", "fits"), [("M1", (8, 32, 40)), ("M4", (77, 85, 165))])
def test_lengths_that_do_not_fit_are_refused(variant, fits):
    model = small_wave_unet(variant)
    shortest = model.input_samples(1)
    assert shortest == fits[0]
    for samples in fits:
        assert (
            model.output_samples(samples)
            == model(noise(1, samples, model.channels))["vocals"].shape[1]
        )
    nearest = f"nearest are {fits[-1] - 8} and {fits[-1]}. Received: {fits[-1] - 3} samples"
    with pytest.raises(ValueError, match=nearest):
        model.output_samples(fits[-1] - 3)
    with pytest.raises(ValueError, match=nearest):
        model(noise(1, fits[-1] - 3, model.channels))
    with pytest.raises(ValueError, match=f"nearest are {shortest}. Received: 0 samples"):
        model.output_samples(0)
    with pytest.raises(ValueError, match="Received: output_samples=0"):
        model.input_samples(0)


@pytest.mark.parametrize("upsampling", UPSAMPLING)
@pytest.mark.parametrize("downsampling", DOWNSAMPLING)
def test_with_context_results_do_not_depend_on_the_window(upsampling, downsampling):
    model = small_wave_unet("M4", upsampling=upsampling, downsampling=downsampling)
    samples = model.input_samples(100)
    song = noise(1, samples + 5 * model.length_step, 2)
    whole = model(song)
    for shift in (model.length_step, 3 * model.length_step):
        for source, stem in model(song[:, shift : shift + samples]).items():
            wanted = whole[source][:, shift : shift + stem.shape[1]]
            assert np.abs(stem - wanted).max() <= 1e-6
    # Between steps decimation meets other samples: the promise ends there.
    between = model(song[:, 1 : 1 + samples])["accompaniment"]
    assert np.abs(between - whole["accompaniment"][:, 1 : 1 + between.shape[1]]).max() > 1e-3


def test_windows_agree_where_tiles_lie_elsewhere_in_each():
    model = small_wave_unet("M4", levels=2, initial_filters=32, kernel_size=15)
    samples = model.input_samples(400)
    song = noise(1, samples + 7 * model.length_step, 2)
    whole = model(song)
    shift = 7 * model.length_step
    for source, stem in model(song[:, shift:]).items():
        wanted = np.asarray(whole[source][:, shift : shift + stem.shape[1]])
        assert np.ptp(wanted) > 0.1
        assert np.abs(stem - wanted).max() <= 1e-5

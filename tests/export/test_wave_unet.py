"""Wave-U-Nets in every format: all variants and options, any length and a fixed one."""

from functools import cache

import keras
import numpy as np
import pytest

import export
from export.runtimes import Tensor, open_file
from export.sharing import shared_graphs
from zoo import InputError, Separator, WaveUNet

CONFIGURATIONS = {
    # At this size M7 is M3, and M5-HighSR is M5. M3 is a mono M4, and "learned" has M2's outputs.
    **{variant: {"variant": variant} for variant in ("M4", "M6")},
    **{variant: {"variant": variant, "levels": 2} for variant in ("M1", "M5")},
    "learned": {"upsampling": "learned", "output_type": "difference"},
    "strided": {"downsampling": "strided", "dilation": 2},
    "strided-transposed": {
        "variant": "M4",
        "downsampling": "strided",
        "upsampling": "transposed",
        "output_kernel_size": 3,
    },
    "pooled-transposed": {"downsampling": "max_pool", "upsampling": "transposed", "scales": 2},
    "pooled-dilated": {"variant": "M5", "downsampling": "max_pool", "dilation": (1, 3)},
}


@pytest.fixture(scope="module", autouse=True)
def shared():
    """Each network is traced once for all its files."""
    with shared_graphs():
        yield
    network.cache_clear()
    separator_of.cache_clear()


@cache
def network(levels=1, **options):
    keras.utils.set_random_seed(0)
    model = WaveUNet(
        **{"levels": levels, "initial_filters": 2, "kernel_size": 5, "segment_samples": 50},
        **options,
    )
    random = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(np.asarray(variable) + random.normal(0, 0.2, variable.shape))
    return model


@cache
def separator_of(variant):
    return Separator(network(variant=variant))


# A SavedModel is the very graph that it is compared with: one shows that. The variants without
# context or with it are alike to tf2onnx.
CASES = [
    (name, format)
    for name in CONFIGURATIONS
    for format in ("saved_model", "tflite", "onnx")
    if format == "tflite" or name == "M4" or (format == "onnx" and name != "M6")
]


@pytest.mark.parametrize(("name", "format"), CASES)
def test_any_length(name, format, write, tmp_path):
    model = network(**CONFIGURATIONS[name])
    report = write(format, model, tmp_path)
    channels = model.channels
    assert report.inputs == {"mixture": Tensor((None, None, channels), "float32")}
    lengths = [model.input_samples(50), model.input_samples(1)]
    shapes = [(1, lengths[0], channels), (2, lengths[1], channels)]
    assert [shape["mixture"] for shape in report.checked_shapes] == shapes
    # The check runs on 1e-4 of the peak; what leaves here is rounding.
    assert report.max_error <= 1e-5
    mixture = np.random.default_rng(1).uniform(-1, 1, (3, model.input_samples(120), channels))
    mixture = mixture.astype("float32")
    outputs = open_file(tmp_path / report.path)({"mixture": mixture})
    expected = model(mixture)
    assert set(outputs) == set(expected)
    for source, stem in expected.items():
        np.testing.assert_allclose(outputs[source], stem, atol=1e-5)


@pytest.mark.parametrize("variant", ["M1", "M5"])
def test_a_fixed_length_leaves_no_shapes_to_compute(variant, format, write, tmp_path):
    model = network(variant=variant)
    samples = model.input_samples(80)
    report = write(format, model, tmp_path, inputs=(1, samples, model.channels))
    assert report.outputs["vocals"].shape == (1, model.output_samples(samples), model.channels)
    assert report.max_error <= 1e-5
    if format == "tflite":
        assert not {"SHAPE", "PACK", "EXPAND_DIMS"} & report.operators.keys()


def test_a_length_that_does_not_fit_is_refused(format, write, tmp_path):
    with pytest.raises(InputError, match="Received: 81 samples"):
        write(format, network(), tmp_path, inputs=(1, 81, 1))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variant", "format"), [("M1", "tflite"), ("M6", "tflite"), ("M1", "onnx")]
)
def test_separators_take_any_waveform(variant, format, write, tmp_path):
    separator = separator_of(variant)
    channels = separator.channels
    report = write(format, separator, tmp_path)
    assert report.inputs == {"waveform": Tensor((None, None, channels), "float32")}
    assert set(report.outputs) == set(separator.stems) and report.max_error <= 1e-5
    run = open_file(tmp_path / report.path)
    for shape in ((1, 1, channels), (2, 333, channels)):
        waveform = np.random.default_rng(2).uniform(-1, 1, shape).astype("float32")
        stems = run({"waveform": waveform})
        for stem, expected in separator(waveform).items():
            np.testing.assert_allclose(stems[stem], expected, atol=1e-5)


def test_half_precision_networks_leave_in_float32(tmp_path):
    model = network(variant="M1", dtype="mixed_float16")
    report = export.to_tflite(model, tmp_path / "model.tflite")
    assert report.max_error <= 1e-5 and "CAST" not in report.operators

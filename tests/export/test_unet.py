"""U-Nets in every format: segmenters for images of any size, separators for songs."""

import keras
import numpy as np
import pytest

from export import FileSeparator
from export.runtimes import Tensor, open_file
from zoo import FrontEnd, Separator, UNet
from zoo.inference import separate_array

CASES = [
    ("transposed", "saved_model"),
    ("transposed", "tflite"),
    ("transposed", "onnx"),
    ("bilinear", "tflite"),
    ("bilinear", "onnx"),
]


def segmenter(upsampling):
    keras.utils.set_random_seed(0)
    model = UNet(3, 2, (2, 3), upsampling=upsampling)
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        variable.assign(np.asarray(variable) + random.normal(0, 0.3, variable.shape))
    return model


@pytest.mark.parametrize(("upsampling", "format"), CASES)
def test_any_size(upsampling, format, write, tmp_path):
    model = segmenter(upsampling)
    report = write(format, model, tmp_path)
    assert report.inputs == {"image": Tensor((None, None, None, 3), "float32")}
    assert report.outputs == {"output": Tensor((None, None, None, 2), "float32")}
    assert [shape["image"] for shape in report.checked_shapes] == [(1, 96, 128, 3), (2, 53, 37, 3)]
    image = np.random.default_rng(1).uniform(size=(2, 13, 6, 3)).astype("float32")
    (output,) = open_file(tmp_path / report.path)({"image": image}).values()
    expected = np.asarray(model(image))
    assert np.ptp(expected) > 0.1
    np.testing.assert_allclose(output, expected, atol=1e-5)


@pytest.mark.parametrize("format", ["saved_model", "tflite", "onnx"])
def test_a_vocal_mask(format, write, tmp_path):
    keras.utils.set_random_seed(0)
    front_end = FrontEnd(frame_length=64, frame_step=16, bins=32, frames=12)
    separator = Separator(UNet(1, 1, (2, 3), front_end=front_end))
    report = write(format, separator, tmp_path)
    assert max(report.errors.values()) < 1e-4
    song = np.random.default_rng(0).uniform(-0.3, 0.3, (2003, 2)).astype("float32")
    wanted = separate_array(separator, song, front_end.sample_rate)
    got = separate_array(FileSeparator(report.path), song, front_end.sample_rate)
    assert list(got) == ["vocals", "accompaniment"] and np.ptp(wanted["vocals"]) > 0.01
    for stem, signal in wanted.items():
        np.testing.assert_allclose(got[stem], signal, atol=1e-5)

"""Segmenters in every format: images of any size, odd ones too."""

import keras
import numpy as np
import pytest

from export.runtimes import Tensor, open_file
from zoo import UNet

CASES = [
    ("transposed", "saved_model"),
    ("transposed", "tflite"),
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

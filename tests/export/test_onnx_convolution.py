"""Transposed convolutions in ONNX, where tf2onnx's own handler goes wrong for unknown sizes."""

import keras
import numpy as np
import pytest
from keras import layers

import export


@pytest.mark.parametrize(
    ("kernel_size", "strides", "padding", "options"),
    [
        (5, 2, "same", {}),
        (4, 2, "same", {}),
        (3, 1, "same", {}),
        (2, 3, "same", {}),
        (5, 2, "valid", {}),
        (2, 3, "valid", {}),
        ((3, 5), (1, 4), "same", {}),
        (3, 1, "same", {"dilation_rate": 2}),
        (5, 2, "same", {"output_padding": 0}),
    ],
)
@pytest.mark.parametrize("filters", [1, 2])
def test_any_size(kernel_size, strides, padding, options, filters, tmp_path):
    # One channel is what makes a transpose look like a reshape to tf2onnx.
    mixture = keras.Input((6, None, 1), name="mixture")
    layer = layers.Conv2DTranspose(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        bias_initializer="ones",
        **options,
    )
    grown = layer(mixture)
    model = keras.Model(mixture, {"grown": grown, "twice": grown * 2})
    shapes = [{"mixture": (1, 6, 7, 1)}, {"mixture": (2, 6, 4, 1)}]
    report = export.to_onnx(model, tmp_path / "model.onnx", example_shapes=shapes)
    assert report.operators["ConvTranspose"] == 1
    assert report.outputs["grown"].shape == (None, *model.outputs[0].shape[1:])
    assert ("Slice" in report.operators) == ("output_padding" in options)


def test_one_dimension(tmp_path):
    inputs = keras.Input((None, 3), name="x")
    model = keras.Model(inputs, layers.Conv1DTranspose(2, 4, strides=2, padding="same")(inputs))
    report = export.to_onnx(model, tmp_path / "model.onnx")
    assert report.checked_shapes == [{"x": (1, 128, 3)}, {"x": (2, 192, 3)}]
    assert np.isfinite(report.max_error)

"""Transposed convolutions in TFLite: rewritten where that is possible, right in any case."""

import keras
import pytest
from keras import layers

import export


@pytest.mark.parametrize(
    ("kernel_size", "strides", "padding", "options", "parts"),
    [
        (5, 2, "same", {}, 4),
        (4, 2, "same", {}, 4),
        (2, 2, "same", {}, 4),
        ((7, 4), 3, "same", {}, 9),
        (3, 1, "same", {}, 0),
        (2, 3, "same", {}, 0),
        (5, 2, "valid", {}, 0),
        ((3, 5), (1, 4), "same", {}, 0),
        (5, 2, "same", {"output_padding": 0}, 0),
    ],
)
@pytest.mark.parametrize(("filters", "size"), [(2, None), (5, 7)])
def test_any_size(kernel_size, strides, padding, options, parts, filters, size, tmp_path):
    mixture = keras.Input((6, size, 3), name="mixture")
    layer = layers.Conv2DTranspose(
        filters, kernel_size, strides=strides, padding=padding, bias_initializer="ones", **options
    )
    model = keras.Model(mixture, {"grown": layer(mixture)})
    shapes = [{"mixture": (1, 6, 7, 3)}, {"mixture": (2, 6, size or 4, 3)}]
    report = export.to_tflite(model, tmp_path / "model.tflite", example_shapes=shapes)
    if parts * filters <= 16:
        parts = min(parts, 1)
    assert report.operators.get("CONV_2D", 0) == parts
    assert report.operators.get("TRANSPOSE_CONV", 0) == (0 if parts else 1)
    assert report.max_error < 1e-6


def test_half_precision_weights(tmp_path):
    mixture = keras.Input((6, 8, 3), name="mixture")
    layer = layers.Conv2DTranspose(2, 5, strides=2, padding="same", dtype="float16")
    model = keras.Model(mixture, {"grown": layer(mixture)})
    report = export.to_tflite(model, tmp_path / "model.tflite")
    assert report.operators["DEPTH_TO_SPACE"] == 1

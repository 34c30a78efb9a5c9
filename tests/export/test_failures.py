"""Exports that must fail: with one clear line, leaving nothing behind."""

import errno
import os
from pathlib import Path

import keras
import numpy as np
import onnx
import pytest
import tensorflow as tf
from keras import layers, ops

import export
from zoo.errors import InputError


class InverseTransform(keras.Model):
    """Needs operators that TFLite and ONNX lack."""

    def call(self, spectrum):
        return {"waveform": ops.istft((spectrum[..., 0], spectrum[..., 1]), 64, 16, 64)}


class Unsupported(keras.Model):
    """Needs an operator that only TensorFlow has."""

    def call(self, matrix):
        return tf.linalg.expm(matrix)


class NotFinite(keras.Model):
    def call(self, x):
        return ops.log(x)


@pytest.mark.parametrize(
    ("model", "shape", "operator"),
    [(InverseTransform(), (1, 10, 33, 2), "IRFFT"), (Unsupported(), (1, 4, 4), "MatrixSolve")],
)
@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
def test_unsupported_operator(model, shape, operator, suffix, tmp_path):
    path = tmp_path / f"model.{suffix}"
    path.write_bytes(b"an earlier file")
    with pytest.raises(export.ExportError) as failure:
        getattr(export, f"to_{suffix}")(model, path, inputs=shape)
    message = str(failure.value)
    assert message.startswith(str(path)) and operator in message and "\n" not in message
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == b"an earlier file"


def test_written_file_that_differs(network, tmp_path, monkeypatch):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"an earlier file")
    save = onnx.save

    def corrupt(proto, target):
        tensor = max(proto.graph.initializer, key=lambda tensor: len(tensor.raw_data))
        weights = np.frombuffer(tensor.raw_data, "float32") * np.float32(1.01)
        tensor.raw_data = weights.tobytes()
        save(proto, target)

    monkeypatch.setattr("onnx.save", corrupt)
    with pytest.raises(export.ParityError) as failure:
        export.to_onnx(network, path)
    message = str(failure.value)
    assert message.startswith(f"{path}: output 'vocals' on noise of mixture (1, 16, 128, 1)")
    assert message.endswith("of its peak; at most 1.0e-04 is allowed")
    assert path.read_bytes() == b"an earlier file"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk(network, tmp_path, monkeypatch):
    def fail(proto, target):
        Path(target).write_bytes(b"half a file")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("onnx.save", fail)
    path = tmp_path / "model.onnx"
    with pytest.raises(InputError, match=f"^{path}: cannot be written: No space left on device$"):
        export.to_onnx(network, path)
    assert list(tmp_path.iterdir()) == []


def test_tolerance_is_the_callers(network, tmp_path):
    with pytest.raises(export.ParityError, match="at most 1.0e-12 is allowed"):
        export.to_onnx(network, tmp_path / "model.onnx", tolerance=1e-12)


def test_not_finite(write, format, tmp_path):
    with pytest.raises(export.ParityError, match="output 'output' on noise .* not finite"):
        write(format, NotFinite(), tmp_path, inputs=(2, 5))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("writer", "name", "message"),
    [
        ("to_tflite", "model.onnx", "must end with .tflite"),
        ("to_onnx", "model", "must end with .onnx"),
        ("to_onnx", "missing/model.onnx", "does not exist"),
        ("to_tflite", "folder.tflite", "a folder of this name exists"),
        ("to_saved_model", "notes", "holds other files"),
        ("to_saved_model", "mixed", "holds other files"),
        ("to_saved_model", "file", "a file of this name exists"),
    ],
)
def test_bad_target(writer, name, message, network, tmp_path):
    for folder in ("folder.tflite", "notes", "mixed"):
        (tmp_path / folder).mkdir()
    for file in ("file", "notes/diary.txt", "mixed/diary.txt", "mixed/saved_model.pb"):
        (tmp_path / file).write_text("mine")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=message) as failure:
        getattr(export, writer)(network, tmp_path / name)
    assert str(failure.value).startswith(str(tmp_path / name))
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ((1, 16), "cannot be called with inputs"),
        ((1, 15, 32, 1), "cannot be called with inputs"),
        ((1, 16, 0, 1), "positive sizes"),
        ((), "positive sizes"),
        ((1, 16, "long", 1), "needs a shape"),
        (7, "needs a shape"),
        ({"a b": (1, 16, 32, 1)}, "letters, digits"),
        (keras.InputSpec(shape=(1, 16, 32, 1), dtype="int32"), "inputs are float32"),
        (keras.InputSpec(ndim=4), "needs a shape"),
    ],
)
def test_bad_inputs(inputs, message, network, tmp_path):
    with pytest.raises(InputError, match=message) as failure:
        export.to_saved_model(network, tmp_path / "model", inputs=inputs)
    assert "\n" not in str(failure.value)
    assert list(tmp_path.iterdir()) == []


def test_inputs_must_be_known(tmp_path):
    with pytest.raises(InputError, match="pass inputs="):
        export.to_tflite(NotFinite(), tmp_path / "model.tflite")


def test_inputs_of_a_model_with_several(models, tmp_path):
    with pytest.raises(InputError, match="the model's inputs are"):
        export.to_tflite(models.sampling_model(), tmp_path / "m.tflite", inputs={"mean": (1, 8)})


def test_sizes_that_the_model_refuses(tmp_path):
    inputs = keras.Input((None, 1))
    model = keras.Model(inputs, layers.Reshape((-1, 7))(inputs))
    with pytest.raises(InputError, match="pass example_shapes="):
        export.to_onnx(model, tmp_path / "model.onnx")
    shapes = [{"input": (1, 14, 1)}, {"input": (2, 21, 1)}]
    report = export.to_onnx(model, tmp_path / "model.onnx", example_shapes=shapes)
    assert report.checked_shapes == shapes
    with pytest.raises(InputError, match="example shapes must fit"):
        export.to_onnx(model, tmp_path / "model.onnx", example_shapes=[{"input": (1, 14, 2)}])


def test_bad_opset(network, tmp_path):
    with pytest.raises(InputError, match="Received: opset=21"):
        export.to_onnx(network, tmp_path / "model.onnx", opset=21)

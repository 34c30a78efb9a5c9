"""Files that are written together share the model's graphs, and are no other files for it."""

import keras
import numpy as np
import pytest
from tf2onnx import optimizer

import export
from export import tracing
from export.runtimes import OnnxRuntime, open_file
from export.sharing import once, shared_graphs


@pytest.fixture
def traced(monkeypatch):
    """Whether with portable operators or not: of every graph that is made, in order."""
    made, trace = [], tracing._traced

    def counting(model, shapes, *, portable):
        made.append(portable)
        return trace(model, shapes, portable=portable)

    monkeypatch.setattr(tracing, "_traced", counting)
    return made


def test_files_written_together_share_graphs(network, write, traced, tmp_path):
    """A pair: with native operators for the SavedModel and to compare with, and portable ones."""
    with shared_graphs():
        reports = [write(format, network, tmp_path) for format in ("saved_model", "tflite", "onnx")]
    assert sorted(traced) == [False, True]
    # Every file was still run, and compared with the model.
    assert reports[0].max_error == 0 < min(report.max_error for report in reports[1:])
    assert len({report.keras_latency for report in reports}) == 1
    mixture = np.random.default_rng(5).uniform(0, 3, (3, 16, 34, 1)).astype("float32")
    for report in reports:
        outputs = open_file(tmp_path / report.path)({"mixture": mixture})
        for name, wanted in network(mixture, training=False).items():
            np.testing.assert_allclose(outputs[name], wanted, atol=1e-5)


def test_a_file_that_differs_is_still_refused(network, write, tmp_path, monkeypatch):
    with shared_graphs():
        write("tflite", network, tmp_path)
        call = OnnxRuntime.__call__
        shifted = lambda self, x: {n: y + 0.01 for n, y in call(self, x).items()}  # noqa: E731
        monkeypatch.setattr(OnnxRuntime, "__call__", shifted)
        with pytest.raises(export.ParityError, match="differs from the model by"):
            write("onnx", network, tmp_path)


def test_nothing_is_kept_afterwards(network, tmp_path):
    made = []
    with shared_graphs():
        for _ in range(2):
            assert once("key", lambda: made.append(1)) is None
        export.to_onnx(network, tmp_path / "model.onnx")
    once("key", lambda: made.append(1))
    assert len(made) == 2


def test_other_weights_are_other_files(tmp_path):
    """A model that changes between two exports is compared as it is at the second one."""
    model = keras.Sequential([keras.Input((4,), name="x"), keras.layers.Dense(2, name="y")])
    for seed in range(2):
        model.layers[0].kernel.assign(np.random.default_rng(seed).normal(size=(4, 2)))
        with shared_graphs():
            for suffix in ("tflite", "onnx"):
                path = tmp_path / f"model.{suffix}"
                assert getattr(export, f"to_{suffix}")(model, path).max_error < 1e-5


def test_an_optimiser_of_tf2onnx_that_fails_is_left_out(network, tmp_path, monkeypatch):
    class Failing:
        graph_been_opt = False

        def optimize(self, graph, iteration):
            raise RuntimeError("cannot merge")

    monkeypatch.setitem(optimizer._get_optimizers(), "merge_duplication", Failing)
    assert export.to_onnx(network, tmp_path / "model.onnx").max_error < 1e-5

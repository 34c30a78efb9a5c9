"""The zoo's own models, exported and then loaded where stemzoo is not."""

import subprocess
import sys
from unittest.mock import patch

import numpy as np
import pytest

import export
from export.sharing import shared_graphs
from zoo import FrontEnd, JanssonUNet, Separator

# What a user of the files writes, in a process of its own.
LOADER = """
import sys
import numpy as np
import onnxruntime
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

found = {}
for case in sys.argv[1:]:
    signature = tf.saved_model.load(f"{case}/model").signatures["serving_default"]
    name = "serving_default" if case == "network" else "separate"
    runner = Interpreter(f"{case}/model.tflite").get_signature_runner(name)
    session = onnxruntime.InferenceSession(f"{case}/model.onnx")
    names = [output.name for output in session.get_outputs()]
    given = np.load(f"{case}/inputs.npz")
    for key in given:
        name, number = key.split("-")
        x = given[key]
        saved_model = signature(**{name: tf.constant(x)})
        outputs = {
            "saved_model": {name: y.numpy() for name, y in saved_model.items()},
            "tflite": runner(**{name: x}),
            "onnx": dict(zip(names, session.run(names, {name: x}))),
        }
        for format, stems in outputs.items():
            found.update({f"{case}/{number}/{format}/{name}": y for name, y in stems.items()})
np.savez("outputs.npz", **found)
ours = {"zoo", "training", "export"} & {module.split(".")[0] for module in sys.modules}
assert not ours, ours
"""


def noise(*shapes):
    random = np.random.default_rng(1)
    return [random.uniform(-1, 1, shape).astype("float32") for shape in shapes]


@pytest.fixture(scope="module")
def cases():
    """Case -> (model, input's name, input spec, inputs to run)."""
    front_end = FrontEnd(frame_length=128, frame_step=96, bins=64, frames=32)
    network = JanssonUNet(filters=(4, 8), front_end=front_end, bins=64)
    separator = Separator(network)
    samples = separator.patches_samples(2)
    return {
        "network": (network, "mixture", None, noise((1, 64, 32, 1), (3, 64, 72, 1))),
        "any_length": (separator, "waveform", None, noise((1, samples, 2), (2, 777, 2), (1, 1, 2))),
    }


@pytest.fixture(scope="module")
def outputs(cases, tmp_path_factory):
    """What the files of all cases return in a process without stemzoo."""
    folder = tmp_path_factory.mktemp("standalone")
    for case, (model, name, spec, inputs) in cases.items():
        (folder / case).mkdir()
        # The comparison is the test's own.
        with patch("export.exporter.measure"), shared_graphs():
            export.to_saved_model(model, folder / case / "model", inputs=spec)
            export.to_tflite(model, folder / case / "model.tflite", inputs=spec)
            export.to_onnx(model, folder / case / "model.onnx", inputs=spec)
        arrays = {f"{name}-{number}": array for number, array in enumerate(inputs)}
        np.savez(folder / case / "inputs.npz", **arrays)
    (folder / "loader.py").write_text(LOADER)
    process = subprocess.run(
        [sys.executable, "-I", "loader.py", *cases],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return np.load(folder / "outputs.npz")


@pytest.mark.slow
@pytest.mark.parametrize("case", ["network", "any_length"])
def test_files_give_the_models_output_without_stemzoo(case, cases, outputs, format):
    model, _, _, inputs = cases[case]
    for number, array in enumerate(inputs):
        wanted = model(array, training=False)
        for name, signal in (wanted if case != "network" else {"output": wanted}).items():
            signal = np.asarray(signal)
            got = outputs[f"{case}/{number}/{format}/{name}"]
            assert got.shape == signal.shape
            assert np.max(np.abs(got - signal)) <= 1e-4 * np.max(np.abs(signal))

"""Files with several signatures, and what files say of themselves."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import keras
import numpy as np
import onnx
import pytest
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

import export
from export.errors import ParityError
from export.metadata import embed_metadata, read_metadata
from export.runtimes import open_file
from export.sharing import shared_graphs
from export.specs import signatures
from export.tflite.writer import _converted
from zoo import STFT, FrontEnd, InputError, InverseSTFT, JanssonUNet, Separator, WaveUNet

FRONT_END = FrontEnd(frame_length=64, frame_step=24, bins=32, frames=16)
PATHS = {"saved_model": "model", "tflite": "model.tflite", "onnx": "model.onnx"}
WRITERS = {
    "saved_model": export.to_saved_model,
    "tflite": export.to_tflite,
    "onnx": export.to_onnx,
}


@pytest.fixture(scope="module")
def separator():
    return Separator(JanssonUNet(filters=(4, 8), front_end=FRONT_END))


@pytest.fixture(scope="module")
def folder(separator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("signatures")
    metadata = {"licence": "CC0-1.0", "name": "tiny"}
    # The comparison is the tests' own.
    with patch("export.exporter.measure"), shared_graphs():
        for format, write in WRITERS.items():
            write(separator, folder / PATHS[format], metadata=metadata)
        stream, _ = signatures(separator)["stream"]
        export.to_onnx(stream, folder / "stream.onnx")
    return folder


@pytest.fixture(scope="module")
def fixed(separator, tmp_path_factory):
    path = tmp_path_factory.mktemp("fixed") / "model.tflite"
    samples = 8 * separator.step_samples + separator.lookahead_samples
    return export.to_tflite(separator, path, inputs=(1, samples, 2))


@pytest.mark.parametrize("format", ["saved_model", "tflite"])
def test_one_file_has_all_forms(folder, separator, format):
    runtime = open_file(folder / PATHS[format])
    assert {"separate", "mask", "stream"} <= set(runtime.signatures)
    patch = np.random.default_rng(0).uniform(size=(1, 32, 16, 1)).astype("float32")
    (network,) = separator.networks.values()
    got = runtime.select("mask")({"mixture": patch})
    assert np.allclose(got["vocals"], network.mask(patch), atol=1e-5)
    stream = runtime.select("stream")
    assert {f"next_{name}" for name in stream.inputs if name != "waveform"} <= set(stream.outputs)
    # The first one is still there.
    assert runtime.inputs.keys() == {"waveform"}
    assert set(runtime({"waveform": np.zeros((1, 999, 2), "float32")})) == set(separator.stems)


def test_buffers_through_a_file_give_the_whole_signal(folder, separator):
    signal = np.random.default_rng(1).uniform(-1, 1, (1, 3000, 2)).astype("float32")
    whole = separator(signal)["vocals"]
    stream, grid = separator.streaming(), separator.grid
    for file in ("model.tflite", "stream.onnx", "model"):
        run = open_file(folder / file, signature=None if file == "stream.onnx" else "stream")
        state, pieces = stream.initial_state(signal[:, : stream.prime_samples]), []
        for start in range(stream.prime_samples, 3000 - grid.step, grid.step):
            outputs = run({"waveform": signal[:, start : start + grid.step], **state})
            pieces.append(outputs["vocals"])
            state = {name: outputs[f"next_{name}"] for name in state}
        got = np.concatenate(pieces, axis=1)[:, stream.skip_samples :]
        assert got.shape[1] > 2 * grid.step
        assert np.abs(got - whole[:, : got.shape[1]]).max() < 1e-5


def test_fixed_length_has_static_shapes(fixed, separator):
    runtime = open_file(fixed.path)
    assert fixed.inputs["waveform"].shape == runtime.inputs["waveform"].shape
    shapes = [t.shape for n in runtime.signatures for t in runtime.select(n).inputs.values()]
    assert all(size is not None for shape in shapes for size in shape)
    buffer = runtime.select("stream").inputs["waveform"].shape[1]
    assert buffer == read_metadata(fixed.path)["signatures"]["stream"]["buffer_samples"]
    assert buffer == 8 * separator.step_samples


def test_no_constant_grows_with_the_length(fixed, separator):
    model = schema.Model.GetRootAs(Path(fixed.path).read_bytes(), 0)
    sizes = [model.Buffers(i).DataLength() for i in range(model.BuffersLength())]
    weights = [v.value.numpy().nbytes for v in separator.weights]
    samples = fixed.inputs["waveform"].shape[1]
    # Kernels of transposed convolutions are widened, but nothing is as long as the signal.
    assert max(sizes) <= 2 * max(weights) < 4 * samples


def test_wave_unet_has_no_mask(tmp_path):
    separator = Separator(WaveUNet("M4", levels=2, initial_filters=2))
    with patch("export.exporter.measure"):
        export.to_tflite(separator, tmp_path / "model.tflite")
    assert open_file(tmp_path / "model.tflite").signatures == ("separate", "stream")


def test_every_signature_is_compared(separator, folder, monkeypatch):
    report = export.verify(folder / "model.tflite", separator)
    assert {"vocals", "mask/vocals", "stream/next_masks"} <= report.errors.keys()
    process = type(separator).process

    def other(self, waveform, state=None):
        stems, uppers, state = process(self, waveform, state)
        return {stem: 1.1 * x for stem, x in stems.items()}, uppers, state

    monkeypatch.setattr(type(separator), "process", other)
    with pytest.raises(ParityError, match="output 'vocals' on noise of waveform .*context"):
        export.verify(folder / "model.tflite", separator)


@pytest.mark.parametrize("format", PATHS)
def test_metadata(folder, separator, format):
    metadata = read_metadata(folder / PATHS[format])
    assert metadata["schema"] == 1
    assert (metadata["name"], metadata["licence"]) == ("tiny", "CC0-1.0")
    assert metadata["stems"] == ["vocals", "accompaniment"]
    assert (metadata["sample_rate"], metadata["channels"]) == (8192, 2)
    assert metadata["parameters"] == separator.count_params()
    assert FrontEnd(**metadata["front_end"]) == FRONT_END
    assert metadata["grid"]["step"] == separator.step_samples
    forms = {"separate", "mask", "stream"} if format != "onnx" else {"separate"}
    assert set(metadata["signatures"]) == forms
    assert metadata["signatures"]["separate"] == {"samples": None}


def test_metadata_of_a_stream(folder, separator):
    (form,) = read_metadata(folder / "stream.onnx")["signatures"].items()
    assert form == ("stream", json.loads(json.dumps(separator.streaming(None).export_facts)))


@pytest.mark.parametrize("format", PATHS)
def test_metadata_is_replaced_and_the_rest_stays(folder, format, tmp_path):
    path = tmp_path / PATHS[format]
    copy = shutil.copytree if format == "saved_model" else shutil.copy
    copy(folder / PATHS[format], path)
    embed_metadata(path, {"schema": 1, "name": "größer"})
    assert read_metadata(path) == {"schema": 1, "name": "größer"}
    waveform = {"waveform": np.ones((1, 500, 2), "float32")}
    before, after = open_file(folder / PATHS[format])(waveform), open_file(path)(waveform)
    assert all(np.array_equal(before[stem], after[stem]) for stem in before)


def test_constants_lie_where_kernels_want_them(fixed):
    data = Path(fixed.path).read_bytes()
    model = schema.Model.GetRootAs(data, 0)
    start = np.frombuffer(data, np.uint8).__array_interface__["data"][0]
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    places = [
        buffer.DataAsNumpy().__array_interface__["data"][0] - start
        for buffer in buffers
        if buffer.DataLength() >= 16
    ]
    assert len(places) > 5
    assert all(place % 16 == 0 for place in places)


def test_files_that_say_nothing(folder, tmp_path):
    proto = onnx.load(folder / "model.onnx")
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / "model.onnx")
    with pytest.raises(InputError, match=r"model.onnx: has no stemzoo metadata"):
        read_metadata(tmp_path / "model.onnx")
    with pytest.raises(InputError, match="no such file"):
        read_metadata(tmp_path / "missing.tflite")
    (tmp_path / "cut.tflite").write_bytes((folder / "model.tflite").read_bytes()[:300])
    with pytest.raises(InputError, match=r"cut.tflite: damaged"):
        read_metadata(tmp_path / "cut.tflite")


def test_metadata_of_a_newer_version(folder, tmp_path):
    shutil.copy(folder / "model.tflite", tmp_path / "model.tflite")
    embed_metadata(tmp_path / "model.tflite", {"schema": 2, "stemzoo": "9.0"})
    with pytest.raises(InputError, match="written by a newer stemzoo, 9.0"):
        read_metadata(tmp_path / "model.tflite")


def test_signature_that_is_not_there(folder):
    with pytest.raises(InputError, match="no signature 'karaoke'; the file has separate, mask"):
        open_file(folder / "model.tflite", signature="karaoke")


SEPARATORS = {
    "masks_of_two": lambda: Separator(
        {s: JanssonUNet(filters=(2,), front_end=FRONT_END) for s in ("vocals", "drums")}
    ),
    "masks_without_state": lambda: Separator(
        JanssonUNet(filters=(2,), front_end=replace(FRONT_END, frame_step=64)), overlap=0
    ),
    "crossfade_without_state": lambda: Separator(
        WaveUNet("M2", levels=3, initial_filters=4), window=1024, overlap=0
    ),
    "context": lambda: Separator(WaveUNet("M4", levels=3, initial_filters=4)),
}


@pytest.mark.parametrize("name", SEPARATORS)
def test_fixed_lengths_are_one_partition_of_the_delegate(name, tmp_path):
    """Of each signature alone: LiteRT tells of a file's first one only."""
    separator = SEPARATORS[name]()
    samples = 2 * separator.step_samples + separator.lookahead_samples + 1
    models = signatures(separator, (1, samples, separator.channels or 2))
    for signature, (model, shapes) in models.items():
        path = tmp_path / f"{signature}.tflite"
        path.write_bytes(_converted({signature: (model, shapes)}))
        interpreter = Interpreter(str(path))
        interpreter.allocate_tensors()
        operators = [details["op_name"] for details in interpreter._get_ops_details()]
        assert operators.count("DELEGATE") == 1, signature


class ThereAndBack(keras.Model):
    """A short-time Fourier transform of 4096 points and its inverse."""

    export_inputs = {"waveform": keras.InputSpec(shape=(1, None), dtype="float32")}

    def __init__(self):
        super().__init__()
        self.stft, self.inverse = STFT(4096, 1024), InverseSTFT(4096, 1024)

    def call(self, waveform):
        return self.inverse(self.stft(waveform))


def test_transforms_have_small_constants(tmp_path):
    export.to_tflite(ThereAndBack(), tmp_path / "model.tflite")
    sizes = export.inspect_file(tmp_path / "model.tflite").constant_sizes
    # The dense matrices of one direction alone would be 67 MB.
    assert 100e3 < sum(sizes.values()) < 200e3

"""Files of a separator around a Spleeter network: stereo masks of all stems, any length."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import export
from export.file_forms import StreamForm, WholeForm
from export.runtimes import open_file
from export.specs import signatures
from export.tflite.writer import _converted
from zoo import Separator, SpleeterUNet
from zoo.inference import separate_array
from zoo.spleeter_unet import spleeter_front_end

from .small_separators import loud

FRONT_END = replace(
    spleeter_front_end(), sample_rate=8000, frame_length=64, frame_step=16, bins=16, frames=12
)
FORMS = {"tflite": StreamForm, "onnx": WholeForm, "saved_model": StreamForm}


@pytest.fixture(scope="module")
def separator():
    keras.utils.set_random_seed(0)
    return Separator(loud(SpleeterUNet(filters=(3, 4), front_end=FRONT_END), 0))


@pytest.fixture(scope="module")
def files(separator, tmp_path_factory, write):
    folder = tmp_path_factory.mktemp("spleeter")
    return {format: write(format, separator, folder) for format in FORMS}


@pytest.mark.parametrize("format", FORMS)
def test_files_give_the_model_s_stems(files, separator, format):
    report = files[format]
    assert max(report.errors.values()) < 1e-4
    file = export.FileSeparator(report.path)
    assert type(file._form) is FORMS[format] and file.stems == ("vocals", "accompaniment")
    for samples, channels in ((1, 2), (50, 1), (2003, 2), (701, 3)):
        song = np.random.default_rng(samples).uniform(-0.3, 0.3, (samples, channels))
        song = song.astype("float32")
        wanted = separate_array(separator, song, 8000)
        for seconds in (None, 0.05):
            got = separate_array(file, song, 8000, chunk_seconds=seconds)
            peak = max(np.abs(signal).max() for signal in wanted.values())
            assert all(np.abs(got[s] - wanted[s]).max() < 1e-5 * peak for s in wanted)


def test_the_networks_alone(files, separator):
    """The signature "mask": a patch in the network's own layout, a mask of each stem out."""
    mixture = np.random.default_rng(0).uniform(size=(1, 12, 16, 2)).astype("float32")
    got = open_file(files["tflite"].path).select("mask")({"mixture": mixture})
    wanted = separator.networks["all"].masks(mixture)
    assert got.keys() == wanted.keys()
    assert all(np.allclose(got[stem], wanted[stem], atol=1e-5) for stem in wanted)


def test_fixed_lengths_are_one_partition_of_the_delegate(separator, tmp_path):
    samples = 2 * separator.step_samples + separator.lookahead_samples
    for signature, (model, shapes) in signatures(separator, (1, samples, 2)).items():
        path = tmp_path / f"{signature}.tflite"
        path.write_bytes(_converted({signature: (model, shapes)}))
        interpreter = Interpreter(str(path))
        interpreter.allocate_tensors()
        operators = [details["op_name"] for details in interpreter._get_ops_details()]
        assert operators.count("DELEGATE") == 1, signature

"""The course's saved autoencoders: equal outputs, and files that are not to be trusted."""

import json
import shutil

import h5py
import numpy as np
import pytest

from zoo import ConvAutoencoder, ConvVAE, FrontEnd, InputError, SoundGenerator, load_model
from zoo.checkpoints.autoencoder import load_autoencoder, variables_by_name
from zoo.checkpoints.keras2 import Keras2Weights

from .original_autoencoder import (
    COURSE,
    DIGITS,
    MNIST,
    NAMES,
    SMALL,
    arrays,
    saved,
    saved_arrays,
    values,
    write_folder,
)


@pytest.fixture
def folder(tmp_path):
    """What the program saved of a small autoencoder."""
    return saved(tmp_path / "course")


def test_layout_of_the_synthetic_files_is_the_original_one():
    shapes = saved_arrays(DIGITS, variational=True)
    assert [[path, list(shape)] for path, shape in shapes.items()] == COURSE["arrays"]


def test_digits_outputs_are_the_original_programs(tmp_path):
    network = load_autoencoder(saved(tmp_path, DIGITS, variational=True))
    assert isinstance(network, ConvVAE) and network.reconstruction == "mse"
    parts = {"encoder": network.encoder, "decoder": network.decoder, "model": network}
    for name, part in parts.items():
        counts = COURSE["counts"][name]
        trainable = sum(int(np.prod(v.shape)) for v in part.trainable_variables)
        assert (part.count_params(), trainable) == (counts["total"], counts["trainable"])
    given, expected = arrays("input"), arrays("expected")
    outputs = {
        **network.posterior(given["images_uint8"]),
        "decoded": network.decoder(given["latents"]),
    }
    assert set(outputs) == set(expected)
    for name, output in outputs.items():
        assert output.shape == expected[name].shape
        assert np.abs(output - expected[name]).max() <= 2e-5, name
    front_end = FrontEnd(22050, 512, 256, 256, first_bin=0, frames=64, normalization="min_max")
    assert network.front_end == front_end
    generator = SoundGenerator(network)
    assert (generator.sample_rate, generator.samples) == (22050, 63 * 256)


def test_mnist_has_221379_values_in_48_arrays(tmp_path, stemzoo):
    given = values(saved_arrays(MNIST, variational=False))
    assert (len(given), sum(array.size for array in given.values())) == (48, 221_379)
    command = ("import", "autoencoder", write_folder(tmp_path / "mnist", MNIST, given))
    code, out, err = stemzoo(*command, "--output", tmp_path / "new" / "preset")
    assert (code, out, err) == (0, f"{tmp_path / 'new' / 'preset'}\n", "")
    network = load_model(tmp_path / "new" / "preset")
    assert type(network) is ConvAutoencoder
    assert network.count_params() == 221_379
    assert network.front_end is None and network.sample_rate is None
    with pytest.raises(ValueError, match="must have a front end with the normalization 'min_max'"):
        SoundGenerator(network)
    output = np.asarray(network(arrays("input")["images_uint8"][:, :28, :28]))
    assert output.shape == (2, 28, 28, 1) and np.all((output > 0) & (output < 1))
    variables = variables_by_name(network)
    for path, array in given.items():
        variable = variables.pop(path.partition("/")[2].removesuffix(":0"))
        assert np.array_equal(variable, array), path
    assert not variables
    facts = json.loads((tmp_path / "new" / "preset" / "metadata.json").read_text())
    assert facts["class"] == "ConvAutoencoder" and facts["parameters"] == 221_379
    assert facts["origin"].startswith("mnist, weights of the course")
    assert not {"front_end", "sample_rate"} & set(facts)


@pytest.mark.parametrize("variational", [False, True])
def test_layers_tell_which_of_the_two_it_is(tmp_path, variational):
    network = load_autoencoder(saved(tmp_path, variational=variational))
    assert type(network) is (ConvVAE if variational else ConvAutoencoder)
    assert [getattr(network, name) for name in NAMES[1:]] == SMALL[1:]
    assert network.input_shape == (None, *SMALL[0])


@pytest.mark.parametrize(
    ("path", "shape", "message"),
    [
        ("encoder/encoder_bn_2/gamma:0", None, r"has no encoder_bn_2/gamma, .* shape \(4,\)"),
        ("decoder/decoder_dense/bias:0", (15,), r"bias has the shape \(15,\), .* it is \(16,\)"),
        ("decoder/decoder_bn_2/beta:0", (3,), r"has decoder_bn_2/beta .* which the network lacks"),
        ("encoder/mu/kernel:0", (16, 5), "not a course autoencoder, which has one of the layers"),
        ("encoder/encoder_output/kernel:0", None, "has no encoder_output/kernel"),
        ("other/decoder_dense/bias:0", (16,), "holds decoder/decoder_dense/bias:0 and other/decod"),
    ],
)
def test_weights_that_do_not_fit_are_refused(folder, path, shape, message):
    with h5py.File(folder / "weights.h5", "r+") as file:
        if path in file:
            del file[path]
        if shape:
            file[path] = np.zeros(shape, "float32")
    with pytest.raises(InputError, match=message) as caught:
        load_autoencoder(folder)
    assert str(folder / "weights.h5") in str(caught.value) and "\n" not in str(caught.value)


def replace(file, path, **options):
    shape = file[path].shape
    del file[path]
    return file.create_dataset(path, shape, **options)


BIAS = "decoder/decoder_dense/bias:0"


@pytest.mark.parametrize("kind", ["not finite", "integers", "external", "virtual", "truncated"])
def test_spoilt_weights_are_refused_in_one_line(folder, kind):
    messages = {
        "not finite": "decoder_dense/bias holds values that are not finite",
        "integers": f"{BIAS} is of type int32, weights are floats",
        "external": f"{BIAS} lies in another file",
        "virtual": f"{BIAS} lies in another file",
        "truncated": "not HDF5, or damaged: .*truncated file",
    }
    weights = folder / "weights.h5"
    with h5py.File(weights, "r+") as file:
        if kind == "not finite":
            file[BIAS][3] = np.inf
        elif kind == "integers":
            replace(file, BIAS, dtype="int32")
        elif kind == "external":
            replace(file, BIAS, dtype="float32", external=[(str(folder / "parameters.pkl"), 0, 64)])
        elif kind == "virtual":
            del file[BIAS]
            layout = h5py.VirtualLayout((16,), "float32")
            layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "secret", (16,))
            file.create_virtual_dataset(BIAS, layout)
    if kind == "truncated":
        weights.write_bytes(weights.read_bytes()[:-500])
    with pytest.raises(InputError, match=messages[kind]) as caught:
        load_autoencoder(folder)
    assert "\n" not in str(caught.value)


def test_foreign_files_are_refused(folder, tmp_path, stemzoo):
    weights = folder / "weights.h5"
    shutil.copy(weights, tmp_path / "kept.h5")
    load_autoencoder(folder).save_weights(tmp_path / "keras3.weights.h5")
    shutil.copy(tmp_path / "keras3.weights.h5", weights)
    with pytest.raises(InputError, match=r"weights.h5: not a weights file of Keras 2, no array"):
        Keras2Weights(weights)
    weights.write_text("hello")
    with pytest.raises(InputError, match=r"weights.h5: not HDF5, or damaged"):
        Keras2Weights(weights)
    weights.unlink()
    with pytest.raises(InputError, match="course: holds no weights.h5"):
        load_autoencoder(folder)
    with pytest.raises(InputError, match="absent: no such file or folder"):
        load_autoencoder(tmp_path / "absent")
    with pytest.raises(InputError, match="absent.pkl: no such file; name the list of input_shape"):
        load_autoencoder(tmp_path / "kept.h5", parameters=tmp_path / "absent.pkl")
    code, out, err = stemzoo("import", "autoencoder", folder, "-o", tmp_path / "out")
    assert (code, out, err) == (2, "", f"stemzoo: {folder}: holds no weights.h5\n")
    assert not (tmp_path / "out").exists()


def test_whole_models_of_keras_2_hold_the_same_weights(folder):
    expected = Keras2Weights(folder / "weights.h5")
    with h5py.File(folder / "model.h5", "w") as file:
        file["optimizer_weights/Adam/encoder_conv_layer_1/bias/m:0"] = np.zeros(3, "float32")
        file["optimizer_weights/encoder_conv_layer_1/bias:0"] = np.zeros(3, "float32")
        for name, shape in expected.shapes.items():
            file[f"model_weights/{name}:0"] = expected.read(name)
            assert file[f"model_weights/{name}:0"].shape == shape
    weights = Keras2Weights(folder / "model.h5")
    assert weights.shapes == expected.shapes
    network, same = load_autoencoder(folder), load_autoencoder(folder / "model.h5")
    for variable, other in zip(network.weights, same.weights, strict=True):
        assert np.array_equal(variable, other)

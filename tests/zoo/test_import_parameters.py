"""The parameter lists of the course's autoencoders: read without trust, checked before use."""

import json
import os
import pickle
from pathlib import Path

import pytest

from zoo import InputError, load_model
from zoo.checkpoints.autoencoder import load_autoencoder
from zoo.checkpoints.pickled_list import read_pickled_list

from .original_autoencoder import NAMES, SMALL, saved


@pytest.fixture
def folder(tmp_path):
    """What the program saved of a small autoencoder."""
    return saved(tmp_path / "course")


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_parameters_of_every_pickle_protocol(tmp_path, protocol):
    threes = (3, 3, 3, 3)
    parameters = [[28, 28, 1], threes, threes, (1, (2, 1), 300, 70_000), -2, 2**40, ()]
    (tmp_path / "list.pkl").write_bytes(pickle.dumps(parameters, protocol))
    assert read_pickled_list(tmp_path / "list.pkl") == parameters


@pytest.mark.parametrize("named", [False, True])
def test_parameters_as_json(folder, tmp_path, stemzoo, named):
    (folder / "parameters.pkl").unlink()
    listed = json.dumps(dict(zip(NAMES, SMALL, strict=True)) if named else SMALL)
    (tmp_path / "sizes.json").write_text(listed)
    weights = (folder / "weights.h5").rename(tmp_path / "run 7.h5")
    with pytest.raises(InputError, match="holds no parameters.json or parameters.pkl; name the"):
        load_autoencoder(weights)
    (tmp_path / "parameters.json").write_text("[1]")
    command = ("import", "autoencoder", weights, "--parameters", tmp_path / "sizes.json")
    assert stemzoo(*command, "-o", tmp_path / "out")[0] == 0
    assert load_model(tmp_path / "out").conv_strides == SMALL[3]


class Call:
    """Pickled, it asks whoever loads it to call something."""

    def __init__(self, *call):
        self.call = call

    def __reduce__(self):
        return self.call[0], self.call[1:]


def test_nothing_in_a_pickle_is_executed(folder, stemzoo):
    for victim in (Call(os.mkdir, str(folder / "executed")), Call(Path, "/"), print, "text", 1.5):
        (folder / "parameters.pkl").write_bytes(pickle.dumps([*SMALL, victim]))
        code, out, err = stemzoo("import", "autoencoder", folder, "-o", folder / "out")
        assert (code, out) == (2, "") and err.count("\n") == 1
        assert "parameters.pkl: a pickle of more than lists of whole numbers" in err
        assert not (folder / "executed").exists() and not (folder / "out").exists()
    pickle.loads(pickle.dumps(Call(os.mkdir, str(folder / "executed"))))
    assert (folder / "executed").exists()


WHOLE = pickle.dumps(SMALL)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a pickled list, or damaged"),
        (b"hello", "not a pickled list, or damaged"),
        (WHOLE[:-5], "not a pickled list, or damaged"),
        (b"\x85.", "not a pickled list, or damaged"),
        (b"K\x01K\x02a.", "not a pickled list, or damaged"),
        (b"j\xff\xff\xff\x7f.", "not a pickled list, or damaged"),
        (pickle.dumps((1, 2)), "holds no list"),
        (pickle.dumps([0] * 70_000), "too large for a list of parameters, more than 64 KiB"),
        (b"](]r\xff\xff\xff\x7fe.", "must hold a list of input_shape, conv_filters"),
        (b"]q\x00(h\x00h\x00h\x00h\x00h\x00e.", "conv_filters must be|input_shape of a network"),
    ],
)
def test_damaged_pickles_are_refused_in_one_line(folder, content, message):
    (folder / "parameters.pkl").write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        load_autoencoder(folder)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def changed(**arguments):
    return [arguments.get(name, value) for name, value in zip(NAMES, SMALL, strict=True)]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (SMALL[:4], "must hold a list of input_shape, conv_filters"),
        (changed(conv_filters=3), "conv_filters must be a list of numbers"),
        (changed(conv_filters=()), "conv_filters must be a list of numbers"),
        (changed(conv_filters=(3, 0)), "conv_filters of a network of 2 levels must be positive"),
        (changed(conv_filters=(3, -1)), "conv_filters of a network of 2 levels must be positive"),
        (changed(conv_kernels=(3,)), "conv_kernels of a network of 2 levels must be positive"),
        (changed(conv_strides=(3, (2, 2, 2))), "conv_strides of a network of 2 levels"),
        (changed(input_shape=(12, 8)), "input_shape of a network of 2 levels"),
        (changed(latent_space_dim=2**40), "latent_space_dim of a network of 2 levels"),
        (
            changed(conv_filters=(3, 2**30)),
            r"encoder_conv_layer_2/kernel of shape \(5, 3, 3, 1073741824\), in .* \(5, 3, 3, 4\)",
        ),
        (
            changed(latent_space_dim=6),
            r"decoder_dense/kernel of shape \(6, 16\), in .*weights.h5 it is \(5, 16\)",
        ),
        (
            changed(conv_filters=(3, 4, 5), conv_kernels=(3, (5, 3), 3), conv_strides=(1, 1, 1)),
            r"encoder_conv_layer_3/kernel of shape \(3, 3, 4, 5\), .*weights.h5 has none",
        ),
        # As many values a latent, but from a size that the strides do not divide.
        (changed(input_shape=(11, 8, 2)), "the strides divide the rows by 6: 6 or 12 would fit"),
    ],
)
def test_parameters_that_do_not_fit_are_refused_before_a_network_is_made(
    folder, parameters, message
):
    (folder / "parameters.pkl").write_bytes(pickle.dumps(parameters))
    with pytest.raises(InputError, match=message) as caught:
        load_autoencoder(folder)
    assert str(folder / "parameters.pkl") in str(caught.value) and "\n" not in str(caught.value)

"""Input specs in all their forms, and how models are called."""

import keras
import numpy as np
import pytest
from keras import layers

from export.specs import call_model, fits, input_shapes
from zoo.errors import InputError


def functional(inputs):
    """A model of the given input structure that adds everything up."""
    tensors = keras.tree.flatten(inputs)
    total = layers.Add()(tensors) if len(tensors) > 1 else tensors[0] * 2
    return keras.Model(inputs, total)


class Declared(keras.Model):
    export_inputs = {"waveform": keras.InputSpec(shape=(None, None, 2))}

    def call(self, waveform):
        return waveform


@pytest.mark.parametrize(
    ("inputs", "shapes"),
    [
        (None, {"waveform": (None, None, 2)}),
        ((1, None, 2), {"waveform": (1, None, 2)}),
        ([1, 8, 2], {"waveform": (1, 8, 2)}),
        (keras.InputSpec(shape=(4, None, 2)), {"waveform": (4, None, 2)}),
        (keras.KerasTensor((None, 8, 2)), {"waveform": (None, 8, 2)}),
        ({"mix": (None, 8, 2)}, {"mix": (None, 8, 2)}),
    ],
)
def test_forms(inputs, shapes):
    assert input_shapes(Declared(), inputs) == shapes


def test_names_of_functional_models():
    assert input_shapes(functional(keras.Input((3,), name="mix"))) == {"mix": (None, 3)}
    assert input_shapes(functional(keras.Input((3,)))) == {"input": (None, 3)}
    pair = [keras.Input((3,)), keras.Input((3,), name="phase")]
    assert input_shapes(functional(pair)) == {"input_0": (None, 3), "phase": (None, 3)}


def test_names_follow_a_dict_in_any_order():
    structure = {"z": keras.Input((3,), name="z"), "a": keras.Input((1,), name="a")}
    assert input_shapes(functional(structure)) == {"z": (None, 3), "a": (None, 1)}


def test_calls_keep_the_structure():
    x, y = np.float32([[1, 2, 3]]), np.float32([[10, 20, 30]])
    pair = functional([keras.Input((3,), name="x"), keras.Input((3,), name="y")])
    mapping = functional({name: keras.Input((3,), name=name) for name in ("y", "x")})
    for model in (pair, mapping):
        outputs = call_model(model, {"y": y, "x": x})
        np.testing.assert_array_equal(outputs["output"], x + y)


def test_a_list_of_outputs_is_numbered():
    inputs = keras.Input((3,))
    outputs = call_model(keras.Model(inputs, [inputs * 2, inputs * 3]), {"input": np.ones((1, 3))})
    assert [float(outputs[name][0, 0]) for name in ("output_0", "output_1")] == [2, 3]


def test_nested_outputs_are_refused():
    class Nested(keras.Model):
        def call(self, x):
            return {"stems": {"vocals": x}}

    with pytest.raises(InputError, match="output 'stems' of dict"):
        call_model(Nested(), {"x": np.ones((1, 3), "float32")})


def test_fits():
    assert fits((1, 5), (None, 5))
    assert not fits((1, 4), (None, 5))
    assert not fits((1, 5, 1), (None, 5))

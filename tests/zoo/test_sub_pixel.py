"""The sub-pixel form against Keras's transposed convolution with the same weights."""

import keras
import numpy as np
import pytest
from keras import layers

from zoo.portability import portable_operators
from zoo.sub_pixel import Conv2DTranspose


@pytest.mark.parametrize(("kernel_size", "strides"), [(5, 2), (4, 2), (3, 2), (2, 2), (7, 3)])
@pytest.mark.parametrize("filters", [1, 3])
@pytest.mark.parametrize("columns", [4, 5])
def test_equals_the_transposed_convolution(kernel_size, strides, filters, columns):
    keras.utils.set_random_seed(0)
    options = {"strides": strides, "activation": "relu", "bias_initializer": "normal"}
    layer = Conv2DTranspose(filters, kernel_size, **options)
    reference = layers.Conv2DTranspose(filters, kernel_size, padding="same", **options)
    x = np.random.default_rng(0).normal(size=(2, 6, columns, 4)).astype("float32")
    actual = layer(x)
    reference.build(x.shape)
    reference.set_weights(layer.get_weights())
    assert np.abs(actual - reference(x)).max() < 1e-5
    with portable_operators():
        assert np.array_equal(layer(x), reference(x))


def test_configuration_and_dynamic_sizes():
    x = keras.Input((None, None, 4))
    model = keras.Model(x, Conv2DTranspose(2, 5, strides=2, name="grow")(x))
    clone = keras.Model.from_config(model.get_config())
    clone.set_weights(model.get_weights())
    signal = np.random.default_rng(0).normal(size=(1, 3, 8, 4)).astype("float32")
    assert clone(signal).shape == (1, 6, 16, 2)
    assert np.array_equal(clone(signal), model(signal))


@pytest.mark.parametrize("sizes", [(1, 2), ((3, 5), 2), (5, (1, 2))])
def test_impossible_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match="Received: kernel_size="):
        Conv2DTranspose(1, sizes[0], strides=sizes[1])

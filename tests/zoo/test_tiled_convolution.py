"""Convolution by tiles: SciPy's and Keras's values, used where it is worth it."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import correlate

from zoo import tiled_convolution as module
from zoo.portability import portable_operators
from zoo.tiled_convolution import TiledConv1D, tiled_convolution


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@given(
    taps=st.integers(2, 20),
    surplus=st.integers(0, 150),
    padding=st.tuples(*[st.integers(0, 9)] * 2),
)
def test_any_length_equals_scipy(taps, surplus, padding):
    x, kernel = random(2, taps + surplus, 3), random(taps, 3, 2, seed=1)
    padded = np.pad(x, ((0, 0), padding, (0, 0))).astype("float64")
    expected = [
        [
            sum(correlate(signal[:, i], kernel[:, i, o], mode="valid") for i in range(3))
            for o in range(2)
        ]
        for signal in padded
    ]
    y = np.asarray(tiled_convolution(x, kernel, padding=padding))
    assert y.shape == (2, len(padded[0]) - taps + 1, 2)
    expected = np.transpose(expected, (0, 2, 1))
    assert np.abs(y - expected).max() < 1e-5 * np.abs(expected).max() + 1e-6


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_the_layer_equals_keras(padding, monkeypatch):
    arguments = {"padding": padding, "activation": "tanh", "bias_initializer": "random_normal"}
    tiled, plain = TiledConv1D(40, 15, **arguments), keras.layers.Conv1D(40, 15, **arguments)
    x = random(2, 333, 32)
    tiled.build(x.shape)
    plain.build(x.shape)
    plain.set_weights(tiled.get_weights())
    called = []
    monkeypatch.setattr(
        module, "tiled_convolution", lambda *a, **k: called.append(1) or tiled_convolution(*a, **k)
    )
    expected = np.asarray(plain(x))
    assert np.abs(tiled(x) - expected).max() < 1e-5
    assert len(called) == 1
    # What training, and runtimes with convolutions of their own, get is Keras's.
    assert np.array_equal(tiled(x, training=True), expected)
    with portable_operators():
        assert np.array_equal(tiled(x), expected)
    assert len(called) == 1


@pytest.mark.parametrize(
    "arguments",
    [{"kernel_size": 5}, {"dilation_rate": 2}, {"strides": 2}, {"dtype": "mixed_bfloat16"}],
)
def test_other_convolutions_are_left_to_keras(arguments, monkeypatch):
    monkeypatch.setattr(module, "tiled_convolution", None)
    layer = TiledConv1D(**{"filters": 32, "kernel_size": 15, "padding": "same", **arguments})
    plain = keras.layers.Conv1D.from_config(layer.get_config())
    x = random(1, 100, 32)
    layer.build(x.shape)
    plain.build(x.shape)
    plain.set_weights(layer.get_weights())
    assert np.array_equal(layer(x), plain(x))

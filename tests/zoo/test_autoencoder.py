"""Both autoencoders: sizes, the mirror, stock training, precision."""

import math
from functools import partial

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo import ConvAutoencoder, ConvVAE, FrontEnd

from .original_autoencoder import MNIST
from .small_autoencoder import FRONT_END, SMALL, images

BOTH = pytest.mark.parametrize("network_class", [ConvAutoencoder, ConvVAE])


def test_course_configurations_have_the_published_sizes():
    digits = ConvVAE()
    trainable = sum(int(np.prod(v.shape)) for v in digits.trainable_variables)
    assert (digits.count_params(), trainable) == (2_371_777, 2_368_833)
    assert digits.input_shape == digits.output_shape == (None, 256, 64, 1)
    assert digits.front_end.clip_samples / digits.sample_rate == pytest.approx(0.743, abs=1e-3)
    assert digits.encoder.output_shape == (None, 128)
    assert digits.decoder.input_shape == (None, 128)
    mnist = ConvAutoencoder(*MNIST)
    assert (mnist.count_params(), len(mnist.weights)) == (221_379, 48)
    assert mnist.front_end is None and mnist.sample_rate is None


SIZES = st.integers(1, 3) | st.tuples(st.integers(1, 3), st.integers(1, 3))
LEVELS = st.lists(st.tuples(st.integers(1, 4), SIZES, SIZES), min_size=1, max_size=3)


@settings(max_examples=8)
@given(LEVELS, st.integers(1, 2), st.integers(1, 2), st.integers(1, 3), st.sampled_from([0, 1]))
def test_the_decoder_mirrors_the_encoder(levels, rows, columns, channels, variational):
    filters, kernels, strides = zip(*levels, strict=True)
    steps = [stride if isinstance(stride, tuple) else (stride, stride) for stride in strides]
    rows *= math.prod(step[0] for step in steps)
    columns *= math.prod(step[1] for step in steps)
    network_class = (ConvAutoencoder, ConvVAE)[variational]
    network = network_class((rows, columns, channels), filters, kernels, strides, 3)
    assert network.output_shape == network.input_shape == (None, rows, columns, channels)
    for number, width in enumerate(filters, 1):
        down = network.encoder.get_layer(f"encoder_{number}_conv")
        up = network.decoder.get_layer(f"decoder_{number}_conv")
        assert (down.filters, up.filters) == (width, width if number > 1 else channels)
        assert (up.kernel_size, up.strides) == (down.kernel_size, down.strides)
        assert up.output.shape[1:3] == down.input.shape[1:3]
        assert up.input.shape[1:3] == down.output.shape[1:3]
    x = images(2, (rows, columns, channels))
    output = np.asarray(network(x))
    assert output.shape == x.shape and np.all((output > 0) & (output < 1))
    assert np.allclose(output, network.decoder(network.encoder(x)), atol=1e-6)


def test_order_of_convolution_activation_and_norm():
    network = ConvAutoencoder(**SMALL)
    names = [layer.name for layer in network.encoder.layers]
    level = ["conv", "activation", "norm"]
    assert names[1:7] == [f"encoder_{i}_{part}" for i in (1, 2) for part in level]
    assert names[7:] == ["encoder_flatten", "encoder_latent"]
    names = [layer.name for layer in network.decoder.layers]
    assert names[1:3] == ["decoder_dense", "decoder_reshape"]
    assert names[3:] == [f"decoder_2_{part}" for part in level] + [
        "decoder_1_conv",
        "decoder_output",
    ]


@BOTH
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"input_shape": (13, 8, 1)}, "divide the rows by 6: 12 or 18 would fit. Received: inp"),
        ({"input_shape": (5, 8, 1)}, r"rows by 6: 6 would fit. Received: input_shape=\(5, 8, 1\)"),
        ({"input_shape": (12, 7, 1)}, "divide the columns by 2: 6 or 8 would fit"),
        ({"input_shape": (12, 8)}, r"must be \(rows, columns, channels\), all positive"),
        ({"input_shape": (12, 0, 1)}, r"must be \(rows, columns, channels\), all positive"),
        ({"conv_filters": (3,)}, r"one value a level each. Received: conv_filters=\(3,\)"),
        ({"conv_filters": (), "conv_kernels": (), "conv_strides": ()}, "one value a level each"),
        ({"conv_filters": (3, 0)}, r"positive integers. Received: conv_filters=\(3, 0\)"),
        ({"conv_kernels": (3, (3, 3, 3))}, r"a pair of them. Received: \(3, 3, 3\)"),
        ({"conv_strides": (2, 0)}, "each of conv_strides must be a positive integer"),
        ({"latent_space_dim": 0}, "positive. Received: latent_space_dim=0"),
        ({"front_end": FRONT_END}, r"gives \(16, 8, 1\); leave out one.*input_shape=\(12, 8, 1\)"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(network_class, changed, message):
    with pytest.raises(ValueError, match=message):
        network_class(**{**SMALL, **changed})


def test_the_front_end_gives_the_input_shape():
    sizes = {**SMALL, "input_shape": None, "conv_strides": (2, (2, 1))}
    network = ConvVAE(**sizes, front_end=FRONT_END)
    assert network.input_shape == (None, 16, 8, 1)
    assert network.sample_rate == FRONT_END.sample_rate
    magnitudes = FrontEnd(frame_length=32, frame_step=16, bins=16, frames=8, normalization="none")
    with pytest.raises(ValueError, match="'min_max'. Received: front_end=FrontEnd"):
        ConvVAE(**sizes, front_end=magnitudes)


@BOTH
def test_stock_training_with_and_without_targets(network_class):
    x = images(64)
    histories, evaluated = [], []
    for data, epochs, eagerly in (((x,), 12, False), ((x, x), 1, True)):
        keras.utils.set_random_seed(0)
        options = {"alpha": 1000.0, "seed": 1} if network_class is ConvVAE else {}
        network = network_class(**SMALL, **options)
        network.compile(keras.optimizers.Adam(0.02), run_eagerly=eagerly)
        evaluated.append(network.evaluate(*data, verbose=0, return_dict=True))
        history = network.fit(*data, epochs=epochs, batch_size=16, shuffle=False, verbose=0)
        histories.append({name: np.array(values) for name, values in history.history.items()})
    terms = {"reconstruction_loss", "kl_loss"} if network_class is ConvVAE else set()
    assert all(set(logs) == {"loss"} | terms for logs in histories + evaluated)
    for name in histories[0]:
        assert histories[0][name][0] == pytest.approx(histories[1][name][0], rel=1e-4)
        assert evaluated[0][name] == pytest.approx(evaluated[1][name], rel=1e-4)
    assert histories[0]["loss"][-1] < 0.5 * histories[0]["loss"][0]
    if terms:
        total = 1000 * histories[0]["reconstruction_loss"] + histories[0]["kl_loss"]
        assert histories[0]["loss"] == pytest.approx(total, rel=1e-5)


@BOTH
def test_metrics_compare_with_the_input_where_there_are_no_targets(network_class):
    network, x = network_class(**SMALL), images(8)
    network.compile(metrics=["mean_absolute_error"])
    error = np.abs(np.asarray(network(x)) - x).mean()
    for arguments in ((x,), (x, x)):
        logs = network.evaluate(*arguments, verbose=0, return_dict=True)
        assert logs["mean_absolute_error"] == pytest.approx(error, rel=1e-4)
    history = network.fit(x, verbose=0).history
    assert history["mean_absolute_error"][0] > 0


def test_the_autoencoder_takes_other_targets_losses_and_optimizers():
    x, y = images(8), images(8, seed=1)
    network = ConvAutoencoder(**SMALL)
    network.compile()
    assert float(network.optimizer.learning_rate) == pytest.approx(5e-4)
    error = np.asarray(network(x)) - y
    assert network.evaluate(x, y, verbose=0) == pytest.approx(np.mean(error**2), rel=1e-5)
    network.compile("sgd", "mean_absolute_error")
    assert network.evaluate(x, y, verbose=0) == pytest.approx(np.mean(np.abs(error)), rel=1e-5)


@pytest.mark.parametrize(
    ("network_class", "policy"),
    [(ConvAutoencoder, "mixed_bfloat16"), (partial(ConvVAE, alpha=10.0), "mixed_float16")],
)
def test_trains_under_mixed_precision(network_class, policy):
    keras.utils.set_random_seed(0)
    network = network_class(**SMALL, dtype=policy)
    assert network.encoder.get_layer("encoder_1_conv").compute_dtype == policy[6:]
    network.compile(keras.optimizers.Adam(0.02))
    x = images(32)
    history = network.fit(x, epochs=10, batch_size=16, verbose=0).history["loss"]
    assert network(x).dtype == network.encoder(x).dtype == "float32"
    assert history[-1] < 0.8 * history[0]

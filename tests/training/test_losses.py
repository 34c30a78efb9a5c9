"""Losses against NumPy, by hand, and for silence."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.losses import (
    ENERGY_FLOOR,
    LOSSES,
    ScaleInvariantSignalToDistortion,
    SignalToDistortion,
    compile_arguments,
    output_weights,
)
from zoo.wave_unet import WaveUNet

RATIOS = (SignalToDistortion, ScaleInvariantSignalToDistortion)


def noise(seed, shape=(3, 400, 2), level=0.1):
    return np.random.default_rng(seed).normal(0, level, shape).astype("float32")


def numpy_sdr(target, estimate):
    """Example by example, in double precision, without a floor."""
    ratios = []
    for reference, given in zip(target.astype("float64"), estimate.astype("float64"), strict=True):
        ratios.append(10 * np.log10((reference**2).sum() / ((reference - given) ** 2).sum()))
    return -np.mean(ratios)


def numpy_si_sdr(target, estimate):
    """By least squares: the part of the estimate that a scaled target explains."""
    ratios = []
    for reference, given in zip(target.astype("float64"), estimate.astype("float64"), strict=True):
        for channel in range(reference.shape[1]):
            s, x = reference[:, channel], given[:, channel]
            scale = np.linalg.lstsq(s[:, None], x, rcond=None)[0][0]
            ratios.append(20 * np.log10(np.linalg.norm(scale * s) / np.linalg.norm(x - scale * s)))
    return -np.mean(ratios)


@pytest.mark.parametrize(
    ("loss", "reference"),
    [(SignalToDistortion, numpy_sdr), (ScaleInvariantSignalToDistortion, numpy_si_sdr)],
)
def test_ratios_are_numpys(loss, reference):
    target = noise(1)
    for error in (0.3, 0.03):
        # Channels and examples of different levels: what is averaged over shows.
        estimate = target * np.float32([0.5, 1.2]) + error * noise(2) * np.float32(
            [[[1]], [[3]], [[9]]]
        )
        assert float(loss()(target, estimate)) == pytest.approx(
            reference(target, estimate), abs=0.01
        )


def test_known_values():
    target = np.ones((1, 8, 1), "float32")
    assert float(SignalToDistortion()(target, 0.5 * target)) == pytest.approx(-6.0206, abs=1e-3)
    assert float(SignalToDistortion()(target, 0 * target)) == pytest.approx(0, abs=1e-5)
    assert float(SignalToDistortion()(target, -target)) == pytest.approx(6.0206, abs=1e-3)
    # Orthogonal to the target, a tenth of its amplitude.
    error = np.float32([0.1, -0.1] * 4)[None, :, None]
    loss = ScaleInvariantSignalToDistortion()
    assert float(loss(target, target + error)) == pytest.approx(-20, abs=1e-3)
    assert float(loss(target, -target)) == pytest.approx(-80, abs=0.01)


def test_the_scale_of_the_estimate_does_not_matter():
    target, estimate = noise(1), noise(1) + 0.3 * noise(2)
    loss = ScaleInvariantSignalToDistortion()
    expected = float(loss(target, estimate))
    for scale in (0.05, 7.0, -2.0):
        assert float(loss(target, np.float32(scale) * estimate)) == pytest.approx(
            expected, abs=0.02
        )
    assert float(SignalToDistortion()(target, 7 * estimate)) > expected + 10


@pytest.mark.parametrize("loss", RATIOS)
@pytest.mark.parametrize("target_level", [0.0, 0.1])
@pytest.mark.parametrize("estimate_level", [0.0, 1e-20, 0.1, 1.0])
def test_silence_has_a_loss_and_a_gradient(loss, target_level, estimate_level):
    target = tf.constant(noise(1, level=target_level))
    estimate = tf.Variable(noise(2, level=estimate_level))
    with tf.GradientTape() as tape:
        value = loss()(target, estimate)
    gradient = tape.gradient(value, estimate).numpy()
    assert np.isfinite(value.numpy()) and np.isfinite(gradient).all()
    if not target_level and estimate_level >= 0.1:
        # Downhill is towards silence.
        assert (np.sign(gradient) == np.sign(estimate.numpy())).all()
        level = float(np.mean(np.square(estimate.numpy())))
        assert value.numpy() == pytest.approx(10 * np.log10(level / ENERGY_FLOOR), abs=0.2)
    if not target_level and not estimate_level:
        assert value.numpy() == 0


def test_ratios_take_spectrograms_too():
    target = noise(1, (2, 8, 6, 1))
    for loss in RATIOS:
        assert float(loss()(target, 0.5 * target + 0.01 * noise(2, (2, 8, 6, 1)))) < -5


@pytest.mark.parametrize("loss", RATIOS)
def test_ratios_are_serializable(loss):
    copy = keras.losses.deserialize(keras.losses.serialize(loss(energy_floor=1e-4)))
    assert isinstance(copy, loss) and copy.energy_floor == 1e-4
    with pytest.raises(ValueError, match="Received: energy_floor=0"):
        loss(energy_floor=0)


def test_the_total_is_the_mean_over_sources_and_weighs_scales():
    network = WaveUNet("M1", levels=2, initial_filters=2, scales=3, sources=("a", "b"))
    weights = output_weights(network, scale_weight=0.5)
    assert set(weights) == set(network.output)
    assert sum(weights.values()) == pytest.approx(1)
    assert weights["a"] == weights["b"] == 2 * weights["a_2"] == 4 * weights["b_4"]
    assert output_weights(network, scale_weight=0.0)["a"] == 0.5

    mixture = noise(1, (2, 64, 1))
    outputs = network.predict(mixture, verbose=0)
    targets = {name: noise(2, value.shape) for name, value in outputs.items()}
    network.compile(**compile_arguments(network, "mean_squared_error"))
    total = network.evaluate(mixture, targets, verbose=0, return_dict=True)["loss"]
    errors = {name: np.mean((outputs[name] - targets[name]) ** 2) for name in outputs}
    full, half, quarter = (
        np.mean([errors[f"{source}{scale}"] for source in "ab"]) for scale in ("", "_2", "_4")
    )
    assert total == pytest.approx((4 * full + 2 * half + quarter) / 7, rel=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_trains_a_network_with_sources(loss):
    mixture = keras.Input((None, 1))
    sources = {name: keras.layers.Conv1D(1, 3, name=name)(mixture) for name in ("vocals", "rest")}
    network = keras.Model(mixture, sources)
    waveform = noise(1, (2, 64, 1))
    targets = {"vocals": 0.3 * waveform[:, 1:-1], "rest": 0.7 * waveform[:, 1:-1]}
    network.compile("adam", **compile_arguments(network, loss))
    logs = network.fit(waveform, targets, epochs=1, verbose=0).history
    assert logs["loss"][0] == pytest.approx(
        (logs["vocals_loss"][0] + logs["rest_loss"][0]) / 2, rel=1e-5
    )

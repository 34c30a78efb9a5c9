"""Several devices of one host, accumulated gradients, averages and half precision."""

from contextlib import suppress

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.devices import check_device_count, spread_over
from training.fit_settings import FitSettings
from training.fitting import fit
from training.loss_scaling import LossScaling
from training.whole_batch_adam import WholeBatchAdam
from zoo.errors import InputError
from zoo.jansson_unet import JanssonUNet

from .runs import dying, endless, history

# TensorFlow's devices are fixed once it runs: two before the first test of the process.
with suppress(RuntimeError):
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
    )


@pytest.fixture(scope="module")
def two():
    """Two devices, made of one processor."""
    return spread_over(2)


def network(dtype=None):
    """With statistics of the batch, which devices must share."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4,), name="mixture"),
            keras.layers.Dense(8, activation="relu", dtype=dtype, name="hidden"),
            keras.layers.BatchNormalization(dtype=dtype, name="norm"),
            keras.layers.Dense(1, dtype=dtype and "float32", name="vocals"),
        ]
    )


def nine_examples():
    """The last batch has one example only: one of two devices gets none."""
    inputs = np.random.default_rng(1).normal(size=(9, 4)).astype("float32")
    targets = {"vocals": inputs @ np.float32([[1], [-1], [2], [0]])}
    return tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(4)


def trained(output, *, spread=None, train=endless, resume=False, dtype=None, **settings):
    spread = spread or spread_over(1)
    with spread.scope():
        model = network(dtype)
        spread.prepare(model)
    settings = {"epochs": 3, "learning_rate": 0.02, "clip_norm": 0.5, **settings}
    return fit(
        model,
        train,
        nine_examples(),
        output=output,
        settings=FitSettings(**settings),
        steps_per_epoch=8,
        resume=resume,
        spread=spread,
    )


def assert_same(ours, theirs, tolerance=2e-4):
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=tolerance)


def assert_same_runs(tmp_path, one, both):
    assert_same(one, both)
    for ours, theirs in zip(history(tmp_path / "one"), history(tmp_path / "both"), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-4)


def test_two_devices_end_as_one_even_when_killed(two, tmp_path):
    one = trained(tmp_path / "one")
    with pytest.raises(Exception, match="Killed"):
        trained(tmp_path / "both", spread=two, train=dying(endless, 8 + 3))
    both = trained(tmp_path / "both", spread=two, resume=True)
    assert_same_runs(tmp_path, one, both)
    assert not (tmp_path / "both" / "backup").exists()


def test_two_devices_add_up_batches_and_average_weights_as_one(two, tmp_path):
    settings = {"accumulate_steps": 3, "ema_momentum": 0.9, "schedule": "cosine", "epochs": 2}
    one = trained(tmp_path / "one", **settings)
    both = trained(tmp_path / "both", spread=two, **settings)
    assert_same_runs(tmp_path, one, both)


def test_an_overflow_on_one_device_leaves_the_weights(two):
    with two.scope():
        model = network("mixed_float16")
        model.compile(LossScaling(WholeBatchAdam(0.1)), "mse")
    before = model.get_weights()[0]
    inputs = np.ones((4, 4), "float32")
    targets = np.zeros((4, 1), "float32")
    targets[3] = np.inf  # The second device's.
    model.fit(tf.data.Dataset.from_tensors((inputs, targets)), verbose=0, shuffle=False)
    np.testing.assert_array_equal(model.get_weights()[0], before)
    scale = keras.ops.convert_to_numpy(model.optimizer.dynamic_scale)
    assert scale == model.optimizer.initial_scale / 2


def test_float16_trains_with_scaled_loss_and_saves_float32(front_end, tmp_path):
    keras.utils.set_random_seed(0)
    model = JanssonUNet(filters=(2, 4), front_end=front_end, dtype="mixed_float16", dropout=0.0)
    mixture = np.random.default_rng(0).uniform(size=(4, 32, 8, 1)).astype("float32")
    train = tf.data.Dataset.from_tensors((mixture, {"vocals": 0.2 * mixture})).repeat(15)
    settings = FitSettings(epochs=2, learning_rate=0.02, loss="mean_squared_error")
    best = fit(model, train, output=tmp_path / "run", settings=settings)
    assert isinstance(model.optimizer, LossScaling)
    first, last = (row["loss"] for row in history(tmp_path / "run"))
    assert last < 0.7 * first
    assert {layer.compute_dtype for layer in best.layers} == {"float32"}


def test_batches_add_up_to_the_step_of_one_batch_of_them_all():
    """By hand: a linear model, its mean squared error, Adam as in algorithm 1 of its paper."""
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(12, 3)), rng.normal(size=(12, 1))
    weight = keras.Variable(np.zeros((3, 1), "float32"))
    optimizer = WholeBatchAdam(0.1, batches=3, clip_norm=0.7, use_ema=True, ema_momentum=0.5)
    expected, average = np.zeros((3, 1)), None
    mean = square = np.zeros((3, 1))
    for step in (1, 2):
        for part in range(3):
            x, y = inputs[4 * part : 4 * part + 4], targets[4 * part : 4 * part + 4]
            gradient = 2 / 4 * x.T @ (x @ weight.numpy() - y)
            optimizer.apply([keras.ops.convert_to_tensor(gradient, "float32")], [weight])
            if part < 2:
                np.testing.assert_allclose(weight, expected, atol=2e-5)
        whole = 2 / 12 * inputs.T @ (inputs @ expected - targets)
        whole *= 0.7 / max(0.7, np.linalg.norm(whole))
        mean, square = 0.9 * mean + 0.1 * whole, 0.999 * square + 0.001 * whole**2
        corrected = mean / (1 - 0.9**step), square / (1 - 0.999**step)
        expected = expected - 0.1 * corrected[0] / (np.sqrt(corrected[1]) + 1e-7)
        average = expected if step == 1 else (average + expected) / 2
        np.testing.assert_allclose(weight, expected, atol=2e-5)
    assert int(optimizer.iterations) == 2
    optimizer.finalize_variable_values([weight])
    np.testing.assert_allclose(weight, average, atol=2e-5)


def test_wrong_settings_are_refused(two, tmp_path):
    for wrong in (0, "two"):
        with pytest.raises(InputError, match="neither a number from 1 nor 'all'"):
            check_device_count(wrong)
    with pytest.raises(InputError, match="devices=99: there are 2"):
        spread_over(99)
    with pytest.raises(InputError, match="batch_size=3 cannot be shared equally by 2 devices"):
        two.check_batch(3)
    with pytest.raises(InputError, match="accumulate_steps=0 must be at least 1"):
        FitSettings(accumulate_steps=0)
    with pytest.raises(InputError, match="jit_compile: TensorFlow compiles no step for several"):
        trained(tmp_path / "run", spread=two, jit_compile=True)


def test_a_step_compiled_by_xla_is_the_same(tmp_path):
    plain = trained(tmp_path / "plain", epochs=1, jit_compile=False)
    compiled = trained(tmp_path / "compiled", epochs=1, jit_compile=True)
    assert_same(plain, compiled)

"""Autoencoders as files: whole again in a fresh process, on other backends, where they train."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import keras
import numpy as np
import pytest

import zoo
from zoo import ConvAutoencoder, ConvVAE

from .small_autoencoder import FRONT_END, SMALL, images


@pytest.mark.parametrize("network_class", [ConvAutoencoder, ConvVAE])
def test_config_is_plain_json(network_class):
    network = network_class(**SMALL, dtype="mixed_bfloat16")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(network)))
    clone = keras.saving.deserialize_keras_object(config)
    assert clone.get_config() == network.get_config()
    assert clone.conv_strides == SMALL["conv_strides"]
    assert clone.encoder.get_layer("encoder_1_conv").compute_dtype == "bfloat16"


PROGRAM = """
import sys
from zoo.quiet import load_backend
# As commands do: without what Keras imports for arguments that nobody passes here.
load_backend()
import keras, numpy as np
import zoo
assert keras.backend.backend() == sys.argv[1], keras.backend.backend()
heavy = {"tf2onnx", "ai_edge_litert", "librosa", "onnxruntime"} & set(sys.modules)
assert not heavy, heavy
folder, outputs = sys.argv[2], {}
with np.load(f"{folder}/given.npz") as file:
    x = file["x"]
for name in ("ConvAutoencoder", "ConvVAE"):
    network = getattr(zoo, name).from_preset(f"{folder}/{name}")
    saved = keras.saving.load_model(f"{folder}/{name}.keras")
    assert type(saved) is type(network) and saved.get_config() == network.get_config()
    for one, other in zip(saved.get_weights(), network.get_weights(), strict=True):
        assert np.array_equal(one, other)
    # One compiled program: operator by operator takes JAX much longer.
    outputs[name] = network.predict_on_batch(x)
network.compile(keras.optimizers.Adam(0.02))
outputs |= network.fit(x, epochs=8, batch_size=16, shuffle=False, verbose=0).history
outputs["step"] = np.asarray(network.encoder.get_layer("sampling").step)
np.savez(f"{folder}/outputs.npz", **outputs)
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_other_backends_agree_and_train_in_a_fresh_process(backend, tmp_path):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    keras.utils.set_random_seed(0)
    sizes = {**SMALL, "input_shape": None, "conv_strides": (2, (2, 1)), "front_end": FRONT_END}
    options = {"alpha": 10.0, "kl_annealing_steps": 4, "seed": 3}
    networks = [ConvAutoencoder(**sizes), ConvVAE(**sizes, **options)]
    x = images(16, (16, 8, 1))
    np.savez(tmp_path / "given.npz", x=x)
    for network in networks:
        name = type(network).__name__
        network.save(tmp_path / f"{name}.keras")
        network.save_to_preset(tmp_path / name)
    subprocess.run(
        [sys.executable, "-c", PROGRAM, backend, tmp_path],
        env={**os.environ, "KERAS_BACKEND": backend},
        check=True,
    )
    with np.load(tmp_path / "outputs.npz") as file:
        outputs = dict(file)
    for network in networks:
        assert np.abs(outputs[type(network).__name__] - network(x)).max() <= 1e-5, network.name
    logs = {name: outputs[name] for name in ("loss", "reconstruction_loss", "kl_loss")}
    assert all(np.all(np.isfinite(values)) for values in logs.values())
    assert logs["reconstruction_loss"][-1] < 0.8 * logs["reconstruction_loss"][0]
    # One step an epoch.
    weights = (logs["loss"] - 10 * logs["reconstruction_loss"]) / logs["kl_loss"]
    assert weights == pytest.approx([0, 0.25, 0.5, 0.75, 1, 1, 1, 1], abs=1e-3)
    assert outputs["step"] == 8


def test_saved_in_safe_mode_and_found_without_custom_objects(tmp_path):
    network = ConvVAE(**SMALL, seed=4)
    network.save(tmp_path / "model.keras")
    loaded = zoo.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == network.get_config() and loaded.seed == 4
    x = images()
    assert np.array_equal(loaded(x), network(x))
    with pytest.raises(zoo.InputError, match="holds a ConvVAE, not a ConvAutoencoder"):
        network.save_to_preset(tmp_path / "preset")
        ConvAutoencoder.from_preset(tmp_path / "preset")

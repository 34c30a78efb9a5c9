"""Small models of every kind that leaves the house, and their files, written once a session."""

from types import SimpleNamespace

import keras
import pytest
from keras import layers, ops

import export
from export.sharing import shared_graphs

WRITERS = {
    "saved_model": (export.to_saved_model, "model"),
    "tflite": (export.to_tflite, "model.tflite"),
    "onnx": (export.to_onnx, "model.onnx"),
}


def mask_network(dtype="float32", bins=16, frames=None):
    """A one-level U-Net with a dict of outputs, never called, with weights unlike the initial."""
    keras.utils.set_random_seed(1)
    shared = {"kernel_size": 5, "strides": 2, "padding": "same", "dtype": dtype}
    mixture = keras.Input((bins, frames, 1), name="mixture")
    x = layers.Conv2D(4, name="encoder", **shared)(mixture)
    x = layers.BatchNormalization(dtype=dtype, name="norm")(x)
    x = layers.LeakyReLU(0.2, dtype=dtype, name="activation")(x)
    x = layers.Dropout(0.5, dtype=dtype, name="dropout")(x)
    mask = layers.Conv2DTranspose(1, activation="sigmoid", name="decoder", **shared)(x)
    mask = layers.Activation("linear", dtype="float32", name="mask")(mask)
    vocals = layers.Multiply(dtype="float32", name="vocals")((mask, mixture))
    rest = layers.Subtract(dtype="float32", name="rest")((mixture, vocals))
    model = keras.Model(mixture, {"vocals": vocals, "accompaniment": rest}, name="mask_network")
    moving_mean, moving_variance = model.get_layer("norm").non_trainable_variables
    moving_mean.assign([0.1, -0.2, 0.3, 0.0])
    moving_variance.assign([0.5, 2.0, 1.0, 3.0])
    return model


class Blocks(keras.Model):
    """Subclassed, with a dynamic time axis cut into blocks: `(batch, samples, 2)` -> a tensor."""

    export_example_shapes = ({"waveform": (1, 64, 2)}, {"waveform": (3, 96, 2)})

    def __init__(self):
        super().__init__(name="blocks")
        self.mix = layers.Dense(6, name="mix")
        # A tensor made outside the graph: tf2onnx takes such captures for inputs.
        self.gain = ops.convert_to_tensor([0.5, 2.0])

    @property
    def export_inputs(self):
        return {"waveform": keras.InputSpec(shape=(None, None, 2), dtype="float32")}

    def call(self, waveform):
        blocks = ops.shape(waveform)[1] // 32
        x = ops.reshape(waveform, (-1, blocks, 64))
        x = ops.concatenate((self.mix(x), ops.mean(x, axis=-1, keepdims=True)), axis=-1)
        return ops.reshape(x, (-1, blocks * 7, 1)) * self.gain


class Sampler(layers.Layer):
    """Draws a latent vector in training and returns its mean otherwise."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.seed_generator = keras.random.SeedGenerator(3)

    def call(self, inputs, training=False):
        mean, deviation = inputs
        if not training:
            return mean
        return mean + deviation * keras.random.normal(ops.shape(mean), seed=self.seed_generator)


def sampling_model():
    """A dict of two inputs, a random layer, one bare output."""
    keras.utils.set_random_seed(2)
    inputs = {name: keras.Input((8,), name=name) for name in ("mean", "deviation")}
    latent = Sampler(name="sampler")((inputs["mean"], inputs["deviation"]))
    return keras.Model(inputs, layers.Dense(4, name="decoder")(latent), name="sampling_model")


@pytest.fixture(params=WRITERS)
def format(request):
    """Each format in turn."""
    return request.param


@pytest.fixture(scope="session")
def write():
    """Function: exports a model into a folder under the format's usual name."""

    def function(format, model, folder, **options):
        writer, name = WRITERS[format]
        return writer(model, folder / name, **options)

    return function


@pytest.fixture(scope="session")
def models():
    """Builders of the small models."""
    return SimpleNamespace(mask_network=mask_network, blocks=Blocks, sampling_model=sampling_model)


@pytest.fixture(scope="session")
def network():
    """One mask network for all tests; its weights must not be changed."""
    return mask_network()


@pytest.fixture(scope="session")
def network_reports(network, write, tmp_path_factory):
    """Reports of the mask network's three files, with dynamic batch and time."""
    folder = tmp_path_factory.mktemp("network")
    with shared_graphs():
        return {format: write(format, network, folder, seconds=2.0) for format in WRITERS}

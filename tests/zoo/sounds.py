"""Sound generators so small that their tests are about mechanics."""

import keras
import numpy as np

from zoo import ConvVAE, FrontEnd, SoundGenerator

TINY = FrontEnd(8000, 64, 20, 32, 0, 16, "min_max")


def tiny_generator(labels=("no", "yes"), **options) -> SoundGenerator:
    """Around a random VAE whose spectrograms vary, unlike those of fresh weights."""
    keras.utils.set_random_seed(0)
    network = ConvVAE(None, (4, 6), (3, 3), (2, 2), 5, front_end=TINY)
    generator = np.random.default_rng(0)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(0, 0.5, variable.shape))
    return SoundGenerator(network, labels=labels, iterations=3, **options)


class Identity(keras.Model):
    """Stands in for a network that loses nothing: its latents are the spectrograms."""

    def __init__(self, front_end=TINY):
        super().__init__()
        self.front_end = front_end
        shape = (front_end.bins, front_end.frames, 1)
        self.encoder = keras.Sequential([keras.Input(shape), keras.layers.Flatten()])
        self.decoder = keras.Sequential(
            [keras.Input((int(np.prod(shape)),)), keras.layers.Reshape(shape)]
        )


def tones(count: int, samples: int = 320) -> np.ndarray:
    """Tones with some noise, each at a pitch and a level of its own."""
    random = np.random.default_rng(0)
    time = np.arange(samples) / 8000
    return np.stack(
        [
            0.5 / (k + 1) * np.sin(2 * np.pi * (500 + 300 * k) * time)
            + random.normal(0, 0.01, samples)
            for k in range(count)
        ]
    ).astype("float32")

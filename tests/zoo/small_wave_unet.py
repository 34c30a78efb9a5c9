"""Wave-U-Nets so small that their tests are about mechanics."""

import keras
import numpy as np

from zoo import WaveUNet

SMALL = {"levels": 3, "initial_filters": 3, "kernel_size": 5, "decoder_kernel_size": 3}


def small_wave_unet(variant="M1", *, spread=0.0, **options):
    """A network of three levels, with the same weights in every run.

    `spread` is the deviation of noise added to them: biases and interpolation start at zero.
    """
    keras.utils.set_random_seed(0)
    model = WaveUNet(variant, **{**SMALL, **options})
    random = np.random.default_rng(0)
    for variable in model.weights:
        variable.assign(np.asarray(variable) + random.normal(0, spread, variable.shape))
    return model


def noise(*shape):
    return np.random.default_rng(1).uniform(-1, 1, shape).astype("float32")

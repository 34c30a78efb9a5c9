"""Separators of the three kinds, so small that their files are written in a second."""

import keras
import numpy as np

from zoo import FrontEnd, JanssonUNet, Separator, WaveUNet

FRONT_END = FrontEnd(frame_length=128, frame_step=96, bins=64, frames=16)


def loud(network, seed: int):
    """Weights that make outputs vary, unlike fresh ones."""
    random = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        fan_in = np.prod(variable.shape[:-1]) if len(variable.shape) > 1 else 25
        variable.assign(random.normal(0, 1.5 / np.sqrt(fan_in), variable.shape))
    return network


def mask_separator() -> Separator:
    """One mask of the mono mix, for every channel."""
    keras.utils.set_random_seed(0)
    return Separator(loud(JanssonUNet(filters=(3, 4), front_end=FRONT_END), 0))


def context_separator() -> Separator:
    """A stereo network on waveforms that sees more than it returns."""
    return Separator(_wave_unet("M4"))


def crossfade_separator() -> Separator:
    """A mono network on waveforms that hears the mean of all channels."""
    return Separator(_wave_unet("M1"))


def _wave_unet(variant: str) -> WaveUNet:
    keras.utils.set_random_seed(0)
    sizes = {"levels": 2, "initial_filters": 2, "kernel_size": 5, "segment_samples": 64}
    return loud(WaveUNet(variant, **sizes), 0)

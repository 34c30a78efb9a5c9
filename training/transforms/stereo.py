"""Transforms of stereo: channels exchanged, channels averaged."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import tensorflow as tf

from training.transforms.transform import StemTransform


def _channels_mixed(waveform, gains: np.ndarray, applies):
    # A product is three times as fast as taking channels apart and together.
    return tf.cond(applies, lambda: tf.matmul(waveform, gains), lambda: waveform)


@dataclass(frozen=True)
class ChannelSwap(StemTransform):
    """Exchanges left and right; of more channels, the order is reversed.

    Uhlich et al., "Improving Music Source Separation Based on Deep Neural Networks through Data
    Augmentation and Network Blending", ICASSP 2017, section 3. Examples of one channel are refused.

    Args:
        probability, stems, together: as for every transform of single stems.

    Example:
        >>> ChannelSwap(probability=0.5).stereo
        True
    """

    name: ClassVar[str] = "channel_swap"
    stereo: ClassVar[bool] = True

    def change(self, waveform, applies, where, *, sample_rate: int, seed):
        crossed = np.eye(waveform.shape[1], dtype="float32")[::-1]
        return _channels_mixed(waveform, crossed, applies)


@dataclass(frozen=True)
class RandomMono(StemTransform):
    """Gives each channel the average of all: a stem moves to the middle.

    Channels that have nothing in common lose 3 dB by it. Examples of one channel are refused.

    Args:
        probability, stems, together: as for every transform of single stems.

    Example:
        >>> RandomMono(probability=0.1, together=True).together
        True
    """

    name: ClassVar[str] = "random_mono"
    stereo: ClassVar[bool] = True

    def change(self, waveform, applies, where, *, sample_rate: int, seed):
        channels = waveform.shape[1]
        equal = np.full((channels, channels), 1 / channels, "float32")
        return _channels_mixed(waveform, equal, applies)

    def words(self, where: float) -> str:
        return "mono"

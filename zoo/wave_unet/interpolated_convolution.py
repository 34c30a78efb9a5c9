"""The Wave-U-Net decoder's convolution over interpolated features, at the lower rate."""

import keras
import numpy as np
from keras import layers, ops

from zoo.wave_unet.layers import crop_centre


def _low_rate_taps(kernel_size: int, shift: int) -> tuple[np.ndarray, np.ndarray, int]:
    """How taps on a signal of doubled rate become taps on the signal itself.

    Output sample 2 t + phase reads the doubled signal at 2 t + phase + tap - shift: at even places
    lie the signal's samples, at odd ones a mixture of the samples to the left and to the right.

    Returns:
        Arrays `(2, low-rate taps, kernel_size)`: what the tap adds to the low-rate taps, whole for
        samples and right neighbours, and what moves from there to left neighbours, times their
        share; and how far before t the first low-rate tap lies.
    """
    before, after = (shift + 1) // 2, (kernel_size - shift + 1) // 2
    whole = np.zeros((2, before + after + 1, kernel_size), "float32")
    moved = np.zeros_like(whole)
    for phase, tap in np.ndindex(2, kernel_size):
        place, odd = divmod(phase + tap - shift, 2)
        whole[phase, before + place + odd, tap] = 1
        if odd:
            moved[phase, before + place, tap] = 1
            moved[phase, before + place + 1, tap] = -1
    return whole, moved, before


@keras.saving.register_keras_serializable(package="stemzoo")
class InterpolatedConvolution(layers.Layer):
    """Convolution over (skip, x), where x is brought to twice its rate by interpolation.

    It is `convolution(concatenate(crop(skip), interpolate(x)))` with the upsampled signal never
    written: interpolation and kernel, both linear, become one kernel at the lower rate that puts
    out two samples at a time. Five taps at the higher rate, ten for two samples, become two times
    four, and the two arrays that would be the largest are not needed, nor kept for gradients.

    Source: Stoller, Ewert, Dixon, "Wave-U-Net", ISMIR 2018, sections 3.1 and 3.2.2, and their
    program. Between x[t] and x[t + 1] lies their mean or, where it is learned, `w x[t] + (1 - w)
    x[t + 1]` with `w` in (0, 1) for each channel. With context, the interpolated signal of `n`
    samples is `2 n - 1` long and the convolution takes no padding. Else it is `2 n` long, ends with
    the last value twice (linear) or with `w` times it (learned), and is padded with zeros.

    Args:
        filters: channels of the output.
        kernel_size: taps at the higher rate.
        context: whether borders are left out.
        learned: whether the interpolation is.
    """

    def __init__(self, filters, kernel_size, *, context, learned=False, **kwargs):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.context = context
        self.learned = learned
        self._shift = 0 if context else (kernel_size - 1) // 2
        self._taps = _low_rate_taps(kernel_size, self._shift)

    def build(self, input_shapes):
        (*_, skip_channels), (*_, channels) = input_shapes
        if self.learned:
            # Starts as linear interpolation: the sigmoid of zero is one half.
            self.interpolation = self.add_weight(
                shape=(channels,), initializer="zeros", name="interpolation"
            )
        shape = (self.kernel_size, skip_channels + channels, self.filters)
        self.kernel = self.add_weight(shape=shape, initializer="glorot_uniform", name="kernel")
        self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def call(self, inputs):
        skip, x = inputs
        share = ops.sigmoid(self.interpolation) if self.learned else 0.5
        kernel = self.kernel[:, : skip.shape[2]]
        if self.context:
            skip = crop_centre(skip, 2 * ops.shape(x)[1] - 1)
        y = ops.conv(skip, kernel, padding="valid" if self.context else "same")
        return y + self._convolve_low(x, self.kernel[:, skip.shape[2] :], share) + self.bias

    def _convolve_low(self, x, kernel, share):
        """The convolution of the interpolated x, `(batch, samples, filters)` at the higher rate."""
        whole, moved, before = self._taps
        low = ops.einsum("plk,kio->lipo", ops.cast(whole, kernel.dtype), kernel)
        low += ops.einsum("plk,kio->lipo", ops.cast(moved, kernel.dtype), kernel * _column(share))
        low = ops.reshape(low, (whole.shape[1], -1, 2 * self.filters))
        # With context the last pair may lack its second sample: a zero stands in for what is cut.
        after = self.context or whole.shape[1] - 1 - before
        y = ops.conv(ops.pad(x, ((0, 0), (before, after), (0, 0))), low, padding="valid")
        samples = ops.shape(x)[1]
        y = ops.reshape(y, (-1, 2 * ops.shape(y)[1], self.filters))
        if self.context:
            return y[:, : 2 * samples - self.kernel_size]
        # Zeros around x are not zeros around the interpolated signal: its places next to either end
        # hold what the end's own share is.
        y = _add_at_start(y, -(x[:, :1] * (1 - share)), kernel[: self._shift])
        if self.learned:
            return y
        return _add_at_end(y, x[:, -1:] * (1 - share), kernel[self._shift :])

    def compute_output_shape(self, input_shapes):
        _, (batch, samples, _) = input_shapes
        if samples is not None:
            samples = 2 * samples - (self.kernel_size if self.context else 0)
        return batch, samples, self.filters

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "context": self.context,
            "learned": self.learned,
        }


def _column(share):
    """A share for all channels or for each, to multiply a kernel `(taps, channels, filters)`."""
    return share if isinstance(share, float) else ops.expand_dims(share, 1)


def _through(value, kernel):
    """What a sample `(batch, 1, channels)` gives through a kernel: `(batch, taps, filters)`."""
    reach = kernel.shape[0] - 1
    return ops.conv(ops.pad(value, ((0, 0), (reach, reach), (0, 0))), kernel, padding="valid")


def _add_at_start(y, value, kernel):
    """Adds what a sample `(batch, 1, channels)` before the first place gives through `kernel`."""
    if not kernel.shape[0]:
        return y
    taps = kernel.shape[0]
    added = _through(value, kernel)[:, : ops.shape(y)[1]]
    return ops.concatenate((y[:, :taps] + added, y[:, taps:]), axis=1)


def _add_at_end(y, value, kernel):
    """Adds what a sample `(batch, 1, channels)` on top of the last place gives through `kernel`."""
    taps = kernel.shape[0]
    added = _through(value, kernel)[:, -ops.shape(y)[1] :]
    return ops.concatenate((y[:, :-taps], y[:, -taps:] + added), axis=1)

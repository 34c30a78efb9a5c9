"""Waveforms in the tf.data graph: equalisers, and what is left of them at a lower rate."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

# The equalisers' curves are drawn at as many points; linear between them, their responses end
# within as many samples to either side.
EQUALIZER_BINS = 513


def coarse(waveform, scale: int, first: int, count: int):
    """Smooths a waveform and keeps every `scale`-th sample.

    The kernel is the triangle of `2 scale - 1` samples, the adjoint of linear interpolation.

    Args:
        waveform: `(samples, channels)`.
        scale: samples from one that is kept to the next.
        first: the first one that is kept; `scale` samples come before it.
        count: of those that are kept; `scale - 1` samples come behind the last one.

    Returns:
        `(count, channels)`.
    """
    channels = waveform.shape[1]
    rise = np.arange(scale, dtype="float32") / scale**2
    halves = np.stack([rise, 1 / scale - rise], axis=1)  # (scale, 2), up to a kept sample and down
    blocks = tf.reshape(
        waveform[first - scale : first + count * scale], (count + 1, scale * channels)
    )
    sums = tf.matmul(blocks, np.kron(halves, np.eye(channels, dtype="float32")))
    return sums[:-1, :channels] + sums[1:, channels:]


def equalized(rows: Sequence[tf.Tensor], curves, groups: Sequence[Sequence[int]]) -> list:
    """Puts each row through its own equaliser and adds rows up.

    What a response carries over one end comes back at the other.

    Args:
        rows: `(samples, channels)` each, a multiple of 1024 samples.
        curves: gains `(rows, 513)`, from zero to half the sample rate.
        groups: which rows to add up.

    Returns:
        `(samples, channels)` for each group.
    """
    samples, channels = rows[0].shape
    stereo = channels == 2
    circle = tf.concat([curves, curves[:, -2:0:-1]], axis=1)  # (rows, 1024), negative ones behind
    ends = tf.stack([circle, tf.roll(circle, -1, axis=1)], axis=2)
    steps = samples // circle.shape[1]
    ramp = np.arange(steps, dtype="float32") / steps
    curves = tf.reshape(tf.matmul(ends, np.stack([1 - ramp, ramp])), (len(rows), samples))
    spectra = []
    for row, curve in zip(rows, tf.unstack(curves), strict=True):
        # Left and right are the parts of one complex signal: an even curve keeps them apart.
        signal = tf.bitcast(row, tf.complex64) if stereo else tf.cast(row, tf.complex64)
        signal = tf.reshape(tf.transpose(signal), (-1, samples))
        spectra.append(tf.signal.fft(signal) * tf.cast(curve, tf.complex64))
    signals = [tf.signal.ifft(tf.add_n([spectra[row] for row in group])) for group in groups]
    if stereo:
        return [tf.bitcast(signal[0], tf.float32) for signal in signals]
    return [tf.transpose(tf.math.real(signal)) for signal in signals]

"""Bandwidth: a low-pass filter with a random cut-off."""

from dataclasses import dataclass, field
from math import ceil, pi
from typing import ClassVar

import tensorflow as tf
from scipy.fft import next_fast_len

from training.transforms.transform import StemTransform

# Standard deviation of the slope, as a share of the cut-off.
_SLOPE = 0.05
# The response has fallen by 156 dB from its middle, below what float32 holds, within as many
# standard deviations of its envelope.
_REACH = 6.0


@dataclass(frozen=True)
class LowPass(StemTransform):
    """Limits the bandwidth, as telephones, cheap microphones and lossy coders do.

    The cut-off, where the level is 6 dB down, is drawn evenly over the logarithm of frequency. The
    filter delays nothing. Its slope is that of a normal distribution: 0.1 dB down at 0.89 of the
    cut-off, 57 dB at 1.15 of it, more than 100 dB at 1.25. A cut-off beyond half the sample rate
    changes nothing.

    It is one product in the frequency domain, whose response is a Gaussian bell times a sinc:
    what comes round the ends stays within `margin` samples of them, which the pipelines
    cut from the song in addition and throw away.

    Args:
        cutoff_hz: range of the cut-off, in Hz.
        probability, stems: as for every transform of single stems.
        together: whether all stems share one draw, as if the mixture had been filtered.

    Example:
        >>> LowPass((1000.0, 4000.0), probability=0.2).margin(sample_rate=8192)
        157
    """

    name: ClassVar[str] = "low_pass"

    cutoff_hz: tuple[float, float] = (2000.0, 16000.0)
    together: bool = field(default=True, kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        if self.cutoff_hz[0] < 20:
            low, high = self.cutoff_hz
            raise ValueError(
                f"a cut-off below 20 Hz leaves nothing. Received: cutoff_hz=[{low}, {high}]"
            )

    def margin(self, sample_rate: int) -> int:
        return ceil(_REACH * sample_rate / (2 * pi * _SLOPE * self.cutoff_hz[0]))

    def _cutoff(self, where):
        low, high = self.cutoff_hz
        return low * (high / low) ** where

    def _response(self, cutoff, bins: int, resolution: float):
        """Gains `(bins,)` at multiples of the resolution, in Hz."""
        nyquist = (bins - 1) * resolution
        hertz = tf.range(bins, dtype=tf.float32) * resolution
        # With its mirror image beyond half the sample rate, the response has no kink there.
        falls = [
            tf.math.erf((1 - side / cutoff) / (_SLOPE * 2**0.5))
            for side in (hertz, 2 * nyquist - hertz)
        ]
        return tf.where(cutoff < nyquist, 1 + tf.add_n(falls) / 2, 1.0)

    def change(self, waveform, applies, where, *, sample_rate: int, seed):
        samples, channels = waveform.shape
        length = 2 * next_fast_len(-(-samples // 2))

        def filtered():
            resolution = sample_rate / length
            response = self._response(self._cutoff(where), length // 2 + 1, resolution)
            if channels == 2:
                # Left and right are the parts of one complex signal: no transposing, half the time.
                signal = tf.pad(tf.bitcast(waveform, tf.complex64), [[0, length - samples]])
                circle = tf.concat([response, response[-2:0:-1]], axis=0)
                spectrum = tf.signal.fft(signal) * tf.cast(circle, tf.complex64)
                return tf.bitcast(tf.signal.ifft(spectrum)[:samples], tf.float32)
            spectrum = tf.signal.rfft(tf.transpose(waveform), [length])  # (channels, length/2 + 1)
            spectrum *= tf.cast(response, tf.complex64)
            return tf.transpose(tf.signal.irfft(spectrum, [length])[:, :samples])

        return tf.cond(applies, filtered, lambda: waveform)

    def words(self, where: float) -> str:
        return f"low-pass {self._cutoff(where):.0f} Hz"

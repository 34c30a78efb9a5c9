"""The short-time Fourier transform and its inverse, as layers that every runtime can run."""

import keras
import numpy as np
from keras import ops

from zoo.graph_functions import functions_for
from zoo.portability import portable
from zoo.portable_dft import inverse_real_dft, real_dft


def hann(frame_length: int) -> np.ndarray:
    """Returns the periodic Hann window, float32 `(frame_length,)`."""
    phase = 2 * np.pi * np.arange(frame_length) / frame_length
    return (0.5 - 0.5 * np.cos(phase)).astype("float32")


def cut(x, start: int, size, *, axis: int = 1):
    """Takes `size` values of an axis, from `start` on.

    The same as indexing. Where the size is known at run time only, LiteRT copies blocks for this
    operator, and value by value for indexing.
    """
    functions = functions_for(x)
    begin, sizes = [0] * len(x.shape), list(functions.shape(x))
    begin[axis], sizes[axis] = start, size
    return functions.slice(x, begin, sizes)


def frame(signal, frame_length: int, frame_step: int):
    """Cuts a signal into overlapping frames.

    Only reshapes, slices and one concatenation, so that it converts to every format and keeps a
    dynamic time axis.

    Args:
        signal: `(batch, samples)` with `samples >= frame_length`.
        frame_length: samples of a frame.
        frame_step: samples from one frame's start to the next one's.

    Returns:
        `(batch, frames, frame_length)`; samples after the last whole frame are left out.
    """
    functions = functions_for(signal)
    overlaps = -(-frame_length // frame_step)
    signal = functions.pad(signal, ((0, 0), (0, overlaps * frame_step - frame_length)))
    blocks = functions.shape(signal)[1] // frame_step
    signal = cut(signal, 0, blocks * frame_step)
    signal = functions.reshape(signal, (-1, blocks, frame_step))  # (batch, blocks, frame_step)
    shifted = [
        signal[:, i : i + 1 - overlaps or None, : frame_length - i * frame_step]
        for i in range(overlaps)
    ]
    return functions.concatenate(shifted, axis=-1)


def overlap_add(frames, frame_step: int):
    """Adds overlapping frames up: the transpose of `frame`.

    Args:
        frames: `(batch, frames, frame_length)`.
        frame_step: samples from one frame's start to the next one's.

    Returns:
        `(batch, (frames - 1) * frame_step + frame_length)`.
    """
    frame_length = frames.shape[-1]
    overlaps = -(-frame_length // frame_step)
    surplus = overlaps * frame_step - frame_length

    def shifted(i):
        piece = frames[..., i * frame_step : (i + 1) * frame_step]
        missing = frame_step - piece.shape[-1]
        return ops.pad(piece, ((0, 0), (i, overlaps - 1 - i), (0, missing)))

    blocks = sum(shifted(i) for i in range(overlaps))  # (batch, frames + overlaps - 1, frame_step)
    samples = ops.shape(blocks)[1] * frame_step
    return cut(ops.reshape(blocks, (-1, samples)), 0, samples - surplus)


def overlap_add_scaled(scales, window: np.ndarray, frame_step: int):
    """`overlap_add` of frames that are all the same but for a factor, at a fraction of its cost.

    Args:
        scales: the factors, `(batch, frames)`.
        window: of which the frames are multiples, `(frame_length,)`.
        frame_step: samples from one frame's start to the next one's.

    Returns:
        `(batch, (frames - 1) * frame_step + frame_length)`.
    """
    overlaps = -(-len(window) // frame_step)
    surplus = overlaps * frame_step - len(window)
    pieces = np.pad(window, (0, surplus)).reshape(overlaps, frame_step)
    blocks = ops.shape(scales)[1] + overlaps - 1
    scales = ops.pad(scales, ((0, 0), (overlaps - 1, overlaps - 1)))
    # The frames that a block of frame_step samples is in, the one that begins with it first.
    shifted = [cut(scales, overlaps - 1 - i, blocks) for i in range(overlaps)]
    added = ops.matmul(ops.stack(shifted, axis=-1), pieces)  # (batch, blocks, frame_step)
    samples = blocks * frame_step
    return cut(ops.reshape(added, (-1, samples)), 0, samples - surplus)


def window_energy(frame_length: int, frame_step: int) -> tuple[np.ndarray, np.ndarray]:
    """What overlapping windows add up to, in two parts, so that no signal-long constant is needed.

    Returns:
        The sum of squared Hann windows, all of them, at the places of a frame `(frame_length,)`;
        and what of it comes from earlier frames at the first places of one `(frame_length -
        frame_step,)`.
    """
    squared = np.zeros(-(-frame_length // frame_step) * frame_step)
    squared[:frame_length] = hann(frame_length).astype("float64") ** 2
    total = np.resize(squared.reshape(-1, frame_step).sum(axis=0), frame_length)
    tail = frame_length - frame_step
    earlier = sum(
        np.pad(squared[start : start + tail], (0, max(0, start + tail - len(squared))))
        for start in range(frame_step, frame_length, frame_step)
    ) + np.zeros(tail)
    return total.astype("float32"), earlier.astype("float32")


class _Transform(keras.layers.Layer):
    """What `STFT` and `InverseSTFT` share: their sizes, checked, and single precision."""

    def __init__(self, frame_length=1024, frame_step=768, *, center=True, **kwargs):
        kwargs.setdefault("dtype", "float32")
        super().__init__(**kwargs)
        if frame_length < 2 or frame_length % 2:
            raise ValueError(
                f"frame_length must be even and at least 2. Received: frame_length={frame_length}"
            )
        if not 1 <= frame_step <= frame_length:
            raise ValueError(
                "frame_step must be between 1 and frame_length, or samples between frames are "
                f"lost. Received: frame_step={frame_step}, frame_length={frame_length}"
            )
        self.frame_length = frame_length
        self.frame_step = frame_step
        self.center = center

    def build(self, *_):
        self.built = True

    def get_config(self):
        return {
            **super().get_config(),
            "frame_length": self.frame_length,
            "frame_step": self.frame_step,
            "center": self.center,
        }


@keras.saving.register_keras_serializable(package="stemzoo")
class STFT(_Transform):
    """Short-time Fourier transform with a periodic Hann window.

    Inside `zoo.portability.portable_operators()` the DFT is two small matrix products (error about
    3e-7 of the peak, a few kilobytes of constants); elsewhere it is the backend's FFT operator.

    Args:
        frame_length: samples of a frame, even.
        frame_step: samples from one frame to the next, at most `frame_length`.
        center: whether the signal is zero-padded so that frame `t` is centred on sample
            `t * frame_step` and every sample, edges included, is covered: `1 + ceil(samples /
            frame_step)` frames, `librosa.stft(center=True, pad_mode="constant")` of the signal
            padded to whole steps. Without it only whole frames are taken, as in `center=False`.

    Returns:
        A pair (real, imaginary), each `(batch, frames, frame_length // 2 + 1)`, of a waveform
        `(batch, samples)`. A sine of amplitude 1 has a magnitude of `frame_length / 4`.

    Example:
        >>> real, imaginary = STFT(512, 128)(np.zeros((1, 1000), "float32"))
        >>> tuple(real.shape)
        (1, 9, 257)
    """

    def call(self, waveform):
        functions = functions_for(waveform)
        if self.center:
            half = self.frame_length // 2
            waveform = functions.pad(waveform, ((0, 0), (half, half + self.frame_step - 1)))
        frames = frame(waveform, self.frame_length, self.frame_step) * hann(self.frame_length)
        return real_dft(frames) if portable() else functions.rfft(frames)

    def compute_output_spec(self, waveform):
        samples = waveform.shape[1]
        frames = None
        if samples is not None:
            margin = self.frame_step - 1 if self.center else -self.frame_length
            frames = 1 + (samples + margin) // self.frame_step
        shape = (waveform.shape[0], frames, self.frame_length // 2 + 1)
        return keras.KerasTensor(shape, "float32"), keras.KerasTensor(shape, "float32")


@keras.saving.register_keras_serializable(package="stemzoo")
class InverseSTFT(_Transform):
    """Inverse of `STFT` by weighted overlap-add.

    Frames are windowed again and divided by the sum of squared windows, the least-squares estimate
    for a modified spectrogram (Griffin and Lim, "Signal Estimation from Modified Short-Time Fourier
    Transform", 1984, equation 6).

    Args:
        frame_length: samples of a frame, even.
        frame_step: samples from one frame to the next, at most `frame_length`.
        center: whether the spectrogram comes from `STFT(center=True)`.

    Returns:
        `(batch, samples)` of a pair (real, imaginary), each `(batch, frames, frame_length // 2 +
        1)`: `(frames - 1) * frame_step` samples with `center`, at least as many as went into the
        `STFT`; `frame_length` more without.

    Example:
        >>> waveform = np.random.default_rng(0).normal(size=(1, 1000)).astype("float32")
        >>> again = InverseSTFT(512, 128)(STFT(512, 128)(waveform))
        >>> bool(np.allclose(again[:, :1000], waveform, atol=1e-5))
        True
    """

    def synthesis_frames(self, real, imaginary):
        """Windowed frames to overlap-add, `(batch, frames, frame_length)`."""
        if portable():
            frames = inverse_real_dft(real, imaginary, self.frame_length)
        else:
            frames = ops.irfft((real, imaginary), fft_length=self.frame_length)
        return frames * hann(self.frame_length)

    def call(self, spectrogram):
        frames = self.synthesis_frames(*spectrogram)
        # Squared at run time: an exported file then holds one window.
        windows = ops.square(ops.ones_like(frames[:1, :, :1]) * hann(self.frame_length))
        energy = overlap_add(windows, self.frame_step)
        # Where no window reaches, the numerator is zero too: any positive floor will do.
        waveform = overlap_add(frames, self.frame_step) / ops.maximum(energy, 1e-8)
        if not self.center:
            return waveform
        half = self.frame_length // 2
        return waveform[:, half : -half or None]

    def compute_output_spec(self, spectrogram):
        batch, frames, _ = spectrogram[0].shape
        samples = None
        if frames is not None:
            samples = (frames - 1) * self.frame_step + (0 if self.center else self.frame_length)
        return keras.KerasTensor((batch, samples), "float32")

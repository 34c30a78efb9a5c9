"""What preprocessing does to one recording after the other: each step a small class.

`training.PreprocessingPipeline` runs them over a folder; each can be used by itself.
"""

import os

import keras
import numpy as np

from zoo.audio import read_audio
from zoo.decibels import min_max, to_decibels, undo_min_max
from zoo.front_end import FrontEnd

PAD_MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


class Loader:
    """Decodes the beginning of an audio file.

    Args:
        sample_rate: of the result, in Hz.
        duration: seconds from the file's start; what comes later is not decoded.
        mono: whether the channels are averaged.

    Raises:
        ValueError: if the duration is less than a sample.

    Example:
        >>> import soundfile
        >>> soundfile.write("tone.wav", np.zeros((44100, 2)), 44100)
        >>> Loader(22050, 0.74).load("tone.wav").shape
        (16317,)
    """

    def __init__(self, sample_rate: int, duration: float, mono: bool = True):
        if sample_rate < 1:
            raise ValueError(f"sample_rate must be positive. Received: sample_rate={sample_rate!r}")
        self.sample_rate = sample_rate
        self.duration = duration
        self.mono = mono
        self.samples = round(duration * sample_rate)
        if self.samples < 1:
            raise ValueError(
                f"duration must be at least one sample. Received: duration={duration!r}"
            )

    def load(self, path: str | os.PathLike) -> np.ndarray:
        """Returns float32 `(samples,)`, or `(samples, channels)` unless `mono`.

        At most `duration * sample_rate` samples, less where the file is shorter.

        Raises:
            InputError: if the file cannot be read (see `zoo.audio.read_audio`).
        """
        signal, _ = read_audio(
            path, sample_rate=self.sample_rate, mono=self.mono, duration=self.duration
        )
        # The rate's conversion rounds lengths up.
        signal = signal[: self.samples]
        return signal[:, 0] if self.mono else signal


class Padder:
    """Makes signals longer.

    Args:
        mode: what is added: "constant" for silence, or "edge", "reflect", "symmetric" or "wrap", as
            `numpy.pad` understands them.

    Raises:
        ValueError: if the mode is none of these.

    Example:
        >>> Padder().left_pad(np.float32([1, 2, 3]), 2).tolist()
        [0.0, 0.0, 1.0, 2.0, 3.0]
        >>> Padder("wrap").right_pad(np.float32([1, 2, 3]), 2).tolist()
        [1.0, 2.0, 3.0, 1.0, 2.0]
    """

    def __init__(self, mode: str = "constant"):
        if mode not in PAD_MODES:
            raise ValueError(f"mode must be one of {', '.join(PAD_MODES)}. Received: mode={mode!r}")
        self.mode = mode

    def left_pad(self, array: np.ndarray, missing: int) -> np.ndarray:
        """Puts `missing` values before those along the first axis."""
        return self._pad(array, (missing, 0))

    def right_pad(self, array: np.ndarray, missing: int) -> np.ndarray:
        """Puts `missing` values behind those along the first axis."""
        return self._pad(array, (0, missing))

    def _pad(self, array: np.ndarray, widths: tuple[int, int]) -> np.ndarray:
        return np.pad(array, (widths, *[(0, 0)] * (array.ndim - 1)), mode=self.mode)


class LogSpectrogramExtractor:
    """Log spectrograms in decibels, by the front end that the network has too.

    Args:
        front_end: sample rate, transform, band and length; its `normalization` is "min_max".

    Raises:
        ValueError: if the front end has another normalisation.

    Example:
        >>> front_end = FrontEnd(
        ...     8000, frame_length=256, frame_step=80, bins=128, first_bin=0, frames=80,
        ...     normalization="min_max")
        >>> extractor = LogSpectrogramExtractor(front_end)
        >>> extractor.extract(np.zeros(6400, "float32")).shape
        (128, 80)
    """

    def __init__(self, front_end: FrontEnd):
        if front_end.normalization != "min_max":
            raise ValueError(
                "front_end must have the normalization 'min_max'. "
                f"Received: front_end={front_end!r}"
            )
        self.front_end = front_end

    def extract(self, signals: np.ndarray) -> np.ndarray:
        """Returns spectrograms as `librosa.amplitude_to_db(abs(librosa.stft(signal)))` does.

        Args:
            signals: `(samples,)` or `(batch, samples)` in [-1, 1].

        Returns:
            `(bins, frames)` or `(batch, bins, frames)` in dB, float32: the front end's band of its
            first `frames` frames. A clip's dynamic range is `-front_end.floor_db`.
        """
        signals = np.asarray(signals, "float32")
        decibels = keras.ops.convert_to_numpy(self(np.atleast_2d(signals)))
        return decibels[0] if signals.ndim == 1 else decibels

    def __call__(self, signals):
        """As `extract`, on tensors: `(batch, samples)` -> `(batch, bins, frames)`."""
        magnitude = self.front_end.clip_magnitude(signals)  # (batch, frames, bins)
        decibels = to_decibels(magnitude, -self.front_end.floor_db)
        return keras.ops.transpose(decibels, (0, 2, 1))


class MinMaxNormaliser:
    """Scales each spectrogram between two numbers, and back.

    Args:
        minimum, maximum: where a spectrogram's least and greatest values go.

    Raises:
        ValueError: if the maximum is not greater.

    Example:
        >>> scaled, decibel_range = MinMaxNormaliser().normalise(np.float32([[-60, -40, 20]]))
        >>> scaled.tolist(), decibel_range.tolist()
        ([[0.0, 0.25, 1.0]], [-60.0, 20.0])
        >>> MinMaxNormaliser().denormalise(scaled, decibel_range).tolist()
        [[-60.0, -40.0, 20.0]]
    """

    def __init__(self, minimum: float = 0.0, maximum: float = 1.0):
        if not minimum < maximum:
            raise ValueError(
                f"maximum must be greater than minimum. Received: minimum={minimum!r}, "
                f"maximum={maximum!r}"
            )
        self.minimum = minimum
        self.maximum = maximum

    def normalise(self, decibels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scales each spectrogram by its own least and greatest value.

        Args:
            decibels: `(bins, frames)` or `(batch, bins, frames)`.

        Returns:
            The same shape, `minimum` throughout where a spectrogram is the same everywhere, as
            silence is; and the values before, `(2,)` or `(batch, 2)`. Both float32.
        """
        decibels = np.asarray(decibels, "float32")
        single = decibels.ndim == 2
        scaled, ranges = map(
            keras.ops.convert_to_numpy, self(decibels[None] if single else decibels)
        )
        return (scaled[0], ranges[0]) if single else (scaled, ranges)

    def __call__(self, decibels):
        """As `normalise`, on tensors `(batch, bins, frames)`."""
        scaled, ranges = min_max(decibels)
        return scaled * (self.maximum - self.minimum) + self.minimum, ranges

    def denormalise(self, scaled: np.ndarray, decibel_range: np.ndarray) -> np.ndarray:
        """Inverse of `normalise`; the arguments are what it returned."""
        single = scaled.ndim == 2
        scaled = (np.asarray(scaled, "float32") - self.minimum) / (self.maximum - self.minimum)
        ranges = np.asarray(decibel_range, "float32")
        batch = (scaled[None], ranges[None]) if single else (scaled, ranges)
        decibels = undo_min_max(*map(keras.ops.convert_to_tensor, batch))
        decibels = keras.ops.convert_to_numpy(decibels)
        return decibels[0] if single else decibels

"""The spectral front end: what lies between a waveform and a network, as configuration."""

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import keras
from keras import ops

from zoo.decibels import min_max, to_decibels, to_magnitude, undo_min_max
from zoo.graph_functions import functions_for, is_foreign
from zoo.spectral import STFT, InverseSTFT, cut

NORMALIZATIONS = ("peak", "none", "min_max")


@keras.saving.register_keras_serializable(package="stemzoo")
@dataclass(frozen=True)
class FrontEnd:
    """How waveforms become network inputs, saved with every model's weights.

    The defaults are those of Jansson et al., "Singing Voice Separation with Deep U-Net
    Convolutional Networks", ISMIR 2017, section 3.2. The paper divides by the song's maximum, which
    no streaming user can know in advance; here each patch is divided by its own peak.

    Args:
        sample_rate: of the waveforms, in Hz.
        frame_length: samples of an STFT frame, even.
        frame_step: samples from one frame to the next.
        bins: how many of the `frame_length // 2 + 1` bins the network sees.
        first_bin: the lowest bin that the network sees: 1 drops DC, 0 keeps it and drops the top.
            Bins outside the band get a mask of 0.
        frames: length of a network patch, in frames.
        normalization: "peak" divides each patch by its own peak, "none" leaves magnitudes as they
            are, "min_max" takes decibels and scales each patch to [0, 1] by its own minimum and
            maximum (see `zoo.decibels`).
        floor_db: with "peak", patches whose peak is lower than this, in dB relative to a full-scale
            sine, are divided by it and not by their peak: silence stays silence. With "min_max",
            what lies lower than this relative to the patch's peak is raised to it.

    Raises:
        ValueError: if the band does not fit into the spectrum, or a size is not positive.

    Example:
        >>> front_end = FrontEnd(sample_rate=44100, frame_length=4096, frame_step=1024, bins=2048)
        >>> real, imaginary = front_end.stft(np.zeros((1, 44100), "float32"))
        >>> tuple(front_end.magnitude(real, imaginary).shape)
        (1, 45, 2048)
    """

    sample_rate: int = 8192
    frame_length: int = 1024
    frame_step: int = 768
    bins: int = 512
    first_bin: int = 1
    frames: int = 128
    normalization: str = "peak"
    floor_db: float = -80.0

    def __post_init__(self):
        if self.normalization not in NORMALIZATIONS:
            raise ValueError(
                f"normalization must be one of {', '.join(map(repr, NORMALIZATIONS))}. "
                f"Received: normalization={self.normalization!r}"
            )
        for name in ("sample_rate", "bins", "frames"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive. Received: {name}={getattr(self, name)}")
        if self.first_bin < 0 or self.first_bin + self.bins > self.spectrum_bins:
            raise ValueError(
                f"bins {self.first_bin} to {self.first_bin + self.bins - 1} do not fit into the "
                f"{self.spectrum_bins} bins of a {self.frame_length}-sample frame. "
                f"Received: first_bin={self.first_bin}, bins={self.bins}"
            )
        # The layers check frame_length and frame_step: here, where the caller still stands.
        assert self._stft and self.inverse_layer

    @property
    def spectrum_bins(self) -> int:
        """Bins of the whole spectrum, `frame_length // 2 + 1`."""
        return self.frame_length // 2 + 1

    @property
    def clip_samples(self) -> int:
        """Samples of a clip of one patch, `frames * frame_step`."""
        return self.frames * self.frame_step

    @cached_property
    def _stft(self) -> STFT:
        return STFT(self.frame_length, self.frame_step)

    @cached_property
    def _uncentered_stft(self) -> STFT:
        return STFT(self.frame_length, self.frame_step, center=False)

    @cached_property
    def inverse_layer(self) -> InverseSTFT:
        """The inverse transform, for those who overlap-add piece by piece."""
        return InverseSTFT(self.frame_length, self.frame_step)

    def stft(self, waveform, *, center: bool = True):
        """Returns the complex spectrogram of waveforms.

        Args:
            waveform: `(batch, samples)` in [-1, 1].
            center: as in `STFT`: pad so that edges are covered, or take whole frames only.

        Returns:
            (real, imaginary), each `(batch, frames, frame_length // 2 + 1)`.
        """
        layer = self._stft if center else self._uncentered_stft
        # Calling a layer turns what it gets into the backend's tensors.
        return layer.call(waveform) if is_foreign(waveform) else layer(waveform)

    def inverse_stft(self, real, imaginary):
        """Inverse of `stft`: `(batch, samples)`, at least as many samples as went in."""
        return self.inverse_layer((real, imaginary))

    def magnitude(self, real, imaginary):
        """Returns the magnitude in the network's band, `(batch, frames, bins)`."""
        band = slice(self.first_bin, self.first_bin + self.bins)
        real, imaginary = real[..., band], imaginary[..., band]
        return functions_for(real).sqrt(real * real + imaginary * imaginary)

    def restore_band(self, mask):
        """Puts the bins outside the band back, with mask 0.

        Args:
            mask: `(batch, frames, bins)`.

        Returns:
            `(batch, frames, frame_length // 2 + 1)`.
        """
        above = self.spectrum_bins - self.first_bin - self.bins
        return ops.pad(mask, ((0, 0), (0, 0), (self.first_bin, above)))

    def normalize(self, patches):
        """Scales magnitude patches to [0, 1], as `normalization` says.

        Args:
            patches: `(batch, frames, bins)` magnitudes.

        Returns:
            The network's input `(batch, bins, frames, 1)`, and how to go back (see `denormalize`):
            the scale `(batch, 1, 1)` by which the magnitudes were divided; with "min_max" each
            patch's minimum and maximum in dB, `(batch, 2)`.
        """
        functions = functions_for(patches)
        if self.normalization == "none":
            return self.to_network(patches), functions.ones_like(patches[:, :1, :1])
        if self.normalization == "min_max":
            scaled, decibel_range = min_max(to_decibels(patches, -self.floor_db))
            return self.to_network(scaled), decibel_range
        floor = self.frame_length / 4 * 10 ** (self.floor_db / 20)
        peak = functions.max(patches, axis=(1, 2), keepdims=True)
        scale = functions.maximum(peak, floor)
        return self.to_network(patches / scale), scale

    def denormalize(self, x, scale):
        """Inverse of `normalize`.

        Args:
            x: `(batch, bins, frames, 1)`.
            scale: what `normalize` returned beside it.

        Returns:
            Magnitudes `(batch, frames, bins)`.
        """
        patches = self.from_network(x)
        if self.normalization == "min_max":
            return to_magnitude(undo_min_max(patches, scale))
        return patches * scale

    def features(self, waveform):
        """Returns what a network hears of whole clips of one patch each.

        Args:
            waveform: `(batch, samples)` in [-1, 1]; beyond `clip_samples` it is cut, up to there
                silent.

        Returns:
            As `normalize`, of the first `frames` frames.
        """
        return self.normalize(self.clip_magnitude(waveform))

    def clip_magnitude(self, waveform):
        """Returns the magnitudes `(batch, frames, bins)` that `features` normalises."""
        waveform = ops.pad(waveform, ((0, 0), (0, self.clip_samples)))
        real, imaginary = self.stft(cut(waveform, 0, self.clip_samples))
        return cut(self.magnitude(real, imaginary), 0, self.frames)

    @staticmethod
    def to_network(patches):
        """`(batch, frames, bins)` -> the networks' layout `(batch, bins, frames, 1)`."""
        functions = functions_for(patches)
        return functions.expand_dims(functions.transpose(patches, (0, 2, 1)), -1)

    @staticmethod
    def from_network(patches):
        """The networks' layout `(batch, bins, frames, 1)` -> `(batch, frames, bins)`."""
        return ops.transpose(ops.squeeze(patches, -1), (0, 2, 1))

    def patch_samples(self, frames: int | None = None) -> int:
        """Samples that hold exactly `frames` whole frames; a patch's by default."""
        frames = self.frames if frames is None else frames
        return (frames - 1) * self.frame_step + self.frame_length

    def get_config(self) -> dict:
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict) -> "FrontEnd":
        return cls(**config)

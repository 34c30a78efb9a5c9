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
LAYOUTS = ("bins_frames", "frames_bins")


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
        channels: that the network sees side by side; with 1, it hears the mean of a waveform's.
        layout: order of a patch's axes, "bins_frames" or "frames_bins"; channels come last.

    Raises:
        ValueError: if the band does not fit into the spectrum, a size is not positive, or decibels
            are asked for of several channels.

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
    channels: int = 1
    layout: str = "bins_frames"

    def __post_init__(self):
        if self.layout not in LAYOUTS:
            raise ValueError(
                f"layout must be one of {', '.join(map(repr, LAYOUTS))}. "
                f"Received: layout={self.layout!r}"
            )
        if self.normalization not in NORMALIZATIONS:
            raise ValueError(
                f"normalization must be one of {', '.join(map(repr, NORMALIZATIONS))}. "
                f"Received: normalization={self.normalization!r}"
            )
        for name in ("sample_rate", "bins", "frames", "channels"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive. Received: {name}={getattr(self, name)}")
        if self.first_bin < 0 or self.first_bin + self.bins > self.spectrum_bins:
            raise ValueError(
                f"bins {self.first_bin} to {self.first_bin + self.bins - 1} do not fit into the "
                f"{self.spectrum_bins} bins of a {self.frame_length}-sample frame. "
                f"Received: first_bin={self.first_bin}, bins={self.bins}"
            )
        if self.channels > 1 and self.normalization == "min_max":
            raise ValueError(
                f"normalization 'min_max' is for one channel. Received: channels={self.channels}"
            )
        # The layers check frame_length and frame_step: here, where the caller still stands.
        assert self._stft and self.inverse_layer

    @property
    def spectrum_bins(self) -> int:
        """Bins of the whole spectrum, `frame_length // 2 + 1`."""
        return self.frame_length // 2 + 1

    @property
    def network_shape(self) -> tuple[int, int, int]:
        """Of a patch as the network sees it, without the batch."""
        axes = self.bins, self.frames
        return (*(axes if self.layout == "bins_frames" else axes[::-1]), self.channels)

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
        real, imaginary = self.in_band(real), self.in_band(imaginary)
        return functions_for(real).sqrt(real * real + imaginary * imaginary)

    def check_halving(self, levels, frames=None):
        """Raises `ValueError` unless bins and frames can be halved so many times.

        Args:
            levels: how many levels of a network halve both.
            frames: length of its patches; `None` for any.
        """
        divisor = 2**levels
        for name, size in (("front_end.bins", self.bins), ("frames", frames)):
            if size is not None and size % divisor:
                raise ValueError(
                    f"{name} must be divisible by {divisor}, as {levels} levels halve it. "
                    f"Received: {name}={size}"
                )

    def in_band(self, spectrum):
        """Returns the bins that the network sees of those of a spectrum's last axis."""
        return spectrum[..., self.first_bin : self.first_bin + self.bins]

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
            patches: `(batch * channels, frames, bins)` magnitudes, a patch's channels next to one
                another.

        Returns:
            The network's input, see `to_network`, and how to go back (see `denormalize`): the scale
            `(batch * channels, 1, 1)` by which the magnitudes were divided, the same for all
            channels of a patch; with "min_max" each patch's minimum and maximum in dB,
            `(batch, 2)`.
        """
        functions = functions_for(patches)
        if self.normalization == "none":
            return self.to_network(patches), functions.ones_like(patches[:, :1, :1])
        if self.normalization == "min_max":
            scaled, decibel_range = min_max(to_decibels(patches, -self.floor_db))
            return self.to_network(scaled), decibel_range
        floor = self.frame_length / 4 * 10 ** (self.floor_db / 20)
        peak = functions.max(patches, axis=(1, 2), keepdims=True)
        if self.channels > 1:
            peaks = functions.reshape(peak, (-1, self.channels))
            highest = functions.max(peaks, axis=(1,), keepdims=True)
            peak = functions.reshape(functions.ones_like(peaks) * highest, (-1, 1, 1))
        scale = functions.maximum(peak, floor)
        return self.to_network(patches / scale), scale

    def denormalize(self, x, scale):
        """Inverse of `normalize`.

        Args:
            x: in the network's layout.
            scale: what `normalize` returned beside it.

        Returns:
            Magnitudes `(batch * channels, frames, bins)`.
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

    def to_network(self, patches):
        """Magnitudes `(batch * channels, frames, bins)` -> the network's layout.

        That is `(batch, bins, frames, channels)` or `(batch, frames, bins, channels)`.
        """
        functions = functions_for(patches)
        if self.channels == 1:
            if self.layout == "bins_frames":
                patches = functions.transpose(patches, (0, 2, 1))
            return functions.expand_dims(patches, -1)
        frames = functions.shape(patches)[1]
        patches = functions.reshape(patches, (-1, self.channels, frames, self.bins))
        return functions.transpose(
            patches, (0, 3, 2, 1) if self.layout == "bins_frames" else (0, 2, 3, 1)
        )

    def from_network(self, patches):
        """Inverse of `to_network`: `(batch * channels, frames, bins)`."""
        if self.channels == 1:
            patches = ops.squeeze(patches, -1)
            return ops.transpose(patches, (0, 2, 1)) if self.layout == "bins_frames" else patches
        bins_first = self.layout == "bins_frames"
        frames = ops.shape(patches)[2 if bins_first else 1]
        patches = ops.transpose(patches, (0, 3, 2, 1) if bins_first else (0, 3, 1, 2))
        return ops.reshape(patches, (-1, frames, self.bins))

    def patch_samples(self, frames: int | None = None) -> int:
        """Samples that hold exactly `frames` whole frames; a patch's by default."""
        frames = self.frames if frames is None else frames
        return (frames - 1) * self.frame_step + self.frame_length

    def get_config(self) -> dict:
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict) -> "FrontEnd":
        return cls(**config)

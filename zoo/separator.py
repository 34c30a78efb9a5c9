"""A network and all that lies between it and a waveform, as one model: waveform in, stems out."""

import keras
import numpy as np
from keras import ops

from zoo.errors import InputError
from zoo.exported_separator import ExportedSeparator
from zoo.mask_networks import ALL_STEMS
from zoo.mask_separation import MaskSeparation
from zoo.patch_grid import DEFAULT
from zoo.presets import PresetMixin, load_preset
from zoo.streaming import StreamingSeparator
from zoo.waveform_separation import ContextSeparation, CrossfadeSeparation


@keras.saving.register_keras_serializable(package="stemzoo")
class Separator(ExportedSeparator, PresetMixin, keras.Model):
    """Separates waveforms with one or several mask networks, or with one waveform network.

    The output does not depend on how a long signal is cut into chunks (see `process`).

    Mask networks of one channel: one mask a stem is made from the mono mix and applied to every
    channel with the mixture's phase. Those of several make a mask for each channel. Overlapping
    patches are cross-faded, on a grid that starts at the first sample; a `SpleeterUNet`'s are laid
    out as in Spleeter's program, whose output it gives: a frame of silence comes before the signal,
    silence after it, and patches do not overlap.

    Waveform networks: one with context sees more than it returns, and no border can be told. The
    windows of others are cross-faded. A mono network hears the channels' mean, as in the Wave-U-Net
    authors' program, and every channel gets its output (see `downmix`).

    Networks of several channels get as many at a time as they have: for a stereo network a mono
    waveform is doubled, and its outputs averaged, as are an odd number's last ones.

    Args:
        network: a model with a `front_end` and a `mask` method, such as `JanssonUNet`, a mapping
            stem -> such model, all with the same front end, one of all stems with a `masks` method,
            such as `SpleeterUNet` or a `JanssonUNet` of several, or a `WaveUNet`.
        stem: name of the stem where a single mask network is given; "vocals" by default. Networks
            of all stems name their own.
        residual: name of the stem that is the mixture minus all others; `None` for none. With mask
            networks of one stem "accompaniment" by default, unless one of that name is given. With
            a network of all stems it takes the place of the network's of that name: by default none
            with a mask network; with a waveform network "accompaniment", "other" if there is no
            such source, and none if there is neither.
        overlap: frames that neighbouring patches share, or samples that neighbouring windows of a
            waveform network without context share; at most half a patch or window, by default a
            quarter of a patch, none with a `SpleeterUNet`, or a sixteenth of a window.
        window: samples that a waveform network without context sees at a time, a multiple of its
            `length_step`; by default as many as in training, its `segment_samples`. A longer one
            may do harm where training left the bottleneck shorter than its kernel, whose outer taps
            then have learned nothing; `benchmarks/overlap.py` compares.
        downmix: `False` for a mono waveform network to separate each channel by itself, which for
            stereo takes twice the time: better for what is far from the middle, and the only choice
            for channels that have nothing to do with each other.
        mask_extension: the mask of frequencies above the band of mask networks: "zeros", or
            "average" for the mean of the band's at each moment; by default as the network says, or
            zeros.

    Returns:
        A dict stem -> `(batch, samples, channels)` of a waveform `(batch, samples, channels)` at
        `sample_rate`, the residual last. With a residual the stems add up to the waveform.

    Raises:
        ValueError: if a network cannot be used, the networks' front ends differ, names clash, or
            overlap or window do not fit.

    Example:
        >>> separator = Separator(JanssonUNet(filters=(4, 8)))
        >>> stems = separator(np.zeros((1, 8192, 2), "float32"))
        >>> {stem: tuple(waveform.shape) for stem, waveform in stems.items()}
        {'vocals': (1, 8192, 2), 'accompaniment': (1, 8192, 2)}
        >>> Separator(WaveUNet("M6", levels=4, initial_filters=2)).stems
        ('bass', 'drums', 'vocals', 'other')
    """

    def __init__(
        self,
        network,
        *,
        stem=None,
        residual=DEFAULT,
        overlap=None,
        window=None,
        downmix=None,
        mask_extension=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        method = MaskSeparation
        if hasattr(network, "length_step"):
            method = ContextSeparation if network.context else CrossfadeSeparation
        self._method = method(
            network,
            stem=stem,
            residual=residual,
            overlap=overlap,
            window=window,
            downmix=downmix,
            mask_extension=mask_extension,
        )
        self.grid = self._method.grid
        self.networks = self._method.networks
        self.residual = self._method.residual
        self.front_end = self._method.front_end
        self.channels = self._method.channels
        self.overlap = self._method.overlap
        self.window = self._method.window
        self.downmix = self._method.downmix
        self.mask_extension = self._method.mask_extension
        self.built = True

    @property
    def sample_rate(self) -> int:
        """Of input and output, in Hz."""
        return self._method.sample_rate

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the outputs, the residual last."""
        return (*self._method.separated, *([self.residual] if self.residual else []))

    @property
    def step_samples(self) -> int:
        """Samples by which one more patch or window moves forward."""
        return self.grid.step

    @property
    def lookahead_samples(self) -> int:
        """Samples of a stretch, as `process` takes it, beyond those that come out."""
        return self.grid.lookahead

    @property
    def pad_samples(self) -> int:
        """Zeros before the first sample of a signal that is fed to `process`."""
        return self.grid.pad

    @property
    def offset_samples(self) -> int:
        """Where in a stretch what `process` returns of it begins."""
        return self.grid.offset

    @property
    def chunk_samples(self) -> int:
        """How much whole-song inference takes at a time by default, in samples."""
        return self._method.chunk_samples

    def patches_samples(self, patches: int) -> int:
        """The longest waveform, in samples, that costs no more than `patches` patches or windows.

        With context, a patch is what one more sample in the network's bottleneck adds.
        """
        return patches * self.step_samples - self.grid.skip

    def initial_state(self, channels: int) -> dict[str, np.ndarray]:
        """Returns the state before the first call of `process`, for a batch of one."""
        return self._method.initial_state(channels)

    def process(self, waveform, state=None):
        """Separates a stretch of a longer signal.

        Cut into stretches, a signal gives the same output as in one piece: each call takes up where
        the last one ended. This is what whole-song inference and streaming run. The first stretch
        begins with `pad_samples` zeros.

        Args:
            waveform: `(1, patches * step_samples + lookahead_samples, channels)`; each stretch
                starts `patches * step_samples` after the one before. Any batch without a state.
            state: what the call before returned, `initial_state` at first; `None` for a signal in
                one piece.

        Returns:
            A dict stem -> `(batch, patches * step_samples, channels)`, whose first sample is
            `waveform`'s at `offset_samples`; for mask networks a dict stem -> `(batch, patches *
            step_samples)` in [0, 1], each network's mean mask over the upper half of its band, for
            those who extend the mask beyond the band, else an empty one; and the next state.
        """
        stems, uppers, state = self._method.process(waveform, state)
        start, end = self.offset_samples, self.lookahead_samples - self.offset_samples
        mixture = waveform[:, start : ops.shape(waveform)[1] - end]
        return self._with_residual(stems, mixture), uppers, state

    def streaming(self, patches: int | None = 1, *, channels: int | None = None):
        """Returns the `StreamingSeparator` of this separator; its arguments say what for."""
        return StreamingSeparator(self, channels=channels, patches=patches)

    def _with_residual(self, stems, mixture):
        if self.residual:
            stems[self.residual] = mixture - sum(stems.values())
        return stems

    def call(self, waveform, training=None):
        return self._with_residual(self._method.whole(waveform), waveform)

    def masks(self, waveform):
        """Returns each network's mask of a whole signal, as `call` applies it.

        Args:
            waveform: `(batch, samples, channels)` at `sample_rate`.

        Returns:
            A dict stem -> `(batch, frames, bins)` in [0, 1], of networks of several channels
            `(batch, frames, bins, channels)`; frame `t` is centred on sample `t * frame_step`. With
            a `SpleeterUNet` that holds if `frame_step` divides half a frame; else all frames are
            less than a step later.

        Raises:
            ValueError: with a waveform network, which has none.
        """
        return self._method.masks(waveform)

    def compute_output_spec(self, waveform, training=None):
        return {stem: keras.KerasTensor(waveform.shape, "float32") for stem in self.stems}

    def get_config(self):
        settings = {"residual": self.residual, "overlap": self.overlap, "name": self.name}
        if self.front_end is None:
            settings |= {
                "window": self.window,
                "downmix": self.downmix if self.channels == 1 else None,
            }
        else:
            settings["mask_extension"] = self.mask_extension
        networks = {
            stem: keras.saving.serialize_keras_object(model)
            for stem, model in self.networks.items()
        }
        # A network of all stems is no mapping's.
        return {"network": networks.get(ALL_STEMS, networks), **settings}

    @classmethod
    def from_config(cls, config):
        network = config["network"]
        if "class_name" in network:
            network = keras.saving.deserialize_keras_object(network)
        else:
            network = {
                stem: keras.saving.deserialize_keras_object(model)
                for stem, model in network.items()
            }
        return cls(**{**config, "network": network})

    @classmethod
    def from_model(cls, model: keras.Model) -> "Separator":
        """Returns a separator as it is, or one with default settings around a network.

        Raises:
            InputError: if the model separates nothing.
        """
        if isinstance(model, cls):
            return model
        if not any(hasattr(model, name) for name in ("mask", "masks", "length_step")):
            raise InputError(
                f"a {type(model).__name__} separates nothing; name a separator or its network"
            )
        return cls(model)

    @classmethod
    def from_preset(cls, preset):
        """Returns a separator around the preset's network, or the separator that it holds.

        Raises:
            InputError: if there is no such preset, or it is damaged.
        """
        return cls.from_model(load_preset(preset))

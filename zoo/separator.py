"""A network and its front end as one model: waveform in, stems out."""

import keras
import numpy as np
from keras import ops

from zoo.patch_grid import fade_weights, mirrored
from zoo.presets import PresetMixin, load_preset
from zoo.spectral import cut, frame, hann, overlap_add


@keras.saving.register_keras_serializable(package="stemzoo")
class Separator(PresetMixin, keras.Model):
    """Separates waveforms with one or several mask networks.

    One mask a stem is made from the mono mix and applied to every channel with the mixture's phase.
    The networks see overlapping patches whose masks are cross-faded, on a grid that starts at the
    first sample: the output does not depend on how a long signal is cut into chunks (see
    `process`).

    Args:
        network: a model with a `front_end` and a `mask` method, such as `JanssonUNet`, or a
            mapping stem -> model, all with the same front end.
        stem: name of the stem where a single network is given.
        residual: name of the stem that is the mixture minus all others; `None` for none. By
            default "accompaniment", unless a network of that name is given.
        overlap: frames that neighbouring patches share, at most half a patch; a quarter of a
            patch by default.

    Returns:
        A dict stem -> `(batch, samples, channels)` of a waveform `(batch, samples, channels)` at
        `sample_rate`, the residual last. With a residual the stems add up to the waveform.

    Raises:
        ValueError: if the networks' front ends differ, or names clash.

    Example:
        >>> separator = Separator(JanssonUNet(filters=(4, 8)))
        >>> stems = separator(np.zeros((1, 8192, 2), "float32"))
        >>> {stem: tuple(waveform.shape) for stem, waveform in stems.items()}
        {'vocals': (1, 8192, 2), 'accompaniment': (1, 8192, 2)}
    """

    def __init__(self, network, *, stem="vocals", residual="accompaniment", overlap=None, **kwargs):
        super().__init__(**kwargs)
        networks = dict(network) if hasattr(network, "items") else {stem: network}
        if not networks:
            raise ValueError("network must name at least one stem. Received: network={}")
        front_ends = [model.front_end for model in networks.values()]
        if any(other != front_ends[0] for other in front_ends):
            raise ValueError(
                f"all networks must have the same front end. Received: front_ends={front_ends}"
            )
        if residual in networks:
            if hasattr(network, "items") and residual == "accompaniment":
                residual = None
            else:
                raise ValueError(f"residual is a network's stem. Received: residual={residual}")
        self.networks = networks
        self.residual = residual
        self.front_end = front_ends[0]
        frames = self.front_end.frames
        self.overlap = frames // 4 if overlap is None else overlap
        if not 0 <= self.overlap <= frames // 2:
            raise ValueError(
                f"overlap must be between 0 and half a patch, {frames // 2} frames. "
                f"Received: overlap={overlap}"
            )
        self.built = True

    @property
    def sample_rate(self) -> int:
        """Of input and output, in Hz."""
        return self.front_end.sample_rate

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the outputs, the residual last."""
        return (*self.networks, *([self.residual] if self.residual else []))

    @property
    def step_samples(self) -> int:
        """Samples by which one more patch moves forward."""
        return (self.front_end.frames - self.overlap) * self.front_end.frame_step

    @property
    def lookahead_samples(self) -> int:
        """Samples beyond the last returned one that `process` must see."""
        return self.front_end.patch_samples(self.overlap)

    @property
    def export_inputs(self) -> dict[str, keras.InputSpec]:
        """What exporters ask for when they are told nothing: stereo of any batch and length."""
        return {"waveform": keras.InputSpec(shape=(None, None, 2), dtype="float32")}

    @property
    def export_example_shapes(self) -> list[dict[str, tuple[int, int, int]]]:
        """Shapes that exercise an exported file: one patch, several, a batch, an odd length."""
        one = self.patches_samples(1)
        return [{"waveform": shape} for shape in ((1, one, 2), (1, 2 * one + 1, 2), (2, 1001, 2))]

    def patches_samples(self, patches: int) -> int:
        """The longest waveform, in samples, that costs no more than `patches` network runs."""
        return patches * self.step_samples - self.front_end.frame_length // 2

    def initial_state(self, channels: int) -> dict[str, np.ndarray]:
        """Returns the state before the first call of `process`, for a batch of one.

        The arrays: "masks" `(stems, overlap, bins)`, weighted masks of frames that the next patch
        will share, "weights" `(1, overlap, 1)` of them, "tails" `(networks * channels, tail)`,
        "uppers" `(networks, tail)` and "energy" `(1, tail)`, the unfinished overlap-add of the
        outputs, of their upper masks and of their windows.
        """
        front_end, networks = self.front_end, len(self.networks)
        tail = front_end.frame_length - front_end.frame_step
        shapes = {
            "masks": (networks, self.overlap, front_end.bins),
            "weights": (1, self.overlap, 1),
            "tails": (networks * channels, tail),
            "uppers": (networks, tail),
            "energy": (1, tail),
        }
        return {name: np.zeros(shape, "float32") for name, shape in shapes.items()}

    def _masks(self, magnitude, state):
        """Cross-faded masks of the frames that no later patch changes.

        Args:
            magnitude: `(batch, frames, bins)`, frames = patches * hop + overlap.
            state: "masks" and "weights" of the patches before, or None.

        Returns:
            `(networks * batch, frames - overlap, bins)`, and the state for the patches after.
        """
        length, bins = self.front_end.frames, self.front_end.bins
        hop = length - self.overlap
        flat = ops.reshape(magnitude, (-1, ops.shape(magnitude)[1] * bins))
        patches = frame(flat, length * bins, hop * bins)  # (batch, patches, frames * bins)
        count = ops.shape(patches)[1]
        inputs, _ = self.front_end.normalize(ops.reshape(patches, (-1, length, bins)))
        fade = fade_weights(length, self.overlap)[:, None]
        summed = []
        for network in self.networks.values():
            mask = self.front_end.from_network(network.mask(inputs)) * fade
            mask = overlap_add(ops.reshape(mask, (-1, count, length * bins)), hop * bins)
            summed.append(ops.reshape(mask, (-1, count * hop + self.overlap, bins)))
        masks = ops.concatenate(summed, axis=0)
        weights = ops.ones_like(patches[:1, :, :1]) * fade[:, 0]
        weights = ops.expand_dims(overlap_add(weights, hop), -1)  # (1, frames, 1)
        done = count * hop
        if state is not None:
            later = ((0, 0), (0, done), (0, 0))
            masks = masks + ops.pad(state["masks"], later)
            weights = weights + ops.pad(state["weights"], later)
        state = {"masks": masks[:, done:], "weights": weights[:, done:]}
        return cut(masks, 0, done) / cut(weights, 0, done), state

    def process(self, waveform, state=None):
        """Separates a stretch of a longer signal.

        Cut into stretches, a signal gives the same output as in one piece: each call takes up where
        the last one ended. This is what whole-song inference and streaming run.

        Args:
            waveform: `(1, patches * step_samples + lookahead_samples, channels)`; each stretch
                starts `patches * step_samples` after the one before. Any batch without a state.
            state: what the call before returned, `initial_state` at first; `None` for a signal in
                one piece.

        Returns:
            A dict stem -> `(batch, patches * step_samples, channels)` aligned with the start of
            `waveform`; a dict stem -> `(batch, patches * step_samples)` in [0, 1], each network's
            mean mask over the upper half of its band, for those who extend the mask beyond the
            band; and the next state.
        """
        samples, channels = ops.shape(waveform)[1], ops.shape(waveform)[2]
        signal = ops.reshape(ops.transpose(waveform, (0, 2, 1)), (-1, samples))
        stems, uppers, state = self._process(signal, channels, state)
        return self._deliver(stems, waveform[:, : samples - self.lookahead_samples]), uppers, state

    def _process(self, signal, channels, state):
        """`process` of a signal `(batch * channels, samples)`: the networks' stems as such."""
        front_end = self.front_end
        spectrum = front_end.stft(signal, center=False)  # (batch * channels, frames, all bins)
        frames, bins = ops.shape(spectrum[0])[1], front_end.spectrum_bins
        mono = (ops.mean(ops.reshape(x, (-1, channels, frames, bins)), axis=1) for x in spectrum)
        masks, next_state = self._masks(front_end.magnitude(*mono), state)

        count, done = len(self.networks), frames - self.overlap
        full = ops.reshape(front_end.restore_band(masks), (count, -1, 1, done, bins))

        def masked(part):
            part = ops.reshape(cut(part, 0, done), (-1, channels, done, bins))
            return ops.reshape(full * part, (-1, done, bins))

        # (networks * batch * channels, frames, frame_length)
        pieces = front_end.inverse_layer.synthesis_frames(*map(masked, spectrum))
        window_energy = hann(front_end.frame_length) ** 2
        upper = ops.mean(masks[..., front_end.bins // 2 :], axis=-1, keepdims=True)
        length = done * front_end.frame_step

        def added(pieces, name):
            """The finished part of an overlap-add; the rest goes into the state."""
            total = overlap_add(pieces, front_end.frame_step)
            if state is not None:
                rest = ops.shape(total)[1] - ops.shape(state[name])[1]
                total = total + ops.pad(state[name], ((0, 0), (0, rest)))
            next_state[name] = total[:, length:]
            return cut(total, 0, length)

        windows = ops.ones_like(pieces[:1, :, :1]) * window_energy
        # Where no window reaches, the numerator is zero too: any positive floor will do.
        energy = ops.maximum(added(windows, "energy"), 1e-8)
        signals = ops.split(added(pieces, "tails") / energy, count)
        signals = [ops.reshape(signal, (-1, channels, length)) for signal in signals]
        uppers = ops.split(added(upper * window_energy, "uppers") / energy, count)
        stems, uppers = (dict(zip(self.networks, x, strict=True)) for x in (signals, uppers))
        return stems, uppers, next_state

    def _deliver(self, stems, mixture):
        """Stems `(batch, channels, samples)` as `(batch, samples, channels)`, with the residual."""
        stems = {stem: ops.transpose(signal, (0, 2, 1)) for stem, signal in stems.items()}
        if self.residual:
            stems[self.residual] = mixture - sum(stems.values())
        return stems

    def _pad(self, signal):
        """Whole signals, `(rows, samples)`, continued at both ends so that each is one stretch."""
        step, lookahead = self.step_samples, self.lookahead_samples
        half = self.front_end.frame_length // 2
        samples = ops.shape(signal)[1]
        patches = (half + samples + step - 1) // step
        rest = patches * step + lookahead - half - samples
        signal = ops.concatenate((signal, mirrored(signal, rest)), axis=1)
        return ops.pad(signal, ((0, 0), (half, 0)))

    def call(self, waveform, training=None):
        samples, channels = ops.shape(waveform)[1], ops.shape(waveform)[2]
        signal = ops.reshape(ops.transpose(waveform, (0, 2, 1)), (-1, samples))
        stems, _, _ = self._process(self._pad(signal), channels, None)
        start = self.front_end.frame_length // 2
        stems = {stem: cut(signal, start, samples, axis=2) for stem, signal in stems.items()}
        return self._deliver(stems, waveform)

    def masks(self, waveform):
        """Returns each network's mask of a whole signal, as `call` applies it.

        Args:
            waveform: `(batch, samples, channels)` at `sample_rate`.

        Returns:
            A dict stem -> `(batch, frames, bins)` in (0, 1), frame `t` centred on sample
            `t * frame_step`.
        """
        signal = self._pad(ops.mean(waveform, axis=2))
        magnitude = self.front_end.magnitude(*self.front_end.stft(signal, center=False))
        masks, _ = self._masks(magnitude, None)
        frames = -(-ops.shape(waveform)[1] // self.front_end.frame_step) + 1
        masks = ops.split(masks, len(self.networks), axis=0)
        return {stem: mask[:, :frames] for stem, mask in zip(self.networks, masks, strict=True)}

    def compute_output_spec(self, waveform, training=None):
        return {stem: keras.KerasTensor(waveform.shape, "float32") for stem in self.stems}

    def get_config(self):
        return {
            "network": {
                stem: keras.saving.serialize_keras_object(model)
                for stem, model in self.networks.items()
            },
            "residual": self.residual,
            "overlap": self.overlap,
            "name": self.name,
        }

    @classmethod
    def from_config(cls, config):
        networks = {
            stem: keras.saving.deserialize_keras_object(model)
            for stem, model in config["network"].items()
        }
        return cls(**{**config, "network": networks})

    @classmethod
    def from_model(cls, model: keras.Model) -> "Separator":
        """Returns a separator as it is, or one with default settings around a network."""
        return model if isinstance(model, cls) else cls(model)

    @classmethod
    def from_preset(cls, preset):
        """Returns a separator around the preset's network, or the separator that it holds.

        Raises:
            InputError: if there is no such preset, or it is damaged.
        """
        return cls.from_model(load_preset(preset))

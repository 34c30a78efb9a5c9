"""What a separator tells exporters: its inputs, the signatures of its files, their metadata."""

import dataclasses

import keras
import numpy as np
from keras import ops

from zoo.channel_groups import grouped


class ExportedSeparator:
    """The part of `Separator` that exporters ask; they know nothing of audio themselves."""

    @property
    def export_inputs(self) -> dict[str, keras.InputSpec]:
        """What exporters ask for when they are told nothing: any batch and length; stereo, or a
        waveform network's channels.
        """
        shape = (None, None, self.channels or 2)
        return {"waveform": keras.InputSpec(shape=shape, dtype="float32")}

    @property
    def export_example_shapes(self) -> list[dict[str, tuple[int, int, int]]]:
        """Shapes that exercise an exported file: one patch, several, a batch, an odd length."""
        one, channels = max(self.patches_samples(1), self.lookahead_samples), self.channels or 2
        shapes = (1, one, channels), (1, 2 * one + 1, channels), (2, 1001, channels)
        return [{"waveform": shape} for shape in shapes]

    def export_signatures(self, shapes) -> dict:
        """All that a file of this separator offers, each signature with its model and inputs.

        "separate" is the separator itself; "mask", of mask networks, what they make of a patch; and
        "stream" a `StreamingSeparator`. Where "separate" takes a fixed length, so do the others: as
        many patches a buffer as that length holds.

        Args:
            shapes: those of "separate", as exporters pass them.
        """
        _, samples, channels = shapes["waveform"]
        signatures = {"separate": (self, shapes)}
        if self.front_end is not None:
            core = self.mask_model()
            size = None if samples is None else 1
            signatures["mask"] = (core, {"mixture": (size, *core.inputs[0].shape[1:])})
        if channels is not None:
            patches = samples and max(1, (samples - self.lookahead_samples) // self.step_samples)
            signatures["stream"] = (self.streaming(patches, channels=channels), None)
        return signatures

    def export_examples(self, signature: str, shapes, waveform) -> dict:
        """Returns what another signature of a file gets of a signal that "separate" takes.

        Args:
            signature: "mask" or "stream".
            shapes: input shapes of that signature.
            waveform: `(batch, samples, channels)`.

        Returns:
            Its inputs: for "mask" the signal's first patch; for "stream" the state before the
            signal, and its first buffer. Beyond its end, the signal is silent.
        """
        waveform = ops.convert_to_numpy(waveform)[:1]
        if signature == "mask":
            front_end = self.front_end
            signal = _as_long(waveform, front_end.patch_samples())
            if front_end.channels == 1:
                signal = signal.mean(axis=2, keepdims=True)
            else:
                signal = grouped(signal, front_end.channels)[:1]
            signal = np.ascontiguousarray(signal[0].T)
            magnitude = front_end.magnitude(*front_end.stft(signal, center=False))
            patch, _ = front_end.normalize(magnitude)
            return {"mixture": ops.convert_to_numpy(patch)}
        stream = self.streaming(1, channels=waveform.shape[2])
        size, prime = shapes["waveform"][1] or stream.buffer_samples, stream.prime_samples
        signal = _as_long(waveform, prime + size)
        return {"waveform": signal[:, prime:], **stream.initial_state(signal[:, :prime])}

    def export_heard(self, signature: str, inputs, outputs) -> dict:
        """Returns what a quantised file is judged by: what is heard of a signature's outputs.

        Masks are applied to the patch: where it is quiet, a mask may be anything. Others are as
        they are.

        Args:
            signature: "mask" or "stream".
            inputs: its inputs, as `export_examples` gives them.
            outputs: what it makes of them.
        """
        if signature != "mask" or self.front_end.normalization == "min_max":
            return outputs
        return {stem: mask * inputs["mixture"] for stem, mask in outputs.items()}

    @property
    def export_metadata(self) -> dict:
        """What an exported file's metadata says of the model."""
        front_end = self.front_end
        return {
            "name": self.name,
            "model": type(self).__name__,
            "networks": [type(network).__name__ for network in self.networks.values()],
            "parameters": self.count_params(),
            "sample_rate": self.sample_rate,
            "stems": list(self.stems),
            "residual": self.residual,
            "downmix": self.downmix,
            "front_end": front_end and dataclasses.asdict(front_end),
            "grid": dataclasses.asdict(self.grid),
        }

    def mask_model(self) -> keras.Model:
        """Returns the networks alone: a normalised patch in, a mask a stem out.

        Its input "mixture" is `(batch, *front_end.network_shape)`, see `FrontEnd.normalize`; its
        output a dict stem -> mask of the same shape in [0, 1].

        Raises:
            ValueError: with a waveform network, which has no mask.
        """
        if self.front_end is None:
            self.masks(None)
        patch = keras.Input(self.front_end.network_shape, name="mixture")
        masks = self._method.masks_of(patch)
        model = keras.Model(patch, masks, name=f"{self.name}_mask")
        model.export_probes = _magnitude_probes
        return model


def _as_long(waveform: np.ndarray, samples: int) -> np.ndarray:
    missing = max(0, samples - waveform.shape[1])
    return np.pad(waveform, ((0, 0), (0, missing), (0, 0)))[:, :samples]


def _magnitude_probes(shapes):
    """What files and models are compared with: noise of both signs would be no magnitudes."""
    random = np.random.default_rng(0)
    for kind, low, high in (("noise", 0, 1), ("quiet noise", 0, 1e-3), ("silence", 0, 0)):
        patches = {name: random.uniform(low, high, shape) for name, shape in shapes.items()}
        yield kind, {name: patch.astype("float32") for name, patch in patches.items()}

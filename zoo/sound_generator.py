"""A sound generator as one model: latent in, waveform out, and what one does with it."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from zoo.errors import InputError
from zoo.griffin_lim import griffin_lim
from zoo.latents import label_statistics
from zoo.presets import PresetMixin, load_preset
from zoo.sound_methods import SoundMethods


@keras.saving.register_keras_serializable(package="stemzoo")
class SoundGenerator(PresetMixin, SoundMethods, keras.Model):
    """Makes sounds with the decoder of an autoencoder for log spectrograms.

    The way of a latent: decoder, decibels between a minimum and a maximum, magnitudes, Griffin-Lim
    (see `zoo.griffin_lim`). All of it is in the graph, so that the generator exports as it is, and
    none of it is random: equal latents give equal sounds. The methods take and return NumPy arrays
    and hold a bounded number of clips in memory at a time.

    Args:
        network: a `ConvAutoencoder` or `ConvVAE` with a front end, whose normalisation is
            "min_max".
        decibel_range: minimum and maximum in dB that the decoder's 0 and 1 stand for in sounds that
            are not those of a recording with its own.
        labels: names of the kinds of sounds that `sample` can be asked for. Each has a mean and a
            covariance, which `fit_latents` sets and the weights hold; before, and without labels,
            latents are drawn from the standard normal distribution.
        iterations: of Griffin-Lim.
        momentum: of Griffin-Lim.
        seed: of Griffin-Lim's start phase.

    Returns:
        Waveforms `(batch, (frames - 1) * frame_step)` at `sample_rate`, of latents `(batch,
        latent)`.

    Raises:
        ValueError: if the network has no such front end, or an argument is out of range.

    Example:
        >>> front_end = FrontEnd(
        ...     8000, frame_length=64, frame_step=32, bins=32, first_bin=0, frames=16,
        ...     normalization="min_max",
        ... )
        >>> network = ConvVAE(None, (4, 8), (3, 3), (2, 2), 5, front_end=front_end)
        >>> generator = SoundGenerator(network, labels=("yes", "no"), iterations=2)
        >>> sounds = generator.sample(3, seed=0)
        >>> sounds.labels, sounds.waveforms.shape
        (('yes', 'no', 'yes'), (3, 480))
    """

    channels = 1

    def __init__(
        self,
        network,
        *,
        decibel_range=(-50.0, 30.0),
        labels=(),
        iterations=16,
        momentum=0.99,
        seed=0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        front_end = getattr(network, "front_end", None)
        if front_end is None or front_end.normalization != "min_max":
            raise ValueError(
                "network must have a front end with the normalization 'min_max'. "
                f"Received: network={network}, front_end={front_end}"
            )
        low, high = map(float, decibel_range)
        if not low <= high:
            raise ValueError(
                "decibel_range must be a minimum and a maximum. "
                f"Received: decibel_range={decibel_range}"
            )
        labels = (labels,) if isinstance(labels, str) else tuple(labels)
        if len(set(labels)) != len(labels):
            raise ValueError(f"labels must differ. Received: labels={labels}")
        if iterations < 0:
            raise ValueError(f"iterations must not be negative. Received: iterations={iterations}")
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be in [0, 1]. Received: momentum={momentum}")
        self.network = network
        self.front_end = front_end
        self.decibel_range = (low, high)
        self.labels = labels
        self.iterations = iterations
        self.momentum = momentum
        self.seed = seed
        if labels:
            size = self.latent_size
            self.latent_means = self._statistic("latent_means", np.zeros((len(labels), size)))
            identities = np.tile(np.eye(size), (len(labels), 1, 1))
            self.latent_factors = self._statistic("latent_factors", identities)
        self.built = True

    def _statistic(self, name: str, values: np.ndarray):
        def initializer(shape, dtype=None):
            return ops.cast(values, dtype)

        return self.add_weight(
            values.shape, initializer, dtype="float32", trainable=False, name=name
        )

    @property
    def sample_rate(self) -> int:
        """Of the waveforms, in Hz."""
        return self.front_end.sample_rate

    @property
    def latent_size(self) -> int:
        """Values of a latent."""
        return self.network.decoder.input_shape[-1]

    @property
    def samples(self) -> int:
        """Samples of a waveform that comes out, `(frames - 1) * frame_step`."""
        return (self.front_end.frames - 1) * self.front_end.frame_step

    @property
    def export_inputs(self) -> dict[str, keras.InputSpec]:
        """What exporters ask for when they are told nothing: latents, any batch."""
        return {"latent": keras.InputSpec(shape=(None, self.latent_size), dtype="float32")}

    def magnitude(self, latent, decibel_range=None):
        """Returns the decoded magnitudes `(batch, frames, bins)`.

        Args:
            latent: `(batch, latent)`.
            decibel_range: of each clip, `(batch, 2)`; the generator's by default.
        """
        if decibel_range is None:
            decibel_range = np.float32([self.decibel_range])
        spectrogram = self.network.decoder(latent, training=False)
        return self.front_end.denormalize(ops.cast(spectrogram, "float32"), decibel_range)

    def waveform(self, magnitude):
        """Returns Griffin-Lim's waveform `(batch, samples)` of magnitudes."""
        return griffin_lim(
            magnitude,
            self.front_end,
            iterations=self.iterations,
            momentum=self.momentum,
            seed=self.seed,
        )

    def call(self, latent, training=None):
        return self.waveform(self.magnitude(latent))

    def compute_output_spec(self, latent, training=None):
        return keras.KerasTensor((latent.shape[0], self.samples), "float32")

    def fit_latents(self, latents, labels: Sequence[str]) -> None:
        """Sets each label's mean and covariance to those of given latents.

        Args:
            latents: `(clips, latent)`, as `encode` returns them of training clips.
            labels: of each clip; every one of the generator's labels must have at least one.

        Raises:
            ValueError: if a label has no clip, or there are others than the generator's.
        """
        means, factors = label_statistics(np.asarray(latents), tuple(labels), self.labels)
        self.latent_means.assign(means)
        self.latent_factors.assign(factors)

    def latent_distributions(self) -> tuple[np.ndarray, np.ndarray]:
        """Means and Cholesky factors of the labels' latents, or the standard normal ones."""
        if not self.labels:
            return np.zeros((1, self.latent_size)), np.eye(self.latent_size)[None]
        return tuple(map(ops.convert_to_numpy, (self.latent_means, self.latent_factors)))

    def get_config(self):
        return {
            "network": keras.saving.serialize_keras_object(self.network),
            "decibel_range": self.decibel_range,
            "labels": self.labels,
            "iterations": self.iterations,
            "momentum": self.momentum,
            "seed": self.seed,
            "name": self.name,
        }

    @classmethod
    def from_model(cls, model: keras.Model) -> "SoundGenerator":
        """Returns a generator as it is, or one with default settings around an autoencoder.

        Raises:
            InputError: if the model makes no sounds.
        """
        if isinstance(model, cls):
            return model
        if not hasattr(model, "decoder"):
            raise InputError(f"a {type(model).__name__} makes no sounds; name a sound generator")
        try:
            return cls(model)
        except ValueError as error:
            raise InputError(str(error)) from error

    @classmethod
    def from_preset(cls, preset):
        """Returns the preset's generator, or one around the autoencoder that it holds.

        Raises:
            InputError: if there is no such preset, it is damaged, or it makes no sounds.
        """
        return cls.from_model(load_preset(preset))

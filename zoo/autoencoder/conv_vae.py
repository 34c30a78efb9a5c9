"""The convolutional variational autoencoder."""

import keras
from keras import layers, ops

from zoo.autoencoder.conv_autoencoder import Autoencoder
from zoo.autoencoder.sampling import Sampling

RECONSTRUCTIONS = ("rmse", "mse")


def reconstruction_error(target, output, kind: str):
    """Returns each example's error over all axes, `(batch,)`: `"mse"`, or `"rmse"`, its root."""
    axes = tuple(range(1, len(output.shape)))
    error = ops.mean(ops.square(ops.cast(target, output.dtype) - output), axis=axes)
    # The root's slope at zero is infinite, and would make the gradient not a number.
    return ops.sqrt(error + 1e-12) if kind == "rmse" else error


@keras.saving.register_keras_serializable(package="stemzoo")
class ConvVAE(Autoencoder):
    """Convolutional variational autoencoder: `ConvAutoencoder` with another bottleneck and loss.

    The bottleneck is a normal distribution, of which training draws a sample and inference takes
    the mean. The loss is `alpha * reconstruction + KL`: the mean over the batch of the
    reconstruction error, and of the KL divergence from the standard normal distribution in nats.
    Source: Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014; V. Velardo,
    "Generating Sound with Neural Networks" (course, 2021), the class `VAE`. With the defaults:
    2,371,777 parameters, of which 2,944 are batch-normalisation statistics.

    Stock `compile()`, `fit(x)`, `fit(x, x)` and `evaluate` work, and log `loss`,
    `reconstruction_loss` (without alpha) and `kl_loss` (without its annealing).

    Args:
        input_shape: as all up to `latent_space_dim` in `ConvAutoencoder`.
        conv_filters: filters of each level, outermost first.
        conv_kernels: kernel size of each level, an integer or a pair.
        conv_strides: stride of each level, an integer or a pair.
        latent_space_dim: size of a latent.
        front_end: as in `ConvAutoencoder`.
        reconstruction: `"rmse"`, the root of each example's mean squared error, as the course's
            text calls it, or `"mse"`, without the root, as the course's code computes it.
        alpha: weight of the reconstruction error.
        kl_annealing_steps: training steps over which the KL divergence's weight rises from 0 to 1
            (Bowman et al., "Generating Sentences from a Continuous Space", 2016); 0 for none. The
            steps are counted in a further scalar weight.
        seed: of the samples in training; `None` for another one each time.
        dtype: policy of the layers; bottleneck and output are float32 in any case.

    Attributes:
        encoder: a model from the input to the latent: the mean, in training a sample.
        decoder: a model from the latent to the output.

    Returns:
        The reconstruction in (0, 1) of an input in [0, 1], both `(batch, rows, columns, channels)`.

    Raises:
        ValueError: if the sizes do not fit, naming those that would, or a value is wrong.

    Example:
        >>> vae = ConvVAE((16, 8, 1), (4, 8), (3, 3), (2, 2), 3, alpha=1000.0)
        >>> vae.compile()
        >>> history = vae.fit(np.zeros((4, 16, 8, 1), "float32"), verbose=0).history
        >>> sorted(history)
        ['kl_loss', 'loss', 'reconstruction_loss']
    """

    has_own_loss = True

    def __init__(
        self,
        input_shape=None,
        conv_filters=(512, 256, 128, 64, 32),
        conv_kernels=(3, 3, 3, 3, 3),
        conv_strides=(2, 2, 2, 2, (2, 1)),
        latent_space_dim=128,
        *,
        front_end=None,
        reconstruction="rmse",
        alpha=1_000_000.0,
        kl_annealing_steps=0,
        seed=None,
        dtype=None,
        **kwargs,
    ):
        if reconstruction not in RECONSTRUCTIONS:
            raise ValueError(
                f"reconstruction must be one of {RECONSTRUCTIONS}. Received: {reconstruction=}"
            )
        if alpha <= 0:
            raise ValueError(f"alpha must be positive. Received: {alpha=}")
        if kl_annealing_steps < 0:
            raise ValueError(
                f"kl_annealing_steps must not be negative. Received: {kl_annealing_steps=}"
            )

        def distribution(x, units):
            mu = layers.Dense(units, dtype="float32", name="mu")(x)
            log_variance = layers.Dense(units, dtype="float32", name="log_variance")(x)
            sampling = Sampling(
                annealing_steps=kl_annealing_steps, seed=seed, dtype="float32", name="sampling"
            )
            return sampling((mu, log_variance))

        super().__init__(
            distribution,
            input_shape=input_shape,
            conv_filters=conv_filters,
            conv_kernels=conv_kernels,
            conv_strides=conv_strides,
            latent_space_dim=latent_space_dim,
            front_end=front_end,
            dtype=dtype,
            **kwargs,
        )
        self._reconstruction_tracker = keras.metrics.Mean(name="reconstruction_loss")
        self._kl_tracker = keras.metrics.Mean(name="kl_loss")
        self.reconstruction = reconstruction
        self.alpha = alpha
        self.kl_annealing_steps = kl_annealing_steps
        self.seed = seed

    @property
    def posterior_model(self) -> keras.Model:
        """A model from the input to a dict of `mu` and `log_variance`, `(batch, latent)` each."""
        names = ("mu", "log_variance")
        outputs = {name: self.encoder.get_layer(name).output for name in names}
        return keras.Model(self.encoder.input, outputs, name="posterior")

    def posterior(self, x) -> dict:
        """Returns the distribution of an input's latent.

        Args:
            x: `(batch, rows, columns, channels)` in [0, 1].

        Returns:
            `mu` and `log_variance`, `(batch, latent_space_dim)` each.
        """
        return self.posterior_model(x, training=False)

    def compile(self, optimizer=None, loss=None, **kwargs):
        """As in Keras, without a loss: the model has its own. Adam at 5e-4 by default.

        Raises:
            ValueError: if a loss is given.
        """
        if loss is not None:
            raise ValueError(
                "the loss of a ConvVAE is set by its arguments reconstruction and alpha. "
                f"Received: {loss=}"
            )
        super().compile(optimizer=optimizer, **kwargs)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Returns `alpha * reconstruction + KL` of a batch.

        Args:
            x: the input, which is the target where `y` is not given.
            y: the target.
            y_pred: the model's output.
            sample_weight: of each example's reconstruction error, `(batch,)`.
            training: whether this is a training step, which annealing counts. Elsewhere the KL
                divergence counts in full, so that losses of different epochs can be compared.
        """
        errors = reconstruction_error(x if y is None else y, y_pred, self.reconstruction)
        if sample_weight is not None:
            errors = errors * ops.reshape(ops.cast(sample_weight, errors.dtype), (-1,))
        error, divergence = ops.mean(errors), sum(self.losses)
        weight = self.encoder.get_layer("sampling").kl_weight() if training else 1.0
        examples = ops.shape(y_pred)[0]
        self._reconstruction_tracker.update_state(error, sample_weight=examples)
        self._kl_tracker.update_state(divergence, sample_weight=examples)
        return self.alpha * error + weight * divergence

    def get_config(self):
        return {
            **super().get_config(),
            "reconstruction": self.reconstruction,
            "alpha": self.alpha,
            "kl_annealing_steps": self.kl_annealing_steps,
            "seed": self.seed,
        }

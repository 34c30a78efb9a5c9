"""The bottleneck of a variational autoencoder."""

import keras
from keras import layers, ops


def kl_divergence(mu, log_variance):
    """KL divergence of normal distributions from the standard one, summed over the latent axis.

    Source: Kingma and Welling, "Auto-Encoding Variational Bayes", ICLR 2014, appendix B.

    Args:
        mu: means, `(batch, latent)`.
        log_variance: natural logarithms of the variances, of the same shape.

    Returns:
        `(batch,)`, in nats.

    Example:
        >>> float(kl_divergence(np.float32([[1, 0]]), np.float32([[0, 0]]))[0])
        0.5
    """
    terms = 1 + log_variance - ops.square(mu) - ops.exp(log_variance)
    return -0.5 * ops.sum(terms, axis=-1)


@keras.saving.register_keras_serializable(package="stemzoo")
class Sampling(layers.Layer):
    """A latent from its distribution: a sample in training, the mean at inference.

    The sample is `mu + exp(log_variance / 2) * epsilon`, epsilon from a standard normal
    distribution (Kingma and Welling 2014, section 2.4). The mean of the batch's KL divergences is
    added to the model's losses.

    Args:
        annealing_steps: training steps over which `kl_weight` rises from 0 to 1; 0 for always 1.
        seed: of the samples.

    Returns:
        `(batch, latent)` of a pair (mu, log_variance) of that shape.
    """

    def __init__(self, *, annealing_steps=0, seed=None, **kwargs):
        super().__init__(**kwargs)
        if annealing_steps < 0:
            raise ValueError(f"annealing_steps must not be negative. Received: {annealing_steps=}")
        self.annealing_steps = annealing_steps
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def build(self, *_):
        # Counted in the layer, not in the optimiser, which JAX's loss function does not see.
        if self.annealing_steps:
            self.step = self.add_weight(
                shape=(), initializer="zeros", trainable=False, dtype="float32", name="step"
            )
        self.built = True

    def call(self, inputs, training=False):
        mu, log_variance = inputs
        self.add_loss(ops.mean(kl_divergence(mu, log_variance)))
        if not training:
            return mu
        epsilon = keras.random.normal(ops.shape(mu), dtype=mu.dtype, seed=self.seed_generator)
        return mu + ops.exp(log_variance / 2) * epsilon

    def kl_weight(self):
        """Returns what the KL divergence counts in this training step, in [0, 1], and counts it."""
        if not self.annealing_steps:
            return 1.0
        weight = ops.minimum(ops.convert_to_tensor(self.step) / self.annealing_steps, 1.0)
        self.step.assign(self.step + 1.0)
        return weight

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        own = {"annealing_steps": self.annealing_steps, "seed": self.seed}
        return {**super().get_config(), **own}

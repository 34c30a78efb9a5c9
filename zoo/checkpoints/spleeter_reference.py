"""What Spleeter's networks compute, once more: TensorFlow's operators on a checkpoint's variables.

It shares nothing with `zoo.SpleeterUNet`, neither layers nor names: an import is checked with it.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

_EPSILON = 1e-3


def reference_outputs(
    read: Callable[[str], np.ndarray],
    mixture: np.ndarray,
    *,
    stems: int,
    levels: int = 6,
    elu: bool = False,
    softmax: bool = False,
) -> list[np.ndarray]:
    """Returns the magnitudes of all stems.

    Args:
        read: value of a variable by its name in the program.
        mixture: magnitude `(batch, frames, bins, channels)`.
        stems: how many networks there are.
        levels: of each.
        elu: whether the activations are ELU; else LeakyReLU of slope 0.2, in the decoder ReLU.
        softmax: whether a softmax over the stems makes the masks, else a sigmoid.

    Example:
        >>> kernels = {
        ...     "conv2d/kernel": (5, 5, 1, 2),
        ...     "conv2d_transpose/kernel": (5, 5, 1, 2),
        ...     "conv2d_1/kernel": (4, 4, 1, 1),
        ... }
        >>> def read(name):
        ...     return np.zeros(kernels.get(name, 1), "float32")
        >>> (stem,) = reference_outputs(read, np.ones((1, 2, 2, 1), "float32"), stems=1, levels=1)
        >>> stem[0, :, :, 0]
        array([[0.5, 0.5],
               [0.5, 0.5]], dtype=float32)
    """
    logits = [_logits(read, mixture, stem, levels, elu) for stem in range(stems)]
    if softmax:
        masks = tf.unstack(tf.nn.softmax(tf.stack(logits, axis=0), axis=0))
    else:
        masks = [tf.sigmoid(x) for x in logits]
    return [(mask * mixture).numpy() for mask in masks]


def _logits(read, mixture, stem: int, levels: int, elu: bool) -> tf.Tensor:
    def parameters(kind: str, index: int, *names: str) -> list[np.ndarray]:
        scope = f"{kind}_{index}" if index else kind
        return [read(f"{scope}/{name}") for name in names]

    def normalized(x: tf.Tensor, index: int) -> tf.Tensor:
        names = ("gamma", "beta", "moving_mean", "moving_variance")
        gamma, beta, mean, variance = parameters("batch_normalization", index, *names)
        return gamma * (x - mean) / np.sqrt(variance + _EPSILON) + beta

    # Each network numbers its layers on from the one before.
    convolution, transposed, norm = stem * (levels + 1), stem * levels, stem * 2 * levels
    x, skips = mixture, []
    for level in range(levels):
        kernel, bias = parameters("conv2d", convolution + level, "kernel", "bias")
        x = tf.nn.conv2d(x, kernel, strides=2, padding="SAME") + bias
        skips.append(x)
        if level < levels - 1:
            x = normalized(x, norm + level)
            x = tf.nn.elu(x) if elu else tf.nn.leaky_relu(x, alpha=0.2)
    x = skips.pop()
    for level in range(levels):
        kernel, bias = parameters("conv2d_transpose", transposed + level, "kernel", "bias")
        batch, frames, bins, _ = x.shape
        size = (batch, 2 * frames, 2 * bins, kernel.shape[2])
        x = tf.nn.conv2d_transpose(x, kernel, size, strides=2, padding="SAME") + bias
        x = tf.nn.elu(x) if elu else tf.nn.relu(x)
        x = normalized(x, norm + levels + level)
        if skips:
            x = tf.concat([skips.pop(), x], axis=-1)
    kernel, bias = parameters("conv2d", convolution + levels, "kernel", "bias")
    return tf.nn.conv2d(x, kernel, strides=1, dilations=2, padding="SAME") + bias

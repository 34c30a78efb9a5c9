"""Autoencoders so small that their tests are about mechanics, and what they learn."""

import numpy as np

from zoo import FrontEnd

SMALL = {
    "input_shape": (12, 8, 1),
    "conv_filters": (3, 4),
    "conv_kernels": (3, (3, 5)),
    "conv_strides": (2, (3, 1)),
    "latent_space_dim": 2,
}
FRONT_END = FrontEnd(frame_length=32, frame_step=16, bins=16, frames=8, normalization="min_max")


def images(count=4, shape=SMALL["input_shape"], seed=0):
    """Gradients in random directions, in [0, 1]: what two numbers can describe."""
    rows, columns = np.meshgrid(*(np.linspace(-1, 1, size) for size in shape[:2]), indexing="ij")
    slopes = np.random.default_rng(seed).uniform(-1, 1, (count, 2, 1, 1, 1))
    x = 0.5 + 0.25 * (slopes[:, 0] * rows[..., None] + slopes[:, 1] * columns[..., None])
    return np.broadcast_to(x, (count, *shape)).astype("float32")

"""The rule by which the weights of every fixture of an original program were made."""

import zlib

import numpy as np


def weight(name: str, shape) -> np.ndarray:
    """A variable's value: normal noise from a generator seeded with its name.

    Kernels have the variance 2 / inputs, biases, shifts and moving means the deviation 0.05,
    factors and moving variances lie about 1, interpolation weights (before their sigmoid) have 1.
    """
    noise = np.random.Generator(np.random.PCG64(zlib.crc32(name.encode()))).standard_normal(shape)
    kind = name.rpartition("/")[2]
    if kind == "kernel":
        noise = noise * np.sqrt(2.0 / np.prod(shape[:-1]))
    elif kind == "gamma":
        noise = 1 + 0.1 * noise
    elif kind == "moving_variance":
        noise = 1 + 0.1 * np.abs(noise)
    elif kind in ("bias", "beta", "moving_mean"):
        noise = 0.05 * noise
    else:
        assert kind.startswith("interp_"), name
    return noise.astype("float32")

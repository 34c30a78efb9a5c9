"""What the autoencoder course's Keras 2 program saves and computes."""

import json
import math
import pickle
from pathlib import Path

import h5py
import numpy as np

from .original_weights import weight

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "autoencoder"
COURSE = json.loads((FIXTURES / "course.json").read_text())
NAMES = ("input_shape", "conv_filters", "conv_kernels", "conv_strides", "latent_space_dim")


def tuples(value):
    """JSON's lists as the tuples that the program has."""
    return tuple(map(tuples, value)) if isinstance(value, list) else value


DIGITS = [tuples(value) for value in COURSE["parameters"]]
MNIST = [(28, 28, 1), (32, 64, 64, 64), (3, 3, 3, 3), (1, 2, 2, 1), 2]
SMALL = [(12, 8, 2), (3, 4), (3, (5, 3)), ((3, 2), 2), 5]


def arrays(name: str) -> dict[str, np.ndarray]:
    """The fixture's arrays of `input` or `expected`; images as float32 in [0, 1]."""
    with np.load(FIXTURES / f"{name}.npz") as file:
        loaded = {key: file[key] for key in file.files}
    images = {key: x.astype("float32") / 255 for key, x in loaded.items() if x.dtype == np.uint8}
    return {**loaded, **images}


def saved_arrays(parameters, *, variational: bool) -> dict[str, tuple[int, ...]]:
    """Path and shape of each array in the program's `weights.h5`."""
    (rows, columns, channels), filters, kernels, strides, latent = parameters
    shapes = {}

    def convolution(layer, kernel, inner, outer, bias):
        pair = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        shapes[f"{layer}/kernel:0"], shapes[f"{layer}/bias:0"] = (*pair, inner, outer), (bias,)

    def norm(layer, size):
        for name in ("gamma", "beta", "moving_mean", "moving_variance"):
            shapes[f"{layer}/{name}:0"] = (size,)

    def dense(layer, inner, outer):
        shapes[f"{layer}/kernel:0"], shapes[f"{layer}/bias:0"] = (inner, outer), (outer,)

    inner = channels
    for level, (width, kernel) in enumerate(zip(filters, kernels, strict=True), 1):
        convolution(f"encoder/encoder_conv_layer_{level}", kernel, inner, width, width)
        norm(f"encoder/encoder_bn_{level}", width)
        inner = width
    steps = [(stride, stride) if isinstance(stride, int) else stride for stride in strides]
    flat = inner * rows * columns // math.prod(math.prod(step) for step in steps)
    for layer in ("mu", "log_variance") if variational else ("encoder_output",):
        dense(f"encoder/{layer}", flat, latent)
    dense("decoder/decoder_dense", latent, flat)
    outer = [*filters[::-1][:-1], channels]
    for met, (width, kernel) in enumerate(zip(outer, kernels[::-1], strict=True), 1):
        convolution(f"decoder/decoder_conv_transpose_layer_{met}", kernel, width, inner, width)
        if met < len(filters):
            norm(f"decoder/decoder_bn_{met}", width)
        inner = width
    return shapes


def values(shapes) -> dict[str, np.ndarray]:
    """The arrays by the rule, which knows layers without their model and without `:0`."""
    return {
        path: weight(path.partition("/")[2].removesuffix(":0"), shape)
        for path, shape in shapes.items()
    }


def write_folder(folder: Path, parameters, arrays: dict[str, np.ndarray]) -> Path:
    """Writes `weights.h5` and `parameters.pkl` as the program's `save` does with Keras 2."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "parameters.pkl").write_bytes(pickle.dumps(parameters))
    with h5py.File(folder / "weights.h5", "w") as file:
        file.attrs["layer_names"] = np.bytes_(["encoder_input", "encoder", "decoder"])
        file.attrs["backend"], file.attrs["keras_version"] = "tensorflow", "2.12.0"
        file.create_group("top_level_model_weights").attrs["weight_names"] = np.zeros(0)
        for layer in ("encoder_input", "encoder", "decoder"):
            inside = [path.partition("/")[2] for path in arrays if path.startswith(f"{layer}/")]
            group = file.create_group(layer)
            group.attrs["weight_names"] = np.bytes_(inside) if inside else np.zeros(0)
        for path, array in arrays.items():
            file[path] = array
    return folder


def saved(folder: Path, parameters=SMALL, *, variational: bool = False) -> Path:
    """Writes what the program saves of a network whose weights follow the rule."""
    shapes = saved_arrays(parameters, variational=variational)
    return write_folder(folder, parameters, values(shapes))

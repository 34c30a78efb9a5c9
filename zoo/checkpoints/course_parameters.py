"""The parameter list that the autoencoder course's program saves beside its weights."""

import math
from pathlib import Path

from zoo.checkpoints.named_weights import NamedWeights
from zoo.checkpoints.pickled_list import read_pickled_list
from zoo.errors import InputError
from zoo.preset_files import read_json

NAMES = ("input_shape", "conv_filters", "conv_kernels", "conv_strides", "latent_space_dim")


def read_parameters(path: Path) -> dict:
    """Returns the arguments of a course autoencoder by name.

    Args:
        path: a `.json` or pickle file with a list: input shape, filters, kernels and strides of the
            levels, size of the latent space. Kernels and strides are numbers or pairs. JSON may
            also be an object with the five names.

    Raises:
        InputError: if the file cannot be read or does not hold such a list.

    Example:
        >>> import pathlib
        >>> file = pathlib.Path("parameters.json")
        >>> file.write_text("[[28, 28, 1], [32, 64], [3, 3], [1, [2, 1]], 2]") > 0
        True
        >>> read_parameters(file)["conv_strides"]
        (1, (2, 1))
    """
    if not path.is_file():
        raise InputError(
            f"{path}: no such file; name the list of {', '.join(NAMES)}, pickled or as JSON"
        )
    value = read_json(path) if path.suffix == ".json" else read_pickled_list(path)
    if isinstance(value, dict) and set(value) == set(NAMES):
        value = [value[name] for name in NAMES]
    if not isinstance(value, list) or len(value) != len(NAMES):
        raise InputError(f"{path}: must hold a list of {', '.join(NAMES)}")
    parameters = dict(zip(NAMES, map(_tuples, value), strict=True))
    levels = parameters["conv_filters"]
    if not isinstance(levels, tuple) or not levels:
        raise InputError(f"{path}: conv_filters must be a list of numbers, one a level")
    for name, fits in {
        "input_shape": _numbers(parameters["input_shape"], 3),
        "conv_filters": _numbers(levels, len(levels)),
        "conv_kernels": _sizes(parameters["conv_kernels"], len(levels)),
        "conv_strides": _sizes(parameters["conv_strides"], len(levels)),
        "latent_space_dim": _positive(parameters["latent_space_dim"]),
    }.items():
        if not fits:
            raise InputError(
                f"{path}: {name} of a network of {len(levels)} levels must be positive whole "
                "numbers: three for input_shape, one for latent_space_dim, else one a level"
            )
    return parameters


def check_against(weights: NamedWeights, parameters: dict, path: Path) -> None:
    """Compares the sizes that a list asks for with the arrays there are, before they are made.

    Args:
        weights: of the course's program.
        parameters: of `read_parameters`.
        path: of the list, for messages.

    Raises:
        InputError: naming the first array that differs.
    """
    *size, channels = parameters["input_shape"]
    wanted = {}
    levels = zip(*(parameters[name] for name in NAMES[1:4]), strict=True)
    for level, (filters, kernel, stride) in enumerate(levels, start=1):
        wanted[f"encoder_conv_layer_{level}/kernel"] = (*_pair(kernel), channels, filters)
        size = [-(-side // step) for side, step in zip(size, _pair(stride), strict=True)]
        channels = filters
    wanted["decoder_dense/kernel"] = (parameters["latent_space_dim"], math.prod(size) * channels)
    for name, shape in wanted.items():
        actual = weights.shapes.get(name)
        if actual != shape:
            raise InputError(
                f"{path}: asks for {name} of shape {shape}, "
                + (f"in {weights.path} it is {actual}" if actual else f"{weights.path} has none")
            )


def _pair(size) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)


def _tuples(value, depth: int = 2):
    """Lists as tuples, to the depth that parameters have: a pickled list may hold itself."""
    if depth and isinstance(value, list | tuple):
        return tuple(_tuples(item, depth - 1) for item in value)
    return value


def _positive(value) -> bool:
    return type(value) is int and 0 < value < 2**31


def _numbers(value, count: int) -> bool:
    return isinstance(value, tuple) and len(value) == count and all(map(_positive, value))


def _sizes(value, count: int) -> bool:
    """Whether there are `count` sizes, each a number or a pair."""
    return (
        isinstance(value, tuple)
        and len(value) == count
        and all(_positive(size) or _numbers(size, 2) for size in value)
    )

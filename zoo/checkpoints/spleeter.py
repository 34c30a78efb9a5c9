"""Checkpoints of Spleeter's TensorFlow 1 program."""

import os
import re

import keras

from zoo.checkpoints.tensorflow1 import Checkpoint
from zoo.errors import InputError
from zoo.spleeter_unet import VARIANTS, SpleeterUNet

# What a network of Spleeter's is made of; `conv2d` without a number is the first.
_VARIABLE = re.compile(r"(conv2d|conv2d_transpose|batch_normalization)(_\d+)?/\w+")
# What its training leaves in a checkpoint beside a variable's own slots, such as `.../Adam`.
_TRAINING = re.compile(r"(.*/)?(global_step|beta[12]_power(_\d+)?|learning_rate)")
FILTERS = (16, 32, 64, 128, 256, 512)
_CONVOLUTION = ("kernel", "bias")
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def load_spleeter(
    path: str | os.PathLike | Checkpoint, variant: str | None = None, /, **arguments
) -> SpleeterUNet:
    """Returns Spleeter's networks with the weights of a checkpoint of its program.

    Whatever an optimizer left there, as in the released `2stems-finetune`, is left out.

    Args:
        path: folder of the checkpoint, its prefix or one of its files, or the checkpoint itself.
        variant: "2stems", "4stems", "5stems" or the same with "-16kHz". By default the one that has
            as many stems as the checkpoint; variables do not tell up to which frequency it is used.
        **arguments: of `SpleeterUNet`, such as `mask_extension`.

    Raises:
        InputError: if there is no checkpoint, it is damaged, or it holds other networks; the
            message names the first variable that differs.
        ValueError: if an argument of `SpleeterUNet` is wrong.
    """
    checkpoint = path if isinstance(path, Checkpoint) else Checkpoint(path)
    if variant is not None and variant not in VARIANTS:
        raise InputError(f"{variant}: no variant of Spleeter's; those are {', '.join(VARIANTS)}")
    stems = _stems(checkpoint, len(arguments.get("filters", FILTERS)))
    if variant is None:
        variant = _variant(checkpoint, stems)
    elif stems != len(VARIANTS[variant]["stems"]):
        raise InputError(
            f"{checkpoint.path}: holds networks for {stems} stems, {variant} has "
            f"{len(VARIANTS[variant]['stems'])}"
        )
    network = SpleeterUNet(variant, **arguments)
    variables = variables_by_name(network)
    checkpoint.assign(variables, expected=lambda name: not _is_of_training(name))
    # Every value has a checksum: a file that was cut short is no copy of what was released.
    for name in checkpoint.shapes:
        if name not in variables:
            checkpoint.read(name)
    return network


def variables_by_name(network: SpleeterUNet) -> dict[str, keras.Variable]:
    """Returns a network's variables by their names in Spleeter's program.

    The program numbers its convolutions, transposed ones and normalisations, each from the first
    stem's to the last one's and in the order in which a signal meets them.

    Example:
        >>> front_end = FrontEnd(
        ...     bins=64, first_bin=0, frames=8, normalization="none", channels=2,
        ...     layout="frames_bins",
        ... )
        >>> names = list(variables_by_name(SpleeterUNet(filters=(2,), front_end=front_end)))
        >>> len(names), names[0], names[-1]
        (28, 'conv2d/kernel', 'conv2d_3/bias')
    """
    levels = len(network.filters)
    variables: dict[str, keras.Variable] = {}

    def note(layer: str, scope: str, index: int, attributes: tuple[str, ...]) -> None:
        scope = f"{scope}_{index}" if index else scope
        for attribute in attributes:
            variables[f"{scope}/{attribute}"] = getattr(network.get_layer(layer), attribute)

    for place, stem in enumerate(network.stems):
        first = {kind: place * count for kind, count in _counts(levels).items()}
        convolution, transposed = first["conv2d"], first["conv2d_transpose"]
        norm = first["batch_normalization"]
        for met in range(levels):
            note(f"{stem}_encoder_{met + 1}_conv", "conv2d", convolution + met, _CONVOLUTION)
            note(f"{stem}_encoder_{met + 1}_norm", "batch_normalization", norm + met, _NORM)
        for met in range(levels):
            part = f"{stem}_decoder_{levels - met}"
            note(f"{part}_conv", "conv2d_transpose", transposed + met, _CONVOLUTION)
            note(f"{part}_norm", "batch_normalization", norm + levels + met, _NORM)
        note(f"{stem}_mask_conv", "conv2d", convolution + levels, _CONVOLUTION)
    return variables


def _counts(levels: int) -> dict[str, int]:
    """Layers of each kind in one stem's network."""
    return {
        "conv2d": levels + 1,
        "conv2d_transpose": levels,
        "batch_normalization": 2 * levels,
    }


def _is_of_training(name: str) -> bool:
    """Whether a variable is an optimizer's: a slot lies below the variable that it belongs to."""
    inner = _VARIABLE.search(name)
    return bool(_TRAINING.fullmatch(name)) or bool(inner and inner.end() < len(name))


def _stems(checkpoint: Checkpoint, levels: int) -> int:
    """How many stems' networks a checkpoint holds, whether or not they are complete."""
    found = [int((match[2] or "_0")[1:]) for match in _own(checkpoint) if match[1] == "conv2d"]
    if not found:
        others = [name for name in checkpoint.shapes if not _is_of_training(name)]
        shown = ", ".join(others[:3]) or "none"
        raise InputError(
            f"{checkpoint.path}: not a checkpoint of Spleeter: it has no conv2d/kernel; "
            f"its first variables: {shown}"
        )
    return max(found) // _counts(levels)["conv2d"] + 1


def _own(checkpoint: Checkpoint):
    return filter(None, map(_VARIABLE.fullmatch, checkpoint.shapes))


def _variant(checkpoint: Checkpoint, stems: int) -> str:
    for name, settings in VARIANTS.items():
        if len(settings["stems"]) == stems:
            return name
    known = sorted({len(settings["stems"]) for settings in VARIANTS.values()})
    raise InputError(
        f"{checkpoint.path}: holds networks for {stems} stems; those of the published models have "
        f"{', '.join(map(str, known))}"
    )

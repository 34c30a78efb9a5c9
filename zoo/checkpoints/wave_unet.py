"""Checkpoints of the Wave-U-Net authors' TensorFlow 1 program."""

import inspect
import os

import keras

from zoo.checkpoints.tensorflow1 import Checkpoint
from zoo.errors import InputError
from zoo.wave_unet import WaveUNet

_SCOPE = "separator/"
# What the program has no counterpart of.
_ONLY = {
    "downsampling": ("decimate",),
    "upsampling": ("linear", "learned"),
    "dilation": (1,),
    "scales": (1,),
}


def load_wave_unet(path: str | os.PathLike, variant: str, /, **arguments) -> WaveUNet:
    """Returns a Wave-U-Net with the weights of a checkpoint of the authors' program.

    The optimizer's variables, which such checkpoints hold too, are left out.

    Args:
        path: prefix of the checkpoint, one of its files, or its folder.
        variant: "M1" to "M7" or "M5-HighSR": what the checkpoint was trained as. It matters where
            shapes do not tell: M3 has the variables of M2, M5-HighSR those of M5.
        **arguments: of `WaveUNet`, all but `dtype`, for a configuration that the paper does not
            name.

    Raises:
        InputError: if there is no checkpoint, it is damaged, an argument is wrong, or the
            checkpoint holds another network; the message names the first variable that differs.
    """
    checkpoint = Checkpoint(path)
    network = _network(variant, arguments)
    variables = variables_by_name(network)
    checkpoint.assign(variables, expected=lambda name: name.startswith(_SCOPE))
    return network


def variables_by_name(network: WaveUNet) -> dict[str, keras.Variable]:
    """Returns a network's variables by their names in the authors' program.

    The program numbers its convolutions and its learned interpolations, each in the order in which
    a signal meets them.

    Raises:
        InputError: if the network has parts that the program has not.

    Example:
        >>> names = list(variables_by_name(WaveUNet("M5", levels=1, initial_filters=2)))
        >>> names[::2]
        ['separator/conv1d/kernel', 'separator/conv1d_1/kernel', 'separator/interp_0',\
 'separator/conv1d_2/bias', 'separator/conv1d_3/bias']
    """
    for argument, known in _ONLY.items():
        value = getattr(network, argument)
        if value not in known:
            raise InputError(
                f"{argument}={value!r}: the authors' program has only "
                f"{' or '.join(map(repr, known))}"
            )
    levels = range(1, network.levels + 1)
    estimated = network.sources
    if network.output_type == "difference":
        estimated = estimated[:-1]
    # Convolutions from the mixture to the last source; those of the decoder interpolate first.
    layers = [f"encoder_{level}" for level in levels] + ["bottleneck"]
    layers += [f"decoder_{level}" for level in reversed(levels)] + list(estimated)
    variables: dict[str, keras.Variable] = {}
    interpolations = 0
    for index, name in enumerate(layers):
        layer = network.get_layer(f"{name}_conv")
        if getattr(layer, "learned", False):
            variables[f"{_SCOPE}interp_{interpolations}"] = layer.interpolation
            interpolations += 1
        scope = f"{_SCOPE}conv1d_{index}" if index else f"{_SCOPE}conv1d"
        variables[f"{scope}/kernel"] = layer.kernel
        variables[f"{scope}/bias"] = layer.bias
    return variables


def _network(variant: str, arguments: dict) -> WaveUNet:
    known = list(inspect.signature(WaveUNet).parameters)
    known = [name for name in known if name not in ("variant", "dtype", "kwargs")]
    for name in arguments:
        if name not in known:
            raise InputError(f"{name}: unknown argument of WaveUNet; known are {', '.join(known)}")
    try:
        return WaveUNet(variant, **arguments)
    except TypeError as error:
        raise InputError(f"WaveUNet: an argument is of a wrong type: {arguments}") from error
    except ValueError as error:
        raise InputError(f"WaveUNet: {str(error).splitlines()[0]}") from error

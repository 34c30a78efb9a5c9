"""Autoencoders that the course's Keras 2 program saved.

The course is Valerio Velardo's "Generating Sound with Neural Networks"; its program writes a folder
with `weights.h5` and `parameters.pkl`.
"""

import os
from pathlib import Path

import keras

from zoo.autoencoder import ConvAutoencoder, ConvVAE
from zoo.checkpoints.course_parameters import check_against, read_parameters
from zoo.checkpoints.keras2 import Keras2Weights
from zoo.errors import InputError

WEIGHTS, PARAMETERS = "weights.h5", ("parameters.json", "parameters.pkl")
_CONVOLUTION = ("kernel", "bias")
_NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def load_autoencoder(
    path: str | os.PathLike, *, parameters: str | os.PathLike | None = None
) -> ConvAutoencoder | ConvVAE:
    """Returns a network with the weights of a course autoencoder or variational autoencoder.

    Which of the two it is, its layers tell. One whose input is the course's 256x64 spectrogram gets
    the course's front end, any other none.

    Args:
        path: folder with `weights.h5` and `parameters.pkl`, or a Keras 2 weights file.
        parameters: file with the list of parameters, pickled or as JSON; by default
            `parameters.json` or `parameters.pkl` beside the weights. Of a pickle, nothing is
            executed.

    Raises:
        InputError: if a file is missing or damaged, or the weights are those of another network;
            the message names the first array that differs.
    """
    weights_path, parameters_path = _files(Path(path), parameters and Path(parameters))
    weights = Keras2Weights(weights_path)
    arguments = read_parameters(parameters_path)
    network_class = _network_class(weights)
    check_against(weights, arguments, parameters_path)
    if arguments["input_shape"] == (256, 64, 1):
        # The default is the course's front end.
        del arguments["input_shape"]
    if network_class is ConvVAE:
        arguments["reconstruction"] = "mse"
    try:
        network = network_class(**arguments)
    except ValueError as error:
        raise InputError(f"{parameters_path}: {str(error).splitlines()[0]}") from error
    weights.assign(variables_by_name(network))
    return network


def variables_by_name(network: ConvAutoencoder | ConvVAE) -> dict[str, keras.Variable]:
    """Returns a network's variables by their names in the course's program.

    The program counts the decoder's levels in the order in which a signal meets them; here they
    have the numbers of the encoder's levels that they mirror.

    Example:
        >>> network = ConvAutoencoder((8, 8, 1), (2, 3), (3, 3), (1, 2), 2)
        >>> names = list(variables_by_name(network))
        >>> len(names), names[0], names[-1]
        (24, 'encoder_conv_layer_1/kernel', 'decoder_conv_transpose_layer_2/bias')
    """
    levels = len(network.conv_filters)
    encoder = {}
    for level in range(1, levels + 1):
        encoder[f"encoder_{level}_conv"] = f"encoder_conv_layer_{level}", _CONVOLUTION
        encoder[f"encoder_{level}_norm"] = f"encoder_bn_{level}", _NORM
    if isinstance(network, ConvVAE):
        encoder |= {name: (name, _CONVOLUTION) for name in ("mu", "log_variance")}
    else:
        encoder["encoder_latent"] = "encoder_output", _CONVOLUTION
    decoder = {"decoder_dense": ("decoder_dense", _CONVOLUTION)}
    for met in range(1, levels + 1):
        name = f"decoder_{levels + 1 - met}"
        decoder[f"{name}_conv"] = f"decoder_conv_transpose_layer_{met}", _CONVOLUTION
        if met < levels:
            decoder[f"{name}_norm"] = f"decoder_bn_{met}", _NORM
    return {
        f"{theirs}/{attribute}": getattr(part.get_layer(ours), attribute)
        for part, layers in ((network.encoder, encoder), (network.decoder, decoder))
        for ours, (theirs, attributes) in layers.items()
        for attribute in attributes
    }


def _files(path: Path, parameters: Path | None) -> tuple[Path, Path]:
    """The weights file and the parameter list that a user means."""
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    weights = path
    if path.is_dir():
        found = sorted(path.glob("*.h5"))
        weights = path / WEIGHTS if path / WEIGHTS in found or len(found) != 1 else found[0]
        if not weights.is_file():
            raise InputError(f"{path}: holds no {WEIGHTS}")
    if parameters is None:
        beside = [weights.parent / name for name in PARAMETERS]
        parameters = next((file for file in beside if file.is_file()), None)
        if parameters is None:
            raise InputError(
                f"{weights.parent}: holds no {' or '.join(PARAMETERS)}; name the list of parameters"
            )
    return weights, parameters


def _network_class(weights: Keras2Weights) -> type[ConvAutoencoder] | type[ConvVAE]:
    layers = {name.split("/")[0] for name in weights.shapes}
    variational = bool(layers & {"mu", "log_variance"})
    if variational == ("encoder_output" in layers):
        raise InputError(
            f"{weights.path}: not a course autoencoder, which has one of the layers "
            "encoder_output and mu"
        )
    return ConvVAE if variational else ConvAutoencoder

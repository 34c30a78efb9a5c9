"""Networks to train: new ones, or trained ones with some layers frozen."""

import inspect
from collections.abc import Sequence
from fnmatch import fnmatchcase

import keras

from training.recipe_tables import ModelRecipe
from zoo.errors import InputError
from zoo.front_end import FrontEnd


def rebuilt(model: keras.Model, dtype: str) -> keras.Model:
    """Returns a copy of a network of the zoo under another dtype policy, with the same weights.

    Args:
        model: a network whose config has a `dtype`.
        dtype: such as `"mixed_bfloat16"`, or `"float32"` for what leaves a training.
    """
    copy = type(model).from_config({**model.get_config(), "dtype": dtype})
    copy.set_weights(model.get_weights())
    return copy


def freeze_layers(model: keras.Model, patterns: Sequence[str]) -> None:
    """Makes the layers whose names match one of the patterns untrainable.

    A frozen batch normalisation keeps its statistics, and normalises by them in training too.

    Args:
        model: changed in place.
        patterns: as in a shell: `"encoder_*"`, `"decoder_1_conv"`.

    Raises:
        InputError: if a pattern matches no layer.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, name="dense")])
        >>> freeze_layers(model, ["den*"])
        >>> model.trainable_variables
        []
    """
    for pattern in patterns:
        matching = [layer for layer in model.layers if fnmatchcase(layer.name, pattern)]
        if not matching:
            names = ", ".join(layer.name for layer in model.layers if layer.weights)
            raise InputError(f"freeze: no layer is called {pattern!r}; there are {names}")
        for layer in matching:
            layer.trainable = False


def check_trainable(model: keras.Model) -> None:
    """Raises `InputError` if nothing in the model would be trained."""
    if not model.trainable_variables:
        raise InputError("all layers are frozen: nothing would be trained")


def computes_in_half_precision(model: keras.Model) -> bool:
    """Whether a layer of the model has a mixed dtype policy."""
    layers = model._flatten_layers(include_self=False)
    return any(layer.compute_dtype != layer.variable_dtype for layer in layers)


def computes_in(model: keras.Model, dtype: str) -> bool:
    """Whether a layer of the model computes in a type, such as `"float16"`."""
    return any(layer.compute_dtype == dtype for layer in model._flatten_layers(include_self=False))


def takes_waveforms(model: keras.Model) -> bool:
    """Whether a network of the zoo maps waveforms, not spectrograms."""
    return hasattr(model, "segment_samples")


def takes_features(model: keras.Model) -> bool:
    """Whether a network of the zoo learns whole spectrograms, as autoencoders do."""
    return hasattr(model, "latent_space_dim")


def own_stems(model: keras.Model) -> tuple[str, ...] | None:
    """The stems that a network of the zoo names itself; `None` where it may learn any one."""
    stems = getattr(model, "sources", None) or getattr(model, "stems", None)
    return None if stems is None else tuple(stems)


def heard_channels(model: keras.Model) -> int:
    """How many channels of songs a network of the zoo sees."""
    return model.channels if takes_waveforms(model) else model.front_end.channels


def _network_in(model: keras.Model, name: str) -> keras.Model:
    """The network that a separator or a sound generator is made of, or the model itself."""
    networks = {id(network): network for network in getattr(model, "networks", {}).values()}
    if len(networks) > 1:
        raise InputError(
            f"{name}: a separator of {len(networks)} networks; start from a preset of one of them"
        )
    for network in networks.values():
        return network
    return getattr(model, "network", model)


def _refuse_front_end(name: str) -> None:
    raise InputError(
        f"{name}: works on waveforms and has no front end; leave out [front_end], the sample rate "
        "belongs to [model]"
    )


def _take_weights(model: keras.Model, name: str) -> None:
    """Gives a new network the weights of another one, layer by layer."""
    from zoo.presets import load_model

    other = _network_in(load_model(name), name)
    if type(other) is not type(model):
        raise InputError(
            f"weights={name!r}: {type(other).__name__}, and the network is {type(model).__name__}"
        )
    shapes = {weight.path: tuple(weight.shape) for weight in model.weights}
    values = {weight.path: weight for weight in other.weights}
    for path in dict.fromkeys([*shapes, *values]):
        given = tuple(values[path].shape) if path in values else "none"
        if given != shapes.get(path):
            raise InputError(
                f"weights={name!r}: {path} has shape {given}, the network's "
                f"{shapes.get(path, 'none')}; take one with the same [model]"
            )
    model.set_weights([keras.ops.convert_to_numpy(values[w.path]) for w in model.weights])


def build_model(recipe: ModelRecipe, front_end: FrontEnd | None = None) -> keras.Model:
    """Returns a recipe's network: a new one, or the one to fine-tune, with layers frozen.

    Args:
        recipe: its `[model]` table.
        front_end: of a new network; its paper's by default. Networks on waveforms have none.

    Raises:
        InputError: if the network to start from, or to take weights from, cannot be loaded, is one
            of several, comes with another front end or other shapes, lacks a layer to freeze, or
            has no other.
    """
    import zoo
    from zoo.presets import load_model

    if recipe.start is None:
        network = getattr(zoo, recipe.network)
        arguments = {"dtype": recipe.dtype, **recipe.arguments}
        if "front_end" in inspect.signature(network).parameters:
            arguments["front_end"] = front_end
        elif front_end is not None:
            _refuse_front_end(recipe.network)
        try:
            model = network(**arguments)
        except (TypeError, ValueError) as error:
            raise InputError(f"{recipe.network}: {error}") from error
        if recipe.weights is not None:
            _take_weights(model, recipe.weights)
    else:
        model = _network_in(load_model(recipe.start), recipe.start)
        if front_end is not None and takes_waveforms(model):
            _refuse_front_end(recipe.start)
        if front_end is not None and front_end != model.front_end:
            raise InputError(f"{recipe.start}: has a front end of its own, [front_end] differs")
        if recipe.dtype != "float32":
            model = rebuilt(model, recipe.dtype)
    freeze_layers(model, recipe.freeze)
    check_trainable(model)
    return model

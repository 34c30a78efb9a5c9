"""Which named inputs a model is exported with, and how the model is called with them."""

import re
from collections.abc import Mapping, Sequence

import keras

from export.errors import first_line
from export.formats import SIGNATURE
from export.sharing import once
from zoo.errors import InputError

Shape = tuple[int | None, ...]
Shapes = dict[str, Shape]
Signatures = dict[str, tuple[keras.Model, Shapes]]

# Names that Keras counts up within a process would differ from one export to the next.
_COUNTED_NAME = re.compile(r"(keras_tensor|input_layer)(_\d+)?")


def signatures(model: keras.Model, inputs=None) -> Signatures:
    """Returns what a file offers: signature -> (model, input shapes), the main one first.

    A model with more to offer than itself has a method `export_signatures(shapes)`, which returns a
    dict name -> (model, inputs as `input_shapes` takes them), the model itself first.

    Args:
        model: the model to export.
        inputs: of its main signature, see `input_shapes`.

    Raises:
        InputError: as `input_shapes`.
    """
    shapes = input_shapes(model, inputs)
    offered = getattr(model, "export_signatures", None)
    if offered is None:
        return {SIGNATURE: (model, shapes)}
    parts = once(("signatures", model, *shapes.items()), lambda: offered(shapes))
    return {name: (part, input_shapes(part, wanted)) for name, (part, wanted) in parts.items()}


def input_shapes(model: keras.Model, inputs=None) -> Shapes:
    """Returns the shape of each named input, `None` for a dynamic axis.

    Args:
        model: the model to export.
        inputs: a shape such as `(1, None, 2)`, a `keras.InputSpec` or `keras.KerasTensor`, or a
            dict name -> one of those. `None` asks the model: its attribute `export_inputs` (a dict
            name -> `keras.InputSpec`), else the inputs of a functional model.

    Raises:
        InputError: if a shape or name cannot be used, or nothing says what the inputs are.
    """
    declared = _declared(model)
    if inputs is None:
        if not declared:
            raise InputError(
                f"the model {model.name!r} does not say what its inputs are: pass inputs=, for "
                "example inputs=(1, 512, 128, 1)"
            )
        inputs = declared
    if not isinstance(inputs, Mapping):
        (name,) = declared if len(declared) == 1 else ["input"]
        inputs = {name: inputs}
    shapes = {name: _shape(name, spec) for name, spec in inputs.items()}
    for name in shapes:
        if not isinstance(name, str) or not name.isidentifier():
            raise InputError(
                "an input's name must be made of letters, digits and underscores. "
                f"Received: inputs={shapes}"
            )
    if len(declared) > 1 and declared.keys() != shapes.keys():
        raise InputError(f"the model's inputs are {list(declared)}. Received: inputs={shapes}")
    return shapes


def call_model(model: keras.Model, tensors: Mapping) -> dict:
    """Calls a model for inference with named tensors and returns its named outputs.

    A functional model gets the structure it was built with. Of other models, one with a single
    input gets a tensor and one with several gets the dict. A tensor that comes back is called
    "output", those of a list "output_0" and so on.
    """
    structure = getattr(model, "input", None) if hasattr(model, "inputs") else None
    if isinstance(structure, Mapping):
        arguments = {name: tensors[name] for name in structure}
    elif isinstance(structure, list | tuple):
        arguments = [tensors[name] for name in _declared(model)]
    elif len(tensors) == 1:
        (arguments,) = tensors.values()
    else:
        arguments = dict(tensors)
    outputs = model(arguments, training=False)
    if isinstance(outputs, list | tuple):
        outputs = {f"output_{i}": output for i, output in enumerate(outputs)}
    elif not isinstance(outputs, Mapping):
        outputs = {"output": outputs}
    for name, output in outputs.items():
        if not isinstance(name, str) or not keras.ops.is_tensor(output):
            raise InputError(
                "a model to export must return a tensor, a list of tensors or a dict name -> "
                f"tensor. Received: output {name!r} of {type(output).__name__}"
            )
    return dict(outputs)


def fits(shape: Sequence[int], spec: Shape) -> bool:
    """Whether a concrete shape agrees with one that may have dynamic axes."""
    return len(shape) == len(spec) and all(
        wanted in (None, size) for size, wanted in zip(shape, spec, strict=True)
    )


def _declared(model) -> dict:
    """Returns name -> spec of the inputs that the model itself tells of; empty if it does not."""
    declared = getattr(model, "export_inputs", None)
    if declared is not None:
        return dict(declared)
    tensors = getattr(model, "inputs", None) or []
    if tensors and isinstance(getattr(model, "input", None), Mapping):
        return dict(model.input)
    counted = [_COUNTED_NAME.fullmatch(tensor.name) for tensor in tensors]
    names = ["input"] if len(tensors) == 1 else [f"input_{i}" for i in range(len(tensors))]
    return {
        name if skip else tensor.name: tensor
        for name, skip, tensor in zip(names, counted, tensors, strict=True)
    }


def _shape(name: str, spec) -> Shape:
    dtype = getattr(spec, "dtype", None)
    # Inputs of half-precision models become float32 like everything else.
    if dtype and keras.backend.standardize_dtype(dtype) not in ("float32", "float16", "bfloat16"):
        raise InputError(f"inputs are float32. Received: dtype={dtype} of input {name!r}")
    try:
        shape = tuple(None if size is None else int(size) for size in getattr(spec, "shape", spec))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"input {name!r} needs a shape of integers and None ({first_line(error)}). "
            f"Received: {spec!r}"
        ) from error
    if not shape or any(size is not None and size < 1 for size in shape):
        raise InputError(f"input {name!r} needs one or more positive sizes. Received: {shape}")
    return shape

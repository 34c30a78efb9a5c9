"""From a Keras model to a TensorFlow graph in single precision."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import keras

from export.errors import first_line
from export.sharing import once
from export.specs import Shapes, Signatures, call_model
from zoo.errors import InputError
from zoo.portability import portable_operators, require_tensorflow


class _SinglePrecision(keras.DTypePolicy):
    """Computes in float32 with variables of any dtype, which are cast as they are read."""

    def __init__(self, variable_dtype: str):
        super().__init__("float32")
        self._stored = variable_dtype

    @property
    def variable_dtype(self):
        return self._stored


@contextmanager
def single_precision(model: keras.Model) -> Iterator[None]:
    """While it is open, every layer of `model` computes in float32, whatever its dtype policy.

    Half precision fits training and accelerators; TFLite's built-ins and ONNX Runtime's CPU kernels
    know little of it. The weights themselves stay as they are.
    """
    half = [
        layer
        for layer in model._flatten_layers()
        if not isinstance(layer.dtype_policy, keras.dtype_policies.DTypePolicyMap)
        and layer.quantization_mode is None
        and layer.compute_dtype in ("float16", "bfloat16")
    ]
    policies = [layer.dtype_policy for layer in half]
    try:
        for layer in half:
            layer.dtype_policy = _SinglePrecision(layer.variable_dtype)
        yield
    finally:
        for layer, policy in zip(half, policies, strict=True):
            layer.dtype_policy = policy


def trace(model: keras.Model, shapes: Shapes, *, portable: bool):
    """Traces a model for inference into a fresh TensorFlow function.

    Args:
        model: any Keras model, built or not.
        shapes: name -> shape of each input, `None` for a dynamic axis.
        portable: whether layers use only operators that every runtime has.

    Returns:
        A concrete function from float32 tensors, by name, to a dict of named tensors.

    Raises:
        InputError: if the model cannot be called with these inputs.
    """
    key = ("trace", model, portable, *shapes.items())
    return once(key, lambda: _traced(model, shapes, portable=portable))


def _traced(model: keras.Model, shapes: Shapes, *, portable: bool):
    import tensorflow as tf

    require_tensorflow("exporting")
    function = tf.function(lambda **tensors: call_model(model, tensors), autograph=False)
    signature = {name: tf.TensorSpec(shape, tf.float32, name) for name, shape in shapes.items()}
    with single_precision(model), portable_operators() if portable else nullcontext():
        try:
            return function.get_concrete_function(**signature)
        except InputError:
            raise
        except Exception as error:
            raise InputError(
                f"the model {model.name!r} cannot be called with inputs {shapes}: "
                f"{first_line(error)}"
            ) from error


def trace_signatures(signatures: Signatures, *, portable: bool) -> dict:
    """Returns signature -> what `trace` makes of its model."""
    return {
        name: trace(model, shapes, portable=portable)
        for name, (model, shapes) in signatures.items()
    }


def freeze(concrete):
    """Returns the function's graph with its variables and captured tensors as constants.

    Returns:
        The `GraphDef`, and output name -> name of its tensor in the graph.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    graph = frozen.graph.as_graph_def(add_shapes=True)
    nodes = {node.name: node for node in graph.node}
    # Tensors that the model made outside the graph would become inputs of the file.
    for value, placeholder in concrete.graph.captures:
        node = nodes.get(placeholder.op.name)
        if placeholder.dtype != tf.resource and node is not None and node.op == "Placeholder":
            node.op = "Const"
            node.attr.clear()
            node.attr["dtype"].type = placeholder.dtype.as_datatype_enum
            node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(value.numpy()))
    # TensorFlow flattens a dict in the order of its keys.
    names = sorted(concrete.structured_outputs)
    return graph, dict(zip(names, [tensor.name for tensor in frozen.outputs], strict=True))

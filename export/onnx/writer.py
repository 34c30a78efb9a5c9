"""Keras models as ONNX files, for ONNX Runtime."""

import logging
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Unpack

import keras

from export.errors import ExportError
from export.exporter import CheckOptions, write_checked
from export.layers import network_layers
from export.onnx.convolution import convert_transposed_convolution
from export.onnx.quantization import quantized
from export.quantization import Arrays, Quantization, QuantizeOptions, plan_of
from export.report import ExportReport
from export.specs import Shapes, Signatures
from export.tflite.convolution import without_transposed_convolutions
from export.tracing import freeze, trace
from zoo.errors import InputError

_OPSETS = range(13, 19)
_CATCH_ERRORS = "TF2ONNX_CATCH_ERRORS"


class Options(CheckOptions, QuantizeOptions, total=False):
    """Keyword arguments of `to_onnx`."""


def to_onnx(
    model: keras.Model,
    path: str | os.PathLike,
    *,
    inputs=None,
    opset: int = 18,
    **options: Unpack[Options],
) -> ExportReport:
    """Writes a model as an ONNX file of standard operators, in float32 or quantised.

    Dynamic axes are called `batch`, or `<name>_dim_<axis>`. An ONNX file holds one graph: that of
    the model itself, for a `Separator` the signature `separate`. Its form for buffers is a file of
    its own: `to_onnx(separator.streaming(), "stream.onnx")`.

    Args:
        model: any Keras model; half-precision models are exported in float32.
        path: the file, ending in `.onnx`.
        inputs: what goes in; see `export.to_tflite`.
        opset: version of the operator set, 13 to 18, the newest that tf2onnx writes.
        **options: see `export.exporter.CheckOptions` and, for files of fewer bits,
            `export.quantization.QuantizeOptions`. The kinds are those of
            `export.onnx.quantization.quantized`: "float16", "dynamic" and "int8".

    Returns:
        What was written, checked and measured.

    Raises:
        InputError: if `path`, `inputs`, `opset` or an option cannot be used.
        ExportError: if ONNX cannot express the model; `ParityError` if the file differs from it, or
            a quantised one is below its SNR floor.

    Example:
        >>> report = to_onnx(model, "separator.onnx", inputs={"waveform": (1, None, 2)})
        >>> import onnxruntime
        >>> session = onnxruntime.InferenceSession("separator.onnx")
        >>> (vocals,) = session.run(["vocals"], {"waveform": waveform})
    """
    if opset not in _OPSETS:
        raise InputError(
            f"opset must be from {_OPSETS[0]} to {_OPSETS[-1]}. Received: opset={opset}"
        )
    plan = plan_of(options)
    write = _Writer(opset)
    return write_checked(model, path, "onnx", write, inputs=inputs, plan=plan, **options)


class _Writer:
    """Writes the file, again and again if need be: it is converted once, then quantised."""

    def __init__(self, opset: int):
        self._opset = opset
        self._graph = None

    def __call__(
        self,
        offered: Signatures,
        path: Path,
        *,
        quantization: Quantization | None = None,
        examples: Sequence[Arrays] = (),
        only: str | None = None,
    ) -> None:
        import onnx

        model, shapes = next(iter(offered.values()))
        if self._graph is None:
            # ONNX Runtime has no transposed convolution in integers.
            transposed = quantization is None or quantization.kind == "float16"
            self._graph = onnx_graph(model, shapes, opset=self._opset, transposed=transposed)
        graph = self._graph
        if quantization is not None:
            layers = network_layers(model)
            graph = quantized(graph, quantization, examples, layers=layers, only=only)
        onnx.save(graph, str(path))


def onnx_graph(model: keras.Model, shapes: Shapes, *, opset: int = 18, transposed: bool = True):
    """Returns a model as an `onnx.ModelProto`, unchecked.

    Args:
        model: any Keras model.
        shapes: name -> shape of each input, `None` for a dynamic axis.
        opset: version of the operator set.
        transposed: whether transposed convolutions stay what they are, which ONNX Runtime is fast
            with in float, or become plain ones, which can be quantised.

    Raises:
        ExportError: if ONNX cannot express the model.
    """
    graph, outputs = freeze(trace(model, shapes, portable=True))
    if not transposed:
        graph = without_transposed_convolutions(graph)
    inputs = {name: f"{name}:0" for name in shapes}
    options = {
        "name": model.name,
        "input_names": list(inputs.values()),
        "output_names": list(outputs.values()),
        "opset": opset,
        "custom_op_handlers": {"Conv2DBackpropInput": (convert_transposed_convolution, [])},
        "tensors_to_rename": {tensor: name for name, tensor in {**inputs, **outputs}.items()},
    }
    proto, errors = _converted(graph, options)
    # tf2onnx logs what it cannot convert, and writes the file all the same.
    missing = re.findall(r"op \[.*: (\w+)\] is not supported", "\n".join(errors))
    if missing:
        raise ExportError(f"no standard operator for {', '.join(sorted(set(missing)))}")
    if errors:
        raise ExportError(errors[0])
    for value in (*proto.graph.input, *proto.graph.output):
        _name_dynamic_axes(value)
    return proto


def _converted(graph, options: dict) -> tuple:
    """Returns tf2onnx's `ModelProto`, and the first lines of the errors that it logs."""
    import tf2onnx

    with suppress(Exception), _uncopied_graphs(), _logged_errors() as errors:
        return tf2onnx.convert.from_graph_def(graph, **options)[0], errors
    with _logged_errors() as errors:
        return tf2onnx.convert.from_graph_def(graph, **options)[0], errors


@contextmanager
def _uncopied_graphs() -> Iterator[None]:
    """Keeps tf2onnx from copying the graph before each of its optimisers, half of its time.

    The copy is for an optimiser that fails, and is left out; while this is open, it raises.
    """
    before = os.environ.get(_CATCH_ERRORS)
    # To whatever value it is set: tf2onnx compares the variable's name.
    os.environ[_CATCH_ERRORS] = "FALSE"
    try:
        yield
    finally:
        del os.environ[_CATCH_ERRORS]
        if before is not None:
            os.environ[_CATCH_ERRORS] = before


def _name_dynamic_axes(value) -> None:
    for axis, dimension in enumerate(value.type.tensor_type.shape.dim):
        if not dimension.HasField("dim_value"):
            dimension.dim_param = f"{value.name}_dim_{axis}" if axis else "batch"


@contextmanager
def _logged_errors() -> Iterator[list[str]]:
    """Collects the first lines of the errors that tf2onnx logs."""
    messages: list[str] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = lambda record: messages.append(record.getMessage().splitlines()[0])
    logger = logging.getLogger("tf2onnx")
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)

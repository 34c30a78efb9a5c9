"""Keras models as TFLite files, for LiteRT on phones and small devices."""

import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

import keras

from export.errors import ExportError
from export.exporter import CheckOptions, write_checked
from export.layers import network_layers
from export.quantization import Arrays, Quantization, QuantizeOptions, plan_of
from export.report import ExportReport
from export.specs import Shapes, Signatures, signatures
from export.tflite.convolution import without_transposed_convolutions
from export.tflite.copies import with_separate_copies
from export.tflite.quantization import Quantizer
from export.tracing import freeze, trace
from zoo.errors import InputError


class Options(CheckOptions, QuantizeOptions, total=False):
    """Keyword arguments of `to_tflite`."""


def to_tflite(
    model: keras.Model, path: str | os.PathLike, *, inputs=None, **options: Unpack[Options]
) -> ExportReport:
    """Writes a model as a TFLite file of built-in operators, in float32 or quantised.

    Its signature is `serving_default`; a `Separator` has `separate`, `mask`, and `stream` for
    buffers, which share their weights.

    Args:
        model: any Keras model; half-precision models are exported in float32.
        path: the file, ending in `.tflite`.
        inputs: a shape such as `(1, 98304, 2)` or `(None, None, 2)`, `None` standing for a dynamic
            axis, a `keras.InputSpec` or `keras.KerasTensor`, or a dict input name -> one of those.
            By default the model's attribute `export_inputs`, such a dict, else the inputs of a
            functional model. Mobile accelerators want static shapes.
        **options: see `export.exporter.CheckOptions` and, for files of fewer bits,
            `export.quantization.QuantizeOptions`.

    Returns:
        What was written, checked and measured.

    Raises:
        InputError: if `path`, `inputs` or an option cannot be used.
        ExportError: if built-in operators cannot express the model; `ParityError` if the file
            differs from it, or a quantised one is below its SNR floor.

    Example:
        >>> report = to_tflite(model, "separator.tflite", inputs=(1, 98304, 2))
        >>> from ai_edge_litert.interpreter import Interpreter
        >>> run = Interpreter("separator.tflite").get_signature_runner("separate")
        >>> vocals = run(waveform=waveform)["vocals"]
    """
    plan = plan_of(options)
    if plan and plan.quantization.integer_io and len(signatures(model, inputs)) > 1:
        raise InputError("integers as input and output are for a network's file, without waveforms")
    write = _Writer(model)
    return write_checked(model, path, "tflite", write, inputs=inputs, plan=plan, **options)


class _Writer:
    """Writes the file, again and again if need be: it is converted once, then quantised."""

    def __init__(self, model: keras.Model):
        self._model = model
        self._quantizer: Quantizer | None = None

    def __call__(
        self,
        offered: Signatures,
        path: Path,
        *,
        quantization: Quantization | None = None,
        examples: Sequence[Arrays] = (),
        only: str | None = None,
    ) -> None:
        if quantization is None:
            path.write_bytes(with_separate_copies(_converted(offered)))
            return
        if self._quantizer is None:
            self._quantizer = Quantizer(
                _converted(offered),
                quantization,
                network_layers(self._model),
                examples=examples,
                signature=next(iter(offered)),
            )
        path.write_bytes(with_separate_copies(self._quantizer.quantized(only=only)))


def _converted(offered: Signatures) -> bytes:
    import tensorflow as tf

    functions = {name: _function(*signature) for name, signature in offered.items()}
    # Only on the way from a SavedModel does the converter keep a dict's keys.
    with tempfile.TemporaryDirectory() as folder:
        tf.saved_model.save(tf.Module(), folder, signatures=functions)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder, signature_keys=[*functions])
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        try:
            return converter.convert()
        except Exception as error:
            missing = re.findall(r"^(?:TF Select|Custom) ops: (.+)$", str(error), re.MULTILINE)
            if not missing:
                raise
            raise ExportError(f"no built-in operator for {', '.join(missing)}") from error


def _function(model: keras.Model, shapes: Shapes):
    """The model as a function of constants, without operators that LiteRT is slow with."""
    import tensorflow as tf

    graph, outputs = freeze(trace(model, shapes, portable=True))
    graph = without_transposed_convolutions(graph)

    def imported(**tensors):
        inputs = {f"{name}:0": tensor for name, tensor in tensors.items()}
        results = tf.graph_util.import_graph_def(graph, inputs, list(outputs.values()), name="")
        return dict(zip(outputs, results, strict=True))

    signature = {name: tf.TensorSpec(shape, tf.float32, name) for name, shape in shapes.items()}
    return tf.function(imported, autograph=False).get_concrete_function(**signature)

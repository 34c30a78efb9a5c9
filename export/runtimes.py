"""Written files, run by the runtimes that they are for.

Each class opens a file without the model that it was made from. They share one shape: `inputs` and
`outputs` (name -> `Tensor`), `operators` (name -> count), `foreign` (operators that need more than
the runtime itself) and a call from named float32 arrays to named arrays.
"""

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from export.errors import first_line
from zoo.errors import InputError

SIGNATURE = "serving_default"

_ONNX_DTYPES = {"tensor(float)": "float32", "tensor(float16)": "float16"}


@dataclass(frozen=True)
class Tensor:
    """An input or output of a file: shape (`None` for a dynamic axis, `None` as a whole where the
    file does not say) and dtype name."""

    shape: tuple[int | None, ...] | None
    dtype: str


class Runtime(Protocol):
    """What every opened file offers."""

    inputs: dict[str, Tensor]
    outputs: dict[str, Tensor]
    operators: dict[str, int]
    foreign: list[str]

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]: ...


class SavedModelRuntime:
    """A SavedModel folder's `serving_default` signature, run by TensorFlow."""

    def __init__(self, path: Path, threads: int | None = None):
        import tensorflow as tf

        # Without a reference to the loaded object, its variables are gone.
        self._loaded = tf.saved_model.load(str(path))
        self._function = self._loaded.signatures[SIGNATURE]
        self._constant = tf.constant
        _, inputs = self._function.structured_input_signature
        self.inputs = {name: _from_tensorflow(spec) for name, spec in inputs.items()}
        outputs = self._function.structured_outputs
        self.outputs = {name: _from_tensorflow(spec) for name, spec in outputs.items()}
        graph = self._function.graph.as_graph_def()
        nodes = [*graph.node, *(n for body in graph.library.function for n in body.node_def)]
        self.operators = _count(node.op for node in nodes)
        self.foreign = []

    def __call__(self, inputs):
        tensors = {name: self._constant(array) for name, array in inputs.items()}
        return {name: output.numpy() for name, output in self._function(**tensors).items()}


class TFLiteRuntime:
    """A TFLite file's `serving_default` signature, run by LiteRT."""

    def __init__(self, path: Path, threads: int | None = None):
        from ai_edge_litert.interpreter import Interpreter

        data = path.read_bytes()
        self.operators, self.foreign = _tflite_operators(data)
        self._interpreter = Interpreter(
            model_content=data, num_threads=threads or os.cpu_count() or 1
        )
        self._run = self._interpreter.get_signature_runner(SIGNATURE)
        self.inputs = _from_litert(self._run.get_input_details())
        self.outputs = _from_litert(self._run.get_output_details())

    def __call__(self, inputs):
        return self._run(**inputs)


class OnnxRuntime:
    """An ONNX file, run by ONNX Runtime on the CPU."""

    def __init__(self, path: Path, threads: int | None = None):
        import onnx
        import onnxruntime

        model = onnx.load(str(path))
        onnx.checker.check_model(model, full_check=True)
        nodes = list(_onnx_nodes(model.graph))
        self.operators = _count(node.op_type for node in nodes)
        self.foreign = sorted(
            {f"{n.domain}.{n.op_type}" for n in nodes if n.domain not in ("", "ai.onnx")}
            | {function.name for function in model.functions}
        )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads or 0
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.inputs = _from_onnxruntime(self._session.get_inputs())
        self.outputs = _from_onnxruntime(self._session.get_outputs())

    def __call__(self, inputs):
        outputs = self._session.run(list(self.outputs), dict(inputs))
        return dict(zip(self.outputs, outputs, strict=True))


_RUNTIMES = {"saved_model": SavedModelRuntime, "tflite": TFLiteRuntime, "onnx": OnnxRuntime}


def file_format(path: Path) -> str:
    """Returns "saved_model", "tflite" or "onnx".

    Raises:
        InputError: if there is no such file, or it is none of the three.
    """
    if not path.exists():
        raise InputError(f"{path}: no such file or folder")
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "saved_model"
        raise InputError(f"{path}: not a SavedModel: the folder has no saved_model.pb")
    if path.suffix in (".tflite", ".onnx"):
        return path.suffix[1:]
    raise InputError(f"{path}: not an exported model: expected .tflite, .onnx or a SavedModel")


def open_file(path: Path, *, threads: int | None = None) -> Runtime:
    """Opens an exported file in its runtime.

    Args:
        path: a `.tflite` or `.onnx` file or a SavedModel folder.
        threads: for LiteRT and ONNX Runtime; all by default.

    Raises:
        InputError: if the file is missing, of another kind, or damaged.
    """
    format = file_format(path)
    try:
        return _RUNTIMES[format](path, threads)
    except Exception as error:
        raise InputError(
            f"{path}: damaged, or not of the format {format}: {first_line(error)}"
        ) from error


def _count(operators) -> dict[str, int]:
    return dict(sorted(Counter(operators).items()))


def _from_tensorflow(spec) -> Tensor:
    shape = None if spec.shape.rank is None else tuple(spec.shape.as_list())
    return Tensor(shape, spec.dtype.name)


def _from_litert(details: Mapping) -> dict[str, Tensor]:
    return {
        name: Tensor(
            tuple(None if size < 0 else int(size) for size in detail["shape_signature"]),
            np.dtype(detail["dtype"]).name,
        )
        for name, detail in details.items()
    }


def _from_onnxruntime(arguments) -> dict[str, Tensor]:
    return {
        argument.name: Tensor(
            tuple(size if isinstance(size, int) else None for size in argument.shape),
            _ONNX_DTYPES.get(argument.type, argument.type),
        )
        for argument in arguments
    }


def _tflite_operators(data: bytes) -> tuple[dict[str, int], list[str]]:
    """Counts built-in operators, and names those that are custom; Flex operators are custom too."""
    from ai_edge_litert import schema_py_generated as schema

    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if name.isupper()}
    if data[4:8] != b"TFL3":
        raise ValueError("it does not start with TFLite's identifier")
    model = schema.Model.GetRootAs(data, 0)
    graphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    used = Counter(
        graph.Operators(i).OpcodeIndex() for graph in graphs for i in range(graph.OperatorsLength())
    )
    operators, foreign = Counter(), set()
    for index, count in used.items():
        code = model.OperatorCodes(index)
        # Old files hold the code in the deprecated byte, which stops at 127.
        builtin = max(code.BuiltinCode(), code.DeprecatedBuiltinCode())
        name = names[builtin]
        if builtin == schema.BuiltinOperator.CUSTOM:
            name = (code.CustomCode() or b"custom").decode()
            foreign.add(name)
        operators[name] += count
    return dict(sorted(operators.items())), sorted(foreign)


def _onnx_nodes(graph) -> Iterator:
    """Yields the nodes of a graph and of the branches and loop bodies inside it."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for body in (attribute.g, *attribute.graphs):
                yield from _onnx_nodes(body)

"""What the three exporters share: write beside the target, run what was written, rename."""

import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypedDict, Unpack

import keras

from export.errors import ExportError, ParityError, first_line
from export.formats import file_format, stored_size
from export.fresh_process import run_fresh
from export.layers import network_layers
from export.metadata import embed_metadata, model_metadata
from export.parity import Reference, check, choose_examples, latency, require_built_in
from export.quantization import Plan
from export.quantized_check import (
    Comparison,
    below_floor,
    blame,
    check_inputs,
    check_material,
    described,
    layer_errors,
)
from export.report import ExportReport, package_versions
from export.runtimes import Runtime, open_file
from export.specs import Signatures, signatures
from zoo.errors import InputError
from zoo.files import atomic_path
from zoo.quiet import quiet

TOLERANCE = 1e-4

# What TensorFlow and its server put into a SavedModel: a folder with anything else is not replaced.
_SAVED_MODEL_ENTRIES = {
    "assets",
    "assets.extra",
    "fingerprint.pb",
    "keras_metadata.pb",
    "saved_model.pb",
    "variables",
}


class CheckOptions(TypedDict, total=False):
    """How a written file is checked and measured; keyword arguments of every public function.

    Attributes:
        example_shapes: concrete shapes to run the file with, each a dict input name -> shape.
            By default those of the model's attribute `export_example_shapes`, else two sizes for
            every dynamic axis.
        tolerance: largest error allowed, relative to an output's peak; 1e-4 by default.
        seconds: what one run with the first example shape is worth, for the real-time factor.
        threads: for LiteRT and ONNX Runtime; all cores by default.
        metadata: what the file says of itself beside, or in place of, what its model says (see
            `export.metadata`), for example its licence.
    """

    example_shapes: Sequence[Mapping[str, Sequence[int]]] | None
    tolerance: float
    seconds: float | None
    threads: int | None
    metadata: Mapping | None


def write_checked(
    model: keras.Model,
    path: str | os.PathLike,
    format: str,
    write: Callable[[Signatures, Path], None],
    *,
    inputs=None,
    plan: Plan | None = None,
    **options: Unpack[CheckOptions],
) -> ExportReport:
    """Writes a model with `write(signatures, path)`, checks the file, and puts it in place.

    With a plan, `write` is told `quantization`, the `examples` to calibrate on, and, to find out
    what a layer does, the `only` one to quantise.
    """
    path = Path(path)
    threads = options.pop("threads", None)
    _check_target(path, format)
    metadata = dict(options.pop("metadata", None) or {})
    offered = signatures(model, inputs)
    quantized = {}
    if plan is not None:
        check_material(plan, next(iter(offered.values()))[1])
        metadata["quantization"] = described(plan)
        quantized = {"quantization": plan.quantization, "examples": plan.material.calibration}
    with quiet(), atomic_path(path) as temporary:
        try:
            write(offered, temporary, **quantized)
            embed_metadata(temporary, model_metadata(_held(offered, format), metadata))
        except InputError:
            raise
        except OSError as error:
            raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
        except Exception as error:
            raise ExportError(
                f"{path}: the model cannot be written as {format}: {first_line(error)}"
            ) from error
        try:
            runtime = open_file(temporary, threads=threads)
        except InputError as error:
            raise ExportError(
                f"{path}: its runtime refuses the file: {first_line(error.__cause__)}"
            ) from error
        for name, (_, shapes) in _held(offered, format).items():
            part = runtime.select(name) if name in runtime.signatures else runtime
            stated = {name: tensor.shape for name, tensor in part.inputs.items()}
            if stated != shapes:
                raise ParityError(f"{path}: the file's inputs are {stated}, not {shapes}")
        if plan is None:
            return measure(runtime, temporary, offered, label=path, **options)
        options.pop("tolerance", None)
        return measure_quantized(
            runtime, temporary, offered, plan, write=write, label=path, threads=threads, **options
        )


def measure(
    runtime: Runtime,
    path: Path,
    offered: Signatures,
    *,
    label: Path,
    example_shapes: Sequence[Mapping[str, Sequence[int]]] | None = None,
    tolerance: float = TOLERANCE,
    seconds: float | None = None,
) -> ExportReport:
    """Compares an opened file with its model and returns what was found.

    Args:
        runtime: the opened file.
        path: where it lies now.
        offered: the signatures to compare, each with the model that it must be equal to and the
            named inputs to call both with. The first is the main one; it is timed, too.
        label: what messages and the report call the file.
        example_shapes: of the main signature; as `tolerance` and `seconds`, see `CheckOptions`.

    Raises:
        ParityError: if the file is not equal to the model.
        ExportError: if it does not run.
    """
    format = file_format(path)
    errors: dict[str, float] = {}
    main = None
    for name, (model, shapes) in _held(offered, format).items():
        part = runtime.select(name) if name in runtime.signatures else runtime
        reference = Reference(model, shapes)
        examples = choose_examples(model, shapes, reference, None if main else example_shapes)
        found = check(part, reference, examples, path=str(label), tolerance=tolerance)
        errors |= {f"{name}/{output}" if main else output: e for output, e in found.items()}
        main = main or (part, reference, examples)
    part, reference, examples = main
    return ExportReport(
        format=format,
        path=str(label),
        size=stored_size(path),
        errors=errors,
        tolerance=tolerance,
        inputs=part.inputs,
        outputs=part.outputs,
        operators=part.operators,
        checked_shapes=examples,
        latency=latency(part, examples[0]),
        keras_latency=reference.latency(examples[0]),
        seconds=seconds,
        versions=package_versions(format),
    )


def measure_quantized(
    runtime: Runtime,
    path: Path,
    offered: Signatures,
    plan: Plan,
    *,
    label: Path,
    write: Callable[..., None] | None = None,
    threads: int | None = None,
    example_shapes: Sequence[Mapping[str, Sequence[int]]] | None = None,
    seconds: float | None = None,
) -> ExportReport:
    """`measure` for a quantised file, which is held to its SNR floor.

    With `write`, which writes it anew, layers can be compared.
    """
    require_built_in(runtime, str(label))
    format = file_format(path)
    model, shapes = next(iter(offered.values()))
    reference = Reference(model, shapes)
    examples = choose_examples(model, shapes, reference, example_shapes)
    inputs = check_inputs(plan, reference, examples)
    comparison = Comparison(runtime, reference, inputs, label=label)
    found = comparison.snr()
    wrong = below_floor(label, found, plan)
    layers = None
    if write and (wrong or plan.layer_errors):
        layers = layer_errors(write, offered, plan, network_layers(model), suffix=path.suffix)
    if wrong:
        raise ParityError(f"{wrong}{blame(layers or {}, network_layers(model))}")
    for name, (other, wanted) in list(_held(offered, format).items())[1:]:
        form = Reference(other, wanted)
        theirs = [model.export_examples(name, wanted, **example) for example in inputs]
        heard = partial(model.export_heard, name)
        compared = Comparison(runtime.select(name), form, theirs, label=label, heard=heard)
        others = {f"{name}/{output}": value for output, value in compared.snr().items()}
        # One patch, or a stream's first buffers, are less of a signal than a song.
        if wrong := below_floor(label, others, plan, floor=plan.quantization.floor / 4):
            raise ParityError(wrong)
        found |= others
    shape = {name: array.shape for name, array in inputs[0].items()}
    return ExportReport(
        format=format,
        path=str(label),
        size=stored_size(path),
        errors=comparison.errors(),
        tolerance=None,
        inputs=runtime.inputs,
        outputs=runtime.outputs,
        operators=runtime.operators,
        checked_shapes=[shape],
        latency=latency(runtime, examples[0]),
        keras_latency=reference.latency(examples[0]),
        seconds=seconds,
        versions=package_versions(format),
        quantization=described(plan),
        snr=found,
        sdr_change=comparison.sdr_change(plan.material.targets) if plan.material.targets else None,
        float_operators=_float_operators(path, format),
        layer_errors=layers,
        peak_memory=run_fresh(path, examples[0], threads=threads, runs=1).peak_memory,
    )


def _float_operators(path: Path, format: str) -> dict[str, int]:
    if format == "onnx":
        import onnx

        from export.onnx.operators import float_operators

        return float_operators(onnx.load(str(path)))
    from export.tflite.operators import float_operators

    return float_operators(path.read_bytes())


def _held(offered: Signatures, format: str) -> Signatures:
    """Those that one file holds: of ONNX the main one only."""
    return dict(list(offered.items())[:1]) if format == "onnx" else offered


def _check_target(path: Path, format: str) -> None:
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{path}: no permission to write to the folder {path.parent}")
    if format != "saved_model":
        suffix = f".{format}"
        if path.suffix != suffix:
            raise InputError(f"{path}: the file's name must end with {suffix}")
        if path.is_dir():
            raise InputError(f"{path}: a folder of this name exists; it is left as it is")
    elif path.is_dir():
        entries = {entry.name for entry in path.iterdir()}
        if entries and (entries - _SAVED_MODEL_ENTRIES or "saved_model.pb" not in entries):
            raise InputError(f"{path}: the folder holds other files; it is left as it is")
    elif path.exists():
        raise InputError(f"{path}: a file of this name exists; it is left as it is")

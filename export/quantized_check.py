"""A quantised file against its model in float32: how far off, layer by layer, and what it costs."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from export.errors import ExportError, ParityError, first_line
from export.parity import Arrays, Reference, Sizes
from export.quantization import Plan, snr
from export.runtimes import Runtime, open_file
from export.specs import Shapes, Signatures, fits
from zoo.errors import InputError

# Of those that a file is judged by, as many do to compare layers with each other.
_LAYER_EXAMPLES = 2
# What begins the names of outputs that are a state to put in again.
STATE = "next_"


def check_material(plan: Plan, shapes: Shapes) -> None:
    """Refuses examples that are not inputs of the model.

    Raises:
        InputError: if names or shapes are others.
    """
    for example in (*plan.material.calibration, *plan.material.check):
        found = {name: np.shape(array) for name, array in example.items()}
        if found.keys() != shapes.keys() or not all(
            fits(found[name], wanted) for name, wanted in shapes.items()
        ):
            raise InputError(f"calibration: the model's inputs are {shapes}. Received: {found}")


class Comparison:
    """What a quantised file and its model return for the same inputs.

    Those that hand on a state are called twice with each, the second time with the state that they
    returned themselves: what it holds counts as much as is heard of it.

    Args:
        runtime: the file's signature, opened.
        reference: the model.
        inputs: what to call both with.
        label: what messages call the file.
        heard: makes of inputs and outputs what is compared, if not the outputs themselves.

    Raises:
        ParityError: if outputs have other names or shapes than the model's, or are not finite.
        ExportError: if the file does not run.
    """

    def __init__(
        self,
        runtime: Runtime,
        reference: Reference,
        inputs: Sequence[Arrays],
        *,
        label: Path,
        heard: Callable[[Arrays, Arrays], Arrays] | None = None,
    ):
        self.expected: list[Arrays] = []
        self.got: list[Arrays] = []
        for example in inputs:
            self._call(runtime, reference, example, example, label)
        for example, *returned in list(zip(inputs, self.expected, self.got, strict=True)):
            if states := [name for name in example if f"{STATE}{name}" in returned[0]]:
                mine, theirs = (
                    {**example, **{name: outputs[f"{STATE}{name}"] for name in states}}
                    for outputs in returned
                )
                self._call(runtime, reference, mine, theirs, label)
        if heard:
            self.expected = list(map(heard, inputs, self.expected))
            self.got = list(map(heard, inputs, self.got))

    def _call(
        self, runtime: Runtime, reference: Reference, mine: Arrays, theirs: Arrays, label: Path
    ) -> None:
        """Calls the model with its inputs and the file with its own, which differ by states."""
        expected = reference(mine)
        try:
            got = runtime(theirs)
        except Exception as error:
            raise ExportError(f"{label}: cannot run: {first_line(error)}") from error
        if got.keys() != expected.keys():
            raise ParityError(
                f"{label}: outputs are {sorted(got)}, the model's are {sorted(expected)}"
            )
        for name, wanted in expected.items():
            if got[name].shape != wanted.shape:
                raise ParityError(
                    f"{label}: output {name!r} has the shape {got[name].shape}, the model's is "
                    f"{wanted.shape}"
                )
            if not np.all(np.isfinite(got[name])):
                raise ParityError(f"{label}: output {name!r} has values that are not finite")
        self.expected.append(expected)
        self.got.append(got)

    def snr(self) -> dict[str, float]:
        """Output -> signal-to-noise ratio over all examples, in dB."""
        return {name: snr(*self._both(name)) for name in self.expected[0]}

    def errors(self) -> dict[str, float]:
        """Output -> largest difference, relative to the output's peak."""
        result = {}
        for name in self.expected[0]:
            expected, got = self._both(name)
            peak = max(float(np.max(np.abs(array), initial=0)) for array in expected)
            pairs = zip(expected, got, strict=True)
            error = max(float(np.max(np.abs(a - b), initial=0)) for a, b in pairs)
            result[name] = error / max(peak, 1e-6)
        return result

    def sdr_change(self, targets: Sequence[Mapping[str, np.ndarray]]) -> dict[str, float]:
        """Output -> by how much quantising changes its signal-to-distortion ratio, in dB.

        Args:
            targets: the ideal outputs for each example; some outputs will do.
        """
        result = {}
        for name in self.expected[0]:
            if all(name in target for target in targets):
                ideal = [target[name] for target in targets]
                expected, got = (of[: len(ideal)] for of in self._both(name))
                result[name] = snr(ideal, got) - snr(ideal, expected)
        return result

    def _both(self, name: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
        pairs = zip(self.expected, self.got, strict=True)
        expected, got = zip(*((a[name], b[name]) for a, b in pairs), strict=True)
        return list(expected), list(got)


def is_state(output: str) -> bool:
    """Whether an output, of another form after "form/", is there to be put in again."""
    return output.rpartition("/")[2].startswith(STATE)


def check_inputs(plan: Plan, reference: Reference, shapes: Sequence[Sizes]) -> list[Arrays]:
    """Returns what a file is judged by: the material's, or else noise of these shapes."""
    if plan.material.check:
        return list(plan.material.check)
    return [inputs for example in shapes for _, inputs in list(reference.probes(example))[:1]]


def layer_errors(
    write: Callable, offered: Signatures, plan: Plan, layers: Sequence[str], *, suffix: str
) -> dict[str, float]:
    """Returns layer -> the lowest SNR of the outputs when that layer alone is quantised, in dB.

    Args:
        write: writes a file in which only the layer `only` is quantised.
        offered: the signatures, the main one first.
        plan: how; a few of its examples are used.
        layers: of the networks. Those that do not compute, or are a part of another in the file,
            are left out.
        suffix: of the file's name.
    """
    model, shapes = next(iter(offered.values()))
    reference = Reference(model, shapes)
    inputs = list(plan.material.check)[:_LAYER_EXAMPLES]
    if not inputs:
        sizes = {name: tuple(size or 1 for size in shape) for name, shape in shapes.items()}
        inputs = check_inputs(plan, reference, [sizes])
    kept = plan.quantization.kept(layers)
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"layer{suffix}")
        for layer in layers:
            if layer in kept:
                continue
            try:
                write(
                    offered,
                    path,
                    quantization=plan.quantization,
                    examples=plan.material.calibration,
                    only=layer,
                )
            except InputError:
                continue
            comparison = Comparison(open_file(path), reference, inputs, label=path)
            found = comparison.snr().items()
            result[layer] = min(value for name, value in found if not is_state(name))
    return dict(sorted(result.items(), key=lambda item: item[1]))


def below_floor(
    label: Path, found: Mapping[str, float], plan: Plan, *, floor: float | None = None
) -> str | None:
    """Returns what is wrong with a file whose outputs have these SNRs, or `None`.

    A state has no floor: masks in it weigh what is hardly heard as much as what is loud, and what
    is heard of it is in the outputs of the buffer after it.
    """
    floor = plan.quantization.floor if floor is None else floor
    # Not a number: silence was expected, and something came out.
    low = {
        name: value for name, value in found.items() if not value >= floor and not is_state(name)
    }
    if not low:
        return None
    name, value = min(low.items(), key=lambda item: item[1])
    return (
        f"{label}: output {name!r} has a signal-to-noise ratio of {value:.1f} dB against the "
        f"float32 model; {plan.quantization.kind} must have {floor:g} dB"
    )


def blame(errors: Mapping[str, float], layers: Sequence[str]) -> str:
    """Returns which layer hurts most, as the end of a message.

    What reads a layer's values suffers when these are rounded badly, just as the layer does: of
    those that are about equal, the first in the network is to blame.
    """
    if not errors:
        return ""
    worst = min(errors.values())
    first = next(layer for layer in layers if errors.get(layer, np.inf) < worst + 3)
    return f"; {first} hurts most, {errors[first]:.1f} dB by itself: keep_float leaves it in float"


def described(plan: Plan) -> dict:
    """Returns a plan as a report and a file's metadata say it."""
    return {
        **asdict(plan.quantization),
        "keep_float": list(plan.quantization.keep_float),
        "snr_floor": plan.quantization.floor,
        "calibrated_on": len(plan.material.calibration),
        "checked_on": len(plan.material.check) or "noise",
    }

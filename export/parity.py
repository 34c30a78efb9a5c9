"""The comparison that every file must pass: the model and the file, on the same inputs."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence

import keras
import numpy as np

from export.errors import ExportError, ParityError, first_line
from export.runtimes import Runtime
from export.sharing import once
from export.specs import Shapes, fits
from export.tracing import trace
from zoo.errors import InputError

Arrays = dict[str, np.ndarray]
Sizes = dict[str, tuple[int, ...]]

# Pairs of sizes for dynamic axes of models that do not say which they take: multiples of 64 suit
# networks that halve their input up to six times, the longer ones suit waveforms.
_SIZES = ((128, 192), (1024, 1536), (16384, 24576))
TIMED_RUNS = 5


class Reference:
    """The Keras model as a `tf.function`, in single precision and with native operators."""

    def __init__(self, model: keras.Model, shapes: Shapes):
        self._key = ("reference", model, *shapes.items())
        self.probes = getattr(model, "export_probes", probes)
        self._function = trace(model, shapes, portable=False)

    def answers(self, shapes: Sizes) -> Iterator[tuple[str, Arrays, Arrays]]:
        """Yields probes and what the model makes of them: (what it is, inputs, outputs)."""
        for place, (kind, inputs) in enumerate(self.probes(shapes)):
            key = (*self._key, place, *shapes.items())
            yield kind, inputs, once(key, lambda inputs=inputs: self(inputs))

    def latency(self, shapes: Sizes) -> float:
        """Returns the median time of a run, as `latency`."""
        return once((*self._key, "latency", *shapes.items()), lambda: latency(self, shapes))

    def __call__(self, inputs: Mapping[str, np.ndarray]) -> Arrays:
        import tensorflow as tf

        tensors = {name: tf.constant(array) for name, array in inputs.items()}
        return {name: output.numpy() for name, output in self._function(**tensors).items()}


def choose_examples(
    model: keras.Model, shapes: Shapes, reference: Reference, given: Sequence[Mapping] | None = None
) -> list[Sizes]:
    """Returns concrete shapes to check a file with, the first one for its latency.

    They are `given`, else those of the model's attribute `export_example_shapes` that fit, else two
    sizes that the model accepts on every dynamic axis. A dynamic batch is run with more than one.

    Raises:
        InputError: if a given shape does not fit `shapes`, or the model accepts no tried size.
    """
    examples = [dict(example) for example in given or ()]
    for example in examples:
        if example.keys() != shapes.keys() or not _all_fit(example, shapes):
            raise InputError(f"example shapes must fit {shapes}. Received: {example}")
    if not examples:
        declared = getattr(model, "export_example_shapes", None) or ()
        examples = [dict(example) for example in declared if _all_fit(example, shapes)]
    if not examples:
        examples = _accepted_sizes(shapes, reference)
    batches = {example[name][0] for example in examples for name in shapes}
    if batches == {1} and all(shape[0] is None for shape in shapes.values()):
        examples.append({name: (2, *shape[1:]) for name, shape in examples[0].items()})
    return examples


def check(
    runtime: Runtime,
    reference: Reference,
    examples: Sequence[Sizes],
    *,
    path: str,
    tolerance: float,
) -> dict[str, float]:
    """Runs a file and the model on noise, quiet noise and silence of every example shape.

    A model for which noise makes no sense has a method `export_probes`, which yields what `probes`
    yields.

    The error of an output is its largest absolute difference divided by the model's peak. An output
    that is silent, below a thousandth of what the same output does on noise (or below 1e-6), is
    measured against that level instead.

    Returns:
        Output name -> largest error.

    Raises:
        ParityError: if names or shapes differ, a value is not finite, an error is larger than
            `tolerance`, or the file has operators that its runtime lacks.
        ExportError: if the runtime fails.
    """
    require_built_in(runtime, path)
    errors: dict[str, float] = {}
    for shapes in examples:
        loud: dict[str, float] = {}
        for kind, inputs, expected in reference.answers(shapes):
            where = f"on {kind} of {', '.join(f'{n} {s}' for n, s in shapes.items())}"
            try:
                got = runtime(inputs)
            except Exception as error:
                raise ExportError(f"{path}: cannot run {where}: {first_line(error)}") from error
            if got.keys() != expected.keys():
                raise ParityError(
                    f"{path}: outputs are {sorted(got)}, the model's are {sorted(expected)}"
                )
            for name, wanted in expected.items():
                label = f"{path}: output {name!r} {where}"
                peak = float(np.max(np.abs(wanted), initial=0))
                floor = max(1e-3 * loud.setdefault(name, peak), 1e-6)
                error = _difference(label, got[name], wanted) / max(peak, floor)
                if error > tolerance:
                    raise ParityError(
                        f"{label} differs from the model by {error:.1e} of its peak; at most "
                        f"{tolerance:.1e} is allowed"
                    )
                errors[name] = max(error, errors.get(name, 0.0))
    return errors


def require_built_in(runtime: Runtime, path: str) -> None:
    """Refuses a file with operators that its runtime lacks.

    Raises:
        ParityError: if there are any.
    """
    if runtime.foreign:
        raise ParityError(
            f"{path}: not only built-in operators: {', '.join(runtime.foreign)} would have to be "
            "added to the runtime"
        )


def probes(shapes: Sizes) -> Iterator[tuple[str, Arrays]]:
    """Yields noise in [-1, 1], the same at a thousandth, and silence: (what it is, arrays)."""
    random = np.random.default_rng(0)
    noise = {n: random.uniform(-1, 1, shape).astype("float32") for n, shape in shapes.items()}
    for kind, gain in (("noise", 1), ("quiet noise", 1e-3), ("silence", 0)):
        yield kind, {name: array * np.float32(gain) for name, array in noise.items()}


def latency(run: Callable[[Arrays], object], shapes: Sizes) -> float:
    """Returns the median time of a run on noise after a warm-up, in seconds."""
    _, inputs = next(probes(shapes))
    run(inputs)
    times = []
    for _ in range(TIMED_RUNS):
        start = time.perf_counter()
        run(inputs)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def _all_fit(example: Mapping, shapes: Shapes) -> bool:
    return all(name in example and fits(example[name], spec) for name, spec in shapes.items())


def _accepted_sizes(shapes: Shapes, reference: Reference) -> list[Sizes]:
    def concrete(size: int, batch: int) -> Sizes:
        return {
            name: tuple(
                (size if axis else batch) if wanted is None else wanted
                for axis, wanted in enumerate(shape)
            )
            for name, shape in shapes.items()
        }

    failure = None
    for first, second in _SIZES:
        examples = [concrete(first, 1), concrete(second, 2)]
        try:
            for example in examples:
                reference(next(probes(example))[1])
        except Exception as error:
            failure = error
        else:
            return examples if examples[0] != examples[1] else examples[:1]
    raise InputError(
        f"the model runs with none of the sizes tried for the dynamic axes of {shapes}: pass "
        f"example_shapes=, or give the model export_example_shapes ({first_line(failure)})"
    ) from failure


def _difference(label: str, got: np.ndarray, wanted: np.ndarray) -> float:
    if got.shape != wanted.shape:
        raise ParityError(f"{label} has the shape {got.shape}, the model's is {wanted.shape}")
    for whose, array in (("the model", wanted), ("the file", got)):
        if not np.all(np.isfinite(array)):
            raise ParityError(f"{label}: {whose} returns values that are not finite")
    return float(np.max(np.abs(got.astype("float64") - wanted), initial=0))

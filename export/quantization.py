"""What quantising a file means: which kind, what stays in float, and how much it may cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TypedDict

import numpy as np

from zoo.errors import InputError

Arrays = Mapping[str, np.ndarray]

# Kind -> lowest signal-to-noise ratio, in dB, of an output against the float32 model.
SNR_FLOORS = {"float16": 50.0, "weights": 30.0, "int16x8": 30.0, "dynamic": 20.0, "int8": 15.0}
KINDS = tuple(SNR_FLOORS)
STATIC = ("int8", "int16x8")


@dataclass(frozen=True)
class Quantization:
    """How the layers of a model's networks are quantised; whatever surrounds them stays in float.

    The floors lie below what the shipped separators measure on music at worst, which is 66 dB for
    "float16", 39 dB for "weights" and "int16x8", 28 dB for "dynamic" and 18 dB for "int8": a file
    under its floor is not a little worse than others of its kind, something in it is wrong. In
    other signatures than the main one, of which a patch or a buffer is judged, a quarter is asked:
    of masks times what they are applied to, and of a state what is heard of it in the next buffer.

    Args:
        kind: "float16", weights in half precision; "weights", 8-bit weights, arithmetic in float;
            "dynamic", 8-bit weights and activations whose ranges are measured at run time; "int8",
            8-bit weights and activations with calibrated ranges; "int16x8", 8-bit weights and
            16-bit activations, which no fast kernel of LiteRT's takes.
        keep_float: layers that stay in float: names, or shell patterns such as "decoder_1*".
        snr_floor: lowest signal-to-noise ratio of an output against the float32 model, in dB; by
            default 50 for "float16", 30 for "weights" and "int16x8", 20 for "dynamic", 15 for
            "int8".
        integer_io: whether a network's file, of kind "int8", also takes and returns 8-bit integers,
            for processors without floating point.

    Raises:
        InputError: if there is no such kind, or `integer_io` is asked of another than "int8".

    Example:
        >>> Quantization("int8", keep_float=("decoder_1*",)).floor
        15.0
    """

    kind: str
    keep_float: tuple[str, ...] = ()
    snr_floor: float | None = None
    integer_io: bool = False

    def __post_init__(self):
        if self.kind not in KINDS:
            raise InputError(f"{self.kind}: no such quantisation; there are {', '.join(KINDS)}")
        if isinstance(self.keep_float, str):
            raise InputError(f"keep_float takes several names. Received: {self.keep_float!r}")
        object.__setattr__(self, "keep_float", tuple(self.keep_float))
        if self.integer_io and self.kind != "int8":
            raise InputError(f"integers as input and output are for int8, not for {self.kind}")

    @property
    def floor(self) -> float:
        """The lowest SNR allowed, in dB."""
        return SNR_FLOORS[self.kind] if self.snr_floor is None else self.snr_floor

    def kept(self, layers: Sequence[str]) -> set[str]:
        """Returns which of these layers stay in float.

        Raises:
            InputError: if a name or pattern matches none of them.
        """
        kept = set()
        for pattern in self.keep_float:
            matching = {layer for layer in layers if fnmatchcase(layer, pattern)}
            if not matching:
                raise InputError(
                    f"keep_float: no layer is called {pattern}; there are {', '.join(layers)}"
                )
            kept |= matching
        return kept


@dataclass(frozen=True)
class Material:
    """Real inputs of a model's main signature: to find ranges with, and to judge a file by.

    Args:
        calibration: each input name -> float32 array.
        check: the same, none of which was calibrated on.
        targets: what the outputs should ideally be for each of `check`, output name -> array, such
            as the true stems of a song; for the change in SDR.
    """

    calibration: Sequence[Arrays] = ()
    check: Sequence[Arrays] = ()
    targets: Sequence[Arrays] = ()


class QuantizeOptions(TypedDict, total=False):
    """How a file is quantised; keyword arguments of `export.to_tflite` and `export.to_onnx`.

    Attributes:
        quantize: kind of quantisation, see `Quantization`; `None` for a float32 file.
        keep_float: see `Quantization`, as `snr_floor` and `integer_io`.
        calibration: real inputs of the main signature, each a dict input name -> float32 array, for
            example from `training.calibration_examples`. The kinds "int8" and "int16x8" take the
            ranges of their activations from them.
        check: real inputs that were not calibrated on, to judge the file by; by default a quarter
            of `calibration` is kept back for that. Without either, noise has to do.
        targets: what the outputs should ideally be for each of `check`, for the change in SDR.
        layer_errors: whether the report lists what quantising each layer alone would cost. It is
            found out in any case for a file under its floor, and takes about a second a layer.
    """

    quantize: str | None
    keep_float: Sequence[str]
    snr_floor: float | None
    integer_io: bool
    calibration: Sequence[Arrays]
    check: Sequence[Arrays]
    targets: Sequence[Arrays]
    layer_errors: bool


@dataclass(frozen=True)
class Plan:
    """A quantisation and what to do it with."""

    quantization: Quantization
    material: Material
    layer_errors: bool = False


def plan_of(options: dict) -> Plan | None:
    """Takes the `QuantizeOptions` out of keyword arguments.

    Raises:
        InputError: if they cannot be used, or contradict each other.
    """
    given = {name: options.pop(name) for name in QuantizeOptions.__annotations__ if name in options}
    kind = given.pop("quantize", None)
    if kind is None:
        used = [name for name, value in given.items() if value]
        if used:
            raise InputError(f"{used[0]} is for quantised files: say quantize=, too")
        return None
    names = ("keep_float", "snr_floor", "integer_io")
    settings = {name: given[name] for name in names if name in given}
    quantization = Quantization(kind, **settings)
    calibration, check = list(given.get("calibration") or ()), list(given.get("check") or ())
    targets = list(given.get("targets") or ())
    if targets and len(targets) != len(check):
        raise InputError(f"there are {len(targets)} targets for {len(check)} examples of check")
    if kind in STATIC and len(calibration) < (1 if check else 2):
        raise InputError(
            f"{kind}: quantising needs real inputs to find the ranges of values with: pass two or "
            "more as calibration="
        )
    if calibration and not check:
        kept = max(1, len(calibration) // 4)
        calibration, check = calibration[:-kept], calibration[-kept:]
    return Plan(
        quantization, Material(calibration, check, targets), bool(given.get("layer_errors"))
    )


def snr(expected: Sequence[np.ndarray], got: Sequence[np.ndarray]) -> float:
    """Returns 10 log10 of the energy of what was expected over that of the difference, in dB.

    Args:
        expected: arrays, over all of which the energies are summed.
        got: arrays of the same shapes.

    Returns:
        Infinity where there is no difference; NaN where silence was expected and is not there.

    Example:
        >>> round(snr([np.ones(8)], [np.full(8, 0.9)]), 3)
        20.0
    """
    pairs = [(a.astype("float64"), b) for a, b in zip(expected, got, strict=True)]
    noise = sum(float(np.sum(np.square(a - b))) for a, b in pairs)
    signal = sum(float(np.sum(np.square(a))) for a, _ in pairs)
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(signal / noise)) if signal else float("nan")

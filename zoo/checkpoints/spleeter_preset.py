"""A checkpoint of Spleeter's program as a preset folder, compared before it appears."""

import json
import os
import zlib
from pathlib import Path

import numpy as np

from zoo.checkpoints.named_weights import NamedWeights
from zoo.checkpoints.spleeter import load_spleeter, variables_by_name
from zoo.checkpoints.spleeter_card import card, metadata
from zoo.checkpoints.tensorflow1 import Checkpoint
from zoo.errors import InputError
from zoo.files import atomic_path, created_folder, writing
from zoo.presets import check_preset_folder, in_half_precision, load_preset
from zoo.spleeter_unet import SpleeterUNet

PARITY = "parity.json"
# Largest error of outputs, relative to the peak.
LIMIT = 1e-4
# As loud as music's magnitudes may be, and as quiet.
_LEVELS = (20.0, 0.05)


def import_spleeter(
    path: str | os.PathLike,
    output: str | os.PathLike,
    *,
    variant: str | None = None,
    half_precision: bool = False,
    **arguments,
) -> dict:
    """Writes a checkpoint of Spleeter's program as a preset, with card and `parity.json`.

    The preset is read back from disk and its outputs on noise are compared with what TensorFlow's
    own operators make of the checkpoint's variables (see `reference_outputs`).

    Args:
        path: as `load_spleeter` takes it.
        output: folder of the preset, to create or replace.
        variant: as `load_spleeter` takes it.
        half_precision: store float16 weights, half the size.
        **arguments: of `SpleeterUNet`.

    Returns:
        What `parity.json` says, see `parity_report`.

    Raises:
        InputError: as `load_spleeter`, if `output` is no preset or cannot be written, or outputs
            differ; nothing is written then.
    """
    output = Path(output)
    check_preset_folder(output)
    checkpoint = Checkpoint(path)
    network = load_spleeter(checkpoint, variant, **arguments)
    with writing(output), created_folder(output.parent), atomic_path(output) as temporary:
        temporary.mkdir()
        facts = metadata(network, checkpoint.path)
        network.save_to_preset(temporary, metadata=facts, half_precision=half_precision)
        stored = load_preset(temporary)
        report = {
            "checkpoint": facts["checkpoint"],
            "precision": "float16" if half_precision else "float32",
            **parity_report(stored, _Rounded(checkpoint) if half_precision else checkpoint),
        }
        (temporary / PARITY).write_text(json.dumps(report, indent=1) + "\n", "utf-8")
        text = card(stored, output.name, report)
        (temporary / "README.md").write_text(text, "utf-8")
    return report


class _Rounded(NamedWeights):
    """The weights of a checkpoint as a preset in half precision has them."""

    def __init__(self, weights: NamedWeights):
        self.path, self.shapes, self._weights = weights.path, weights.shapes, weights

    def read(self, name: str) -> np.ndarray:
        return in_half_precision(self._weights.read(name)).astype("float32")


def parity_report(network: SpleeterUNet, weights: NamedWeights) -> dict:
    """Returns how far a network's weights and outputs are from those of Spleeter's program.

    Args:
        network: whose `variables_by_name` the weights have.
        weights: of the program.

    Returns:
        `limit`; `error_over_peak`, of each stem the largest difference on two patches of noise;
        counts of variables, values and variables that are equal in every bit; of each variable the
        one of the network, its shape and the CRC-32 of its values.

    Raises:
        InputError: if a stem's error is above 1e-4, or not a number.
    """
    from zoo.checkpoints.spleeter_reference import reference_outputs

    variables, counts = {}, {"variables": 0, "values": 0, "equal_variables": 0}
    for name, variable in variables_by_name(network).items():
        value = weights.read(name)
        variables[name] = {
            "network": variable.path,
            "shape": list(value.shape),
            "crc32": f"{zlib.crc32(value.tobytes()):08x}",
        }
        counts["variables"] += 1
        counts["values"] += value.size
        counts["equal_variables"] += bool(np.array_equal(value, variable))
    levels = len(network.filters)
    front_end = network.front_end
    shape = (1, network.frames or 2 ** (levels + 1), front_end.bins, front_end.channels)
    noise = np.random.default_rng(0).exponential(size=shape).astype("float32")
    errors = dict.fromkeys(network.stems, 0.0)
    for level in _LEVELS:
        expected = reference_outputs(
            weights.read,
            level * noise,
            stems=len(network.stems),
            levels=levels,
            elu=network.activation == "elu",
            softmax=network.softmax,
        )
        outputs = network(level * noise, training=False)
        for stem, wanted in zip(network.stems, expected, strict=True):
            error = np.abs(outputs[stem] - wanted).max() / np.abs(wanted).max()
            # Unlike `max`, it keeps what is not a number.
            errors[stem] = float(np.maximum(errors[stem], error))
    for stem, error in errors.items():
        if not error <= LIMIT:
            raise InputError(
                f"{weights.path}: {stem} of the imported network differs from the checkpoint's by "
                f"{error:.1e} of the peak, more than {LIMIT:g}; nothing was written"
            )
    return {"limit": LIMIT, "error_over_peak": errors, **counts, "of_variables": variables}

"""What the Wave-U-Net authors' program computes: configurations, weights by a rule, outputs."""

import json
from pathlib import Path

import numpy as np
import tensorflow as tf

from .original_weights import weight

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "wave_unet"
REDUCED = json.loads((FIXTURES / "reduced.json").read_text())
PUBLISHED = json.loads((FIXTURES / "published.json").read_text())
VARIANTS = {
    "baseline": "M1",
    "baseline_diff": "M2",
    "baseline_context": "M3",
    "baseline_stereo": "M4",
    "full": "M5",
    "full_44KHz": "M5-HighSR",
    "full_multi_instrument": "M6",
    "baseline_comparison": "M7",
}
# Argument of WaveUNet -> the program's setting.
ARGUMENTS = {
    "sample_rate": "expected_sr",
    "channels": "num_channels",
    "sources": "source_names",
    "levels": "num_layers",
    "initial_filters": "num_initial_filters",
    "kernel_size": "filter_size",
    "decoder_kernel_size": "merge_filter_size",
    "output_kernel_size": "output_filter_size",
    "context": "context",
    "upsampling": "upsampling",
    "output_type": "output_type",
    "segment_samples": "num_frames",
}
# What the reduced configurations differ in from those of the paper.
SMALL = {"levels": 5, "initial_filters": 8, "segment_samples": 1024}


def arguments(config: dict) -> dict:
    """All arguments of `WaveUNet` for one of the program's configurations."""
    return {argument: config[name] for argument, name in ARGUMENTS.items()}


def arrays(name: str) -> dict[str, np.ndarray]:
    """A fixture's arrays: int8 audio as float32 in [-1, 1), expected outputs as they are."""
    with np.load(FIXTURES / f"{name}.npz") as file:
        loaded = {key: file[key] for key in file.files}
    audio = {key: x.astype("float32") / 128 for key, x in loaded.items() if x.dtype == np.int8}
    return {**loaded, **audio}


def weights(name: str) -> dict[str, np.ndarray]:
    """All variables of a reduced configuration."""
    return {variable: weight(variable, shape) for variable, shape in REDUCED[name]["variables"]}


def write_checkpoint(prefix: Path, variables: dict[str, np.ndarray]) -> Path:
    """Writes variables as the program's training does: with Adam's slots, powers and the step."""
    stored = {"global_step": np.int64(123_000), "separator_solver/beta1_power": np.float32(0.9)}
    stored["separator_solver/beta2_power"] = np.float32(0.999)
    for name, value in variables.items():
        stored[name] = value
        for slot in ("Adam", "Adam_1"):
            stored[f"separator_solver/{name}/{slot}"] = np.full_like(value, 7)
    prefix.parent.mkdir(parents=True, exist_ok=True)
    tf.raw_ops.SaveV2(
        prefix=str(prefix),
        tensor_names=list(stored),
        shape_and_slices=[""] * len(stored),
        tensors=[tf.constant(value) for value in stored.values()],
    )
    return prefix

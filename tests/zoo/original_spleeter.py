"""Checkpoints as Spleeter's program leaves them: its variables, with weights by the rule."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from .original_weights import weight

PUBLISHED_FILTERS = (16, 32, 64, 128, 256, 512)
NORM = ("gamma", "beta", "moving_mean", "moving_variance")


def shapes(stems: int, filters=PUBLISHED_FILTERS) -> dict[str, tuple[int, ...]]:
    """Variables of the program's networks, in the order in which it makes them."""
    made: dict[str, int] = {}
    found: dict[str, tuple[int, ...]] = {}

    def layer(kind: str, **variables):
        number = made.get(kind, 0)
        made[kind] = number + 1
        scope = f"{kind}_{number}" if number else kind
        found.update({f"{scope}/{name}": shape for name, shape in variables.items()})

    def norm(width):
        layer("batch_normalization", **dict.fromkeys(NORM, (width,)))

    for _ in range(stems):
        width = 2
        for following in filters:
            layer("conv2d", kernel=(5, 5, width, following), bias=(following,))
            norm(following)
            width = following
        for level, following in enumerate((*filters[-2::-1], 1)):
            # From the second on, a skip connection comes along with as many channels.
            inputs = width * (2 if level else 1)
            layer("conv2d_transpose", kernel=(5, 5, following, inputs), bias=(following,))
            norm(following)
            width = following
        layer("conv2d", kernel=(4, 4, 1, 2), bias=(2,))
    return found


def weights(stems: int, filters=PUBLISHED_FILTERS) -> dict[str, np.ndarray]:
    return {name: weight(name, shape) for name, shape in shapes(stems, filters).items()}


def write_checkpoint(folder: Path, variables: dict, *, training: bool = False) -> Path:
    """Writes a released folder; with what training adds, as in those called `finetune`."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = {"global_step": np.int64(1_000_000), **variables}
    if training:
        stored |= {"beta1_power": np.float32(0.9), "beta2_power": np.float32(0.999)}
        for name, value in variables.items():
            for slot in ("Adam", "Adam_1"):
                stored[f"{name}/{slot}"] = np.full_like(value, 7)
    tf.raw_ops.SaveV2(
        prefix=str(folder / "model"),
        # In the order of TensorFlow 1's `Saver`.
        tensor_names=sorted(stored),
        shape_and_slices=[""] * len(stored),
        tensors=[tf.constant(stored[name]) for name in sorted(stored)],
    )
    (folder / "model.meta").write_bytes(b"graph")
    (folder / "checkpoint").write_text('model_checkpoint_path: "model"\n')
    return folder

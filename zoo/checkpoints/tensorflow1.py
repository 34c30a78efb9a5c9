"""Checkpoints of TensorFlow 1 programs, as users have them: read by name, checked, assigned."""

import os
import re
from pathlib import Path

import numpy as np

from zoo.checkpoints.named_weights import NamedWeights, reason
from zoo.errors import InputError

# What a user may point at: TensorFlow writes PREFIX.index, PREFIX.data-00000-of-00001, PREFIX.meta.
_PART = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")
_ARCHIVE = re.compile(r"\.(tar|tar\.gz|tgz|zip)$")


class Checkpoint(NamedWeights):
    """An opened checkpoint of the format V2, the one of TensorFlow 1.0 and later.

    Args:
        path: its prefix, one of its files, or a folder that holds one; of several, the one that
            the folder's `checkpoint` file names.

    Attributes:
        path: its prefix, the path without `.index`.
        shapes: shape of each variable, by name.

    Raises:
        InputError: if there is no checkpoint, or its index is damaged.

    Example:
        >>> tf.raw_ops.SaveV2(
        ...     prefix="model", tensor_names=["scope/bias"], shape_and_slices=[""],
        ...     tensors=[tf.ones(3)],
        ... )
        >>> checkpoint = Checkpoint("model.index")
        >>> checkpoint.shapes, checkpoint.read("scope/bias")
        ({'scope/bias': (3,)}, array([1., 1., 1.], dtype=float32))
    """

    def __init__(self, path: str | os.PathLike):
        import tensorflow as tf

        self.path = _prefix(Path(path))
        try:
            self._reader = tf.train.load_checkpoint(str(self.path))
            shapes = self._reader.get_variable_to_shape_map()
        except Exception as error:
            raise InputError(
                f"{self.path}.index: not a TensorFlow checkpoint, or damaged: {reason(error)}"
            ) from error
        self.shapes = {name: tuple(shape) for name, shape in sorted(shapes.items())}

    def read(self, name: str) -> np.ndarray:
        """Returns a variable's value.

        Raises:
            InputError: if the file with the values is missing or damaged.
        """
        try:
            return self._reader.get_tensor(name)
        except Exception as error:
            raise InputError(f"{self.path}: cannot read {name}: {reason(error)}") from error


def _prefix(path: Path) -> Path:
    """The checkpoint's prefix, without what TensorFlow appends for its files."""
    if path.is_dir():
        return _prefix_in(path)
    prefix = path.with_name(_PART.sub("", path.name))
    if prefix.with_name(f"{prefix.name}.index").is_file():
        return prefix
    if path.is_file() and _ARCHIVE.search(path.name):
        raise InputError(f"{path}: an archive; unpack it and name the folder")
    if path.is_file():
        raise InputError(
            f"{path}: not a checkpoint of TensorFlow 1: there is no {prefix.name}.index beside it"
        )
    raise InputError(f"{path}: no such checkpoint: there is no {prefix}.index")


def _prefix_in(folder: Path) -> Path:
    """The prefix of a folder's only checkpoint, or of the one that is on record as its latest."""
    # Archives made on a Mac bring along a `._model.index`.
    found = sorted(path.with_suffix("") for path in folder.glob("[!.]*.index"))
    if len(found) == 1:
        return found[0]
    if not found:
        inside = sorted({path.parent.name for path in folder.glob("*/[!.]*.index")})
        hint = f"; name one of the folders in it: {', '.join(inside)}" if inside else ""
        raise InputError(f"{folder}: holds no TensorFlow checkpoint, no file ends in .index{hint}")
    record = folder / "checkpoint"
    text = record.read_text("utf-8", errors="replace") if record.is_file() else ""
    latest = re.search(r'^model_checkpoint_path: *"(.+)"', text, re.MULTILINE)
    # The path on record is often one on the machine that trained.
    prefix = folder / re.split(r"[/\\]", latest[1])[-1] if latest else None
    if prefix in found:
        return prefix
    names = ", ".join(prefix.name for prefix in found)
    raise InputError(f"{folder}: holds several checkpoints; name one of {names}")

"""Checkpoints of TensorFlow 1 programs, as users have them: read by name, checked, assigned."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

from zoo.errors import InputError

# What a user may point at: TensorFlow writes PREFIX.index, PREFIX.data-00000-of-00001, PREFIX.meta.
_PART = re.compile(r"\.(index|meta|data-\d{5}-of-\d{5})$")


class Checkpoint:
    """An opened checkpoint of the format V2, the one of TensorFlow 1.0 and later.

    Args:
        path: its prefix, one of its files, or a folder that holds one; of several, the one that
            the folder's `checkpoint` file names.

    Attributes:
        prefix: the path without `.index`.
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

        self.prefix = _prefix(Path(path))
        try:
            self._reader = tf.train.load_checkpoint(str(self.prefix))
            shapes = self._reader.get_variable_to_shape_map()
        except Exception as error:
            raise InputError(
                f"{self.prefix}.index: not a TensorFlow checkpoint, or damaged: {_reason(error)}"
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
            raise InputError(f"{self.prefix}: cannot read {name}: {_reason(error)}") from error

    def assign(
        self,
        variables: Mapping[str, keras.Variable],
        *,
        expected: Callable[[str], bool],
    ) -> None:
        """Gives Keras variables the values of the checkpoint; all of them, or none on an error.

        Args:
            variables: by their names in the checkpoint, in the order in which to compare.
            expected: whether a name in the checkpoint should be among `variables`. Others, such
                as an optimizer's, are left alone.

        Raises:
            InputError: naming the first variable that is missing, of another shape, unknown or
                not finite, or the file with the values if it cannot be read.
        """
        for name, variable in variables.items():
            wanted = tuple(variable.shape)
            if name not in self.shapes:
                raise InputError(
                    f"{self.prefix}: has no {name}, which the network has with shape {wanted}"
                )
            if self.shapes[name] != wanted:
                raise InputError(
                    f"{self.prefix}: {name} has the shape {self.shapes[name]}, "
                    f"in the network it is {wanted}"
                )
        for name, shape in self.shapes.items():
            if expected(name) and name not in variables:
                raise InputError(
                    f"{self.prefix}: has {name} with shape {shape}, which the network lacks"
                )
        values = {name: self.read(name) for name in variables}
        for name, value in values.items():
            if not np.all(np.isfinite(value)):
                raise InputError(f"{self.prefix}: {name} holds values that are not finite")
        for name, variable in variables.items():
            variable.assign(values[name])


def _prefix(path: Path) -> Path:
    """The checkpoint's prefix, without what TensorFlow appends for its files."""
    if path.is_dir():
        return _prefix_in(path)
    prefix = path.with_name(_PART.sub("", path.name))
    if prefix.with_name(f"{prefix.name}.index").is_file():
        return prefix
    if path.is_file():
        raise InputError(
            f"{path}: not a checkpoint of TensorFlow 1: there is no {prefix.name}.index beside it"
        )
    raise InputError(f"{path}: no such checkpoint: there is no {prefix}.index")


def _prefix_in(folder: Path) -> Path:
    """The prefix of a folder's only checkpoint, or of the one that is on record as its latest."""
    found = sorted(path.with_suffix("") for path in folder.glob("*.index"))
    if len(found) == 1:
        return found[0]
    if not found:
        raise InputError(f"{folder}: holds no TensorFlow checkpoint, no file ends in .index")
    record = folder / "checkpoint"
    text = record.read_text("utf-8", errors="replace") if record.is_file() else ""
    latest = re.search(r'^model_checkpoint_path: *"(.+)"', text, re.MULTILINE)
    # The path on record is often one on the machine that trained.
    prefix = folder / re.split(r"[/\\]", latest[1])[-1] if latest else None
    if prefix in found:
        return prefix
    names = ", ".join(prefix.name for prefix in found)
    raise InputError(f"{folder}: holds several checkpoints; name one of {names}")


def _reason(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]

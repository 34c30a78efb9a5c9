"""Weights that lie in a file by name: compared with a network, then assigned, all or none."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np

from zoo.errors import InputError


class NamedWeights(ABC):
    """What the readers of other programs' files have in common.

    Attributes:
        path: of the file, for messages.
        shapes: shape of each array, by name.
    """

    path: Path
    shapes: Mapping[str, tuple[int, ...]]

    @abstractmethod
    def read(self, name: str) -> np.ndarray:
        """Returns an array.

        Raises:
            InputError: if it cannot be read.
        """

    def assign(
        self,
        variables: Mapping[str, keras.Variable],
        *,
        expected: Callable[[str], bool] = lambda name: True,
    ) -> None:
        """Gives Keras variables the values of the file; all of them, or none on an error.

        Args:
            variables: by their names in the file, in the order in which to compare.
            expected: whether a name in the file should be among `variables`. Others, such as an
                optimizer's, are left alone.

        Raises:
            InputError: naming the first variable that is missing, of another shape or type, unknown
                or not finite, or the file with the values if it cannot be read.
        """
        for name, variable in variables.items():
            wanted = tuple(variable.shape)
            if name not in self.shapes:
                raise InputError(
                    f"{self.path}: has no {name}, which the network has with shape {wanted}"
                )
            if self.shapes[name] != wanted:
                raise InputError(
                    f"{self.path}: {name} has the shape {self.shapes[name]}, "
                    f"in the network it is {wanted}"
                )
        for name, shape in self.shapes.items():
            if expected(name) and name not in variables:
                raise InputError(
                    f"{self.path}: has {name} with shape {shape}, which the network lacks"
                )
        values = {name: self.read(name) for name in variables}
        for name, value in values.items():
            if value.dtype != "float32":
                raise InputError(f"{self.path}: {name} is of type {value.dtype}, not float32")
            if not np.all(np.isfinite(value)):
                raise InputError(f"{self.path}: {name} holds values that are not finite")
        for name, variable in variables.items():
            variable.assign(values[name])


def reason(error: Exception) -> str:
    """Returns the first line of what an error says, or its kind if it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]

"""Weights files of Keras 2, as `model.save_weights("weights.h5")` wrote them."""

import os
from pathlib import Path

import h5py
import numpy as np

from zoo.checkpoints.named_weights import NamedWeights, reason
from zoo.errors import InputError

_SUFFIX = ":0"


class Keras2Weights(NamedWeights):
    """The arrays of a Keras 2 weights file, by the names of their layers.

    The file has one group a layer, and in it the arrays by the names of their variables, such as
    `encoder/encoder_bn_1/gamma:0` where a model `encoder` is a layer of the whole. Here that array
    is called `encoder_bn_1/gamma`, wherever in the file its layer lies. Of a file that holds a
    whole model, the optimizer's arrays are left out.

    Args:
        path: of the file.

    Attributes:
        path: of the file.
        shapes: shape of each array, by name.

    Raises:
        InputError: if there is no such file, it is damaged, or it is none of Keras 2.

    Example:
        >>> import h5py
        >>> with h5py.File("weights.h5", "w") as file:
        ...     file["decoder/decoder_dense/bias:0"] = np.arange(3, dtype="float32")
        >>> weights = Keras2Weights("weights.h5")
        >>> weights.shapes, weights.read("decoder_dense/bias")
        ({'decoder_dense/bias': (3,)}, array([0., 1., 2.], dtype=float32))
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{self.path}: no such file")
        self.shapes, self._places = {}, {}
        try:
            with h5py.File(self.path) as file:
                file.visititems(self._note)
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{self.path}: not HDF5, or damaged: {reason(error)}") from error
        if not self.shapes:
            raise InputError(
                f"{self.path}: not a weights file of Keras 2, no array in it is named like kernel:0"
            )

    def _note(self, place: str, item) -> None:
        """Takes note of an array of a layer; called with everything in the file."""
        parts = place.split("/")
        if not (isinstance(item, h5py.Dataset) and place.endswith(_SUFFIX)):
            return
        if parts[0] == "optimizer_weights":
            return
        name = "/".join(parts[-2:]).removesuffix(_SUFFIX)
        if name in self._places:
            raise InputError(f"{self.path}: holds {self._places[name]} and {place}: which to take?")
        # HDF5 can have an array's bytes lie in any file of the disk.
        if item.external or item.is_virtual:
            raise InputError(f"{self.path}: {place} lies in another file")
        if item.dtype.kind != "f":
            raise InputError(f"{self.path}: {place} is of type {item.dtype}, weights are floats")
        self._places[name] = place
        self.shapes[name] = item.shape

    def read(self, name: str) -> np.ndarray:
        """Returns an array, float32.

        Raises:
            InputError: if the file is damaged there.
        """
        try:
            with h5py.File(self.path) as file:
                return np.asarray(file[self._places[name]][()], "float32")
        except Exception as error:
            raise InputError(f"{self.path}: cannot read {name}: {reason(error)}") from error

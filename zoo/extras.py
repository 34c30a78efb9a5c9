"""Packages that only some commands need, and how to get them."""

from zoo.errors import InputError

_TENSORFLOW = {
    "PIL",
    "h5py",
    "keras",
    "librosa",
    "matplotlib",
    "onnx",
    "scipy",
    "tensorboard",
    "tensorflow",
    "tf2onnx",
    "tomli_w",
}


def missing_extra(error: ModuleNotFoundError) -> InputError:
    """Returns what to tell the user when an import fails for want of an extra.

    Raises:
        ModuleNotFoundError: the error itself, if no extra would help.

    Example:
        >>> print(missing_extra(ModuleNotFoundError(name="keras.ops")))
        this needs TensorFlow: pip install "stemzoo[tensorflow]"
    """
    if (error.name or "").partition(".")[0] not in _TENSORFLOW:
        raise error
    return InputError('this needs TensorFlow: pip install "stemzoo[tensorflow]"')

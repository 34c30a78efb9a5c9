"""What leaves the house: Keras models as SavedModel, TFLite and ONNX files, run before they count.

Names are imported on first use: TensorFlow, tf2onnx and the runtimes load when a file is written.
"""

from importlib import import_module

_MODULES = {
    "ExportError": "export.errors",
    "ExportReport": "export.report",
    "ParityError": "export.errors",
    "table": "export.report",
    "to_onnx": "export.onnx",
    "to_saved_model": "export.saved_model",
    "to_tflite": "export.tflite",
    "verify": "export.verification",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'export' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__

"""Tracks, input pipelines, training and evaluation.

Names are imported on first use, so that the command line starts without TensorFlow.
"""

from importlib import import_module

_MODULES = {
    "FitSettings": "training.fitting",
    "Remix": "training.remix",
    "Track": "training.tracks",
    "evaluate": "training.evaluation",
    "fit": "training.fitting",
    "list_recipes": "training.recipe",
    "load_recipe": "training.recipe",
    "spectrogram_patches": "training.pipeline",
    "stem_folder": "training.loaders",
    "synthetic_songs": "training.synthetic",
    "train_recipe": "training.run",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'training' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__

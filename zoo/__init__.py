"""stemzoo: models, front end, presets and whole-song inference.

Names are imported on first use, so that the command line starts without Keras.
"""

from importlib import import_module

_MODULES = {
    "FrontEnd": "zoo.front_end",
    "InputError": "zoo.errors",
    "InverseSTFT": "zoo.spectral",
    "JanssonUNet": "zoo.jansson_unet",
    "STFT": "zoo.spectral",
    "Separator": "zoo.separator",
    "list_presets": "zoo.preset_files",
    "load_model": "zoo.presets",
    "load_preset": "zoo.presets",
    "separate_file": "zoo.inference",
}

__all__ = sorted(_MODULES)


def __getattr__(name: str):
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'zoo' has no attribute '{name}'")


def __dir__() -> list[str]:
    return __all__

"""Presets: a folder with a model's config, weights, metadata and card."""

import json
import os
import tempfile
from importlib import import_module
from pathlib import Path

import h5py
import keras
import numpy as np

from zoo.errors import InputError
from zoo.files import atomic_path, created_folder, writing
from zoo.model_facts import model_facts
from zoo.preset_files import CARD, CONFIG, METADATA, WEIGHTS, preset_path, read_json


def _register_classes() -> None:
    """Imports every module with a class that a config may name: `import zoo` alone is lazy."""
    import zoo

    for module in set(zoo._MODULES.values()):
        import_module(module)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def load_preset(preset: str | os.PathLike) -> keras.Model:
    """Returns the model of a preset, a shipped one by name or any by its folder.

    Args:
        preset: one of `zoo.list_presets()`, or a folder written by `save_to_preset`.

    Raises:
        InputError: if there is no such preset, or its files are damaged.

    Example:
        >>> model = load_preset("jansson_unet_vocals")
        >>> model.front_end.sample_rate
        8192
    """
    folder = preset_path(preset)
    config = read_json(folder / CONFIG)
    _register_classes()
    try:
        model = keras.saving.deserialize_keras_object(config, safe_mode=True)
    except Exception as error:
        raise InputError(f"{folder / CONFIG}: not a model: {_first_line(error)}") from error
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise InputError(f"{weights}: missing; the preset is incomplete")
    try:
        model.load_weights(weights)
    except Exception as error:
        raise InputError(
            f"{weights}: does not fit {CONFIG} or is damaged: {_first_line(error)}"
        ) from error
    return model


def load_model(model: str | os.PathLike) -> keras.Model:
    """Returns a model given as a preset name, a preset folder or a `.keras` file.

    Raises:
        InputError: if it is none of them, or damaged. Files that need code to load are refused.
    """
    path = Path(model)
    if path.suffix != ".keras":
        return load_preset(model)
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    _register_classes()
    try:
        return keras.saving.load_model(path, safe_mode=True)
    except Exception as error:
        raise InputError(f"{path}: not a loadable Keras model: {_first_line(error)}") from error


def in_half_precision(values: np.ndarray) -> np.ndarray:
    """Returns values as float16 if they are float32 and fit, else as they are."""
    fit = values.dtype == np.float32 and np.abs(values).max(initial=0) <= 65504
    return values.astype("float16") if fit else values


def _store_half_precision(weights: Path) -> None:
    """Rewrites a weights file with float16 where float32 values fit; loading casts them back."""
    with h5py.File(weights, "r+") as file:
        names = []
        file.visititems(lambda name, item: names.append(name) if hasattr(item, "shape") else None)
        for name in names:
            values = file[name][()]
            rounded = in_half_precision(values)
            if rounded is values:
                continue
            attributes = dict(file[name].attrs)
            del file[name]
            file[name] = rounded
            file[name].attrs.update(attributes)


def check_preset_folder(folder: Path) -> None:
    """Raises an `InputError` if a preset cannot be written there, as something else lies there."""
    with writing(folder):
        if not folder.exists() or (folder / CONFIG).is_file():
            return
        if not folder.is_dir():
            raise InputError(f"{folder}: is a file; name a folder for the preset")
        if any(folder.iterdir()):
            raise InputError(f"{folder}: exists and is not a preset; name a new folder")


def _uncompiled(model: keras.Model) -> keras.Model:
    """The model without what `compile` added, the optimiser's state above all."""
    if not model.compiled:
        return model
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy


class PresetMixin:
    """Adds `from_preset` and `save_to_preset` to a model class, and reads its config."""

    @classmethod
    def from_config(cls, config: dict):
        """Returns the model of a `get_config`, whose serialized objects become objects again."""
        objects = {
            name: keras.saving.deserialize_keras_object(value)
            for name, value in config.items()
            if isinstance(value, dict) and "class_name" in value
        }
        return cls(**{**config, **objects})

    @classmethod
    def from_preset(cls, preset: str | os.PathLike):
        """Returns the preset's model, or the network in it: of a `SoundGenerator` the autoencoder.

        Args:
            preset: one of `zoo.list_presets()`, or a folder written by `save_to_preset`.

        Raises:
            InputError: if there is no such preset, it is damaged, or it holds another model.
        """
        model = load_preset(preset)
        inner = getattr(model, "network", None)
        if isinstance(inner, cls):
            return inner
        if not isinstance(model, cls):
            raise InputError(f"{preset}: holds a {type(model).__name__}, not a {cls.__name__}")
        return model

    def save_to_preset(
        self,
        folder: str | os.PathLike,
        *,
        metadata: dict | None = None,
        card: str | None = None,
        half_precision: bool = False,
    ) -> None:
        """Writes the model as a preset folder, whole or not at all.

        Of a compiled model what it was trained with is left out.

        Args:
            folder: to create or replace; a folder that holds anything but a preset is refused.
            metadata: what `metadata.json` says beside class, parameters, stems, sample rate,
                channels, input, cost, front end and Keras version.
            card: text of the model card, Markdown.
            half_precision: store float16 weights, half the size for an error of about 5e-4
                relative; they are loaded as float32.

        Raises:
            InputError: if `folder` exists and is not a preset, or cannot be written.
        """
        folder = Path(folder)
        check_preset_folder(folder)
        model = _uncompiled(self)
        facts = {**model_facts(model), **(metadata or {})}
        config = keras.saving.serialize_keras_object(model)
        parent = created_folder(folder.parent)
        with writing(folder), parent, atomic_path(folder) as temporary:
            temporary.mkdir()
            (temporary / CONFIG).write_text(json.dumps(config, indent=1) + "\n", "utf-8")
            (temporary / METADATA).write_text(json.dumps(facts, indent=1) + "\n", "utf-8")
            (temporary / CARD).write_text(card or f"# {folder.name}\n", "utf-8")
            with tempfile.TemporaryDirectory(dir=temporary) as scratch:
                weights = Path(scratch) / WEIGHTS
                model.save_weights(weights)
                if half_precision:
                    _store_half_precision(weights)
                # h5py keeps the space of replaced arrays: a copy does not.
                with h5py.File(weights) as source, h5py.File(temporary / WEIGHTS, "w") as target:
                    target.attrs.update(source.attrs)
                    for name in source:
                        source.copy(name, target)

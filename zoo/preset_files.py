"""Where presets lie and what they say of themselves; needs no Keras."""

import json
import os
from pathlib import Path

from zoo.errors import InputError

CONFIG, METADATA = "config.json", "metadata.json"
WEIGHTS, CARD = "model.weights.h5", "README.md"


def presets_folder() -> Path:
    """Returns the folder of the shipped presets, in an installed wheel or in a checkout."""
    package = Path(__file__).resolve().parent
    installed = package / "saved_models"
    return installed if installed.is_dir() else package.parent / "saved_models"


def list_presets() -> list[str]:
    """Returns the names of the shipped presets, sorted.

    Example:
        >>> "jansson_unet_vocals" in list_presets()
        True
    """
    return sorted(path.parent.name for path in presets_folder().glob(f"*/{CONFIG}"))


def preset_path(preset: str | os.PathLike) -> Path:
    """Returns the folder of a preset given by name or by folder.

    Raises:
        InputError: if there is no such preset, or the folder is none.
    """
    folder = Path(preset)
    if str(preset) in list_presets():
        return presets_folder() / str(preset)
    if (folder / CONFIG).is_file():
        return folder
    if folder.is_dir():
        raise InputError(f"{folder}: not a preset folder, it has no {CONFIG}")
    names = ", ".join(list_presets())
    raise InputError(f"{preset}: neither a preset folder nor one of the presets: {names}")


def preset_metadata(preset: str | os.PathLike) -> dict:
    """Returns a preset's metadata: class, parameters, front end, licence and its author's notes."""
    path = preset_path(preset) / METADATA
    return read_json(path) if path.is_file() else {}


def read_json(path: Path) -> dict:
    """Returns a JSON file's content.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        return json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}") from error

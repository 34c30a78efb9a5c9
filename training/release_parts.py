"""What all releases of a finished run share, whatever the model is."""

import argparse
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from training.recipe import Recipe, load_recipe
from training.run import SETTINGS
from zoo.errors import InputError
from zoo.presets import load_model


def finished_run(run: Path, model: str, recipe: str) -> dict:
    """Returns the settings of a finished run.

    The card sends people to a recipe: it must be the one that made the weights. Material and the
    model that a run went on from may be others than the recipe's: the card says which.

    Args:
        run: folder of the run.
        model: name of the file with the trained model.
        recipe: name of the shipped recipe that the run followed.

    Raises:
        InputError: if the run is not finished, or followed another recipe.
    """
    if not (run / model).is_file():
        raise InputError(f"{run}: holds no finished run")
    settings = json.loads((run / SETTINGS).read_text("utf-8"))
    shipped = load_recipe(recipe)
    overrides = other_origins(shipped, settings)
    # Runs made before the key was known lack it.
    if material := settings["data"].get("material"):
        overrides["data.material"] = material
    difference = load_recipe(recipe, overrides=overrides).difference(settings)
    if difference is not None:
        table, key, value, made_with = difference
        where = f"{table}.{key}" if key else f"[{table}]"
        raise InputError(f"recipe {recipe}: {where} is {value}, the run: {made_with}")
    return settings


def other_origins(recipe: Recipe, settings: dict) -> dict[str, str]:
    """Returns what a run began with where its recipe names another model, `"model.start"` -> it."""
    origins = {}
    for key in ("start", "weights"):
        shipped, own = getattr(recipe.model, key), settings["model"].get(key)
        if shipped and own and own != shipped:
            origins[f"model.{key}"] = own
    return origins


def began_with(recipe: str, settings: dict) -> str:
    """Returns the options of a card's command for what the run began with, `other_origins`.

    Where they lie is the trainer's own business.
    """
    return "".join(f" --set {key}=MODEL" for key in other_origins(load_recipe(recipe), settings))


def as_shipped(model: keras.Model) -> keras.Model:
    """Returns the model with the float16 weights that a preset stores: scores are of these."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_to_preset(Path(folder) / "preset", half_precision=True)
        return load_model(Path(folder) / "preset")


def training_time(minutes: float | None) -> str:
    """Returns what a card says of it, after a number of epochs."""
    if minutes is None:
        return ""
    return f", {minutes:.0f} minutes on a shared machine of two CPU cores"


def worst_row(rows: Sequence[dict]) -> dict | None:
    """Returns the song and stem of the lowest SDR; `None` where none is defined."""
    defined = [row for row in rows if not np.isnan(row["SDR"])]
    worst = min(defined, key=lambda row: row["SDR"], default=None)
    names = ("track", "stem", "SDR", "mixture", "improvement")
    return worst and {name: worst[name] for name in names}


def worst_song(row: dict | None) -> str:
    """Returns what a card says of `worst_row`."""
    if row is None:
        return "Of no song held back was an SDR defined."
    return (
        f"Worst of the songs held back: `{row['track']}`, {row['stem']} at {row['SDR']:.2f} dB "
        f"(mixture {row['mixture']:.2f} dB)."
    )


def argument_parser(description: str) -> argparse.ArgumentParser:
    """Returns a parser of the arguments that all releases have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("run", type=Path, help="folder of a finished run")
    parser.add_argument("preset", type=Path, help="folder to create or replace")
    parser.add_argument("--recipe", required=True, help="the shipped recipe that was followed")
    parser.add_argument("--trained-on", required=True, help="what the card says of the data")
    parser.add_argument("--licence", required=True, help="of the weights")
    parser.add_argument("--minutes", type=float, help="how long the training took")
    return parser

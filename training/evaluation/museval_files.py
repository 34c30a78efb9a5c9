"""A track's scores as museval writes them, for those who compare with other methods by it."""

import json
import os
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation.scoring import SEPARATOR
from zoo.files import atomic_path

METRIC = "bsseval_v4"
# In museval's order; five digits as in its files.
_SCORES, _DIGITS = ("SDR", "SIR", "ISR", "SAR"), 5


def museval_scores(record: Mapping[str, Any], estimate: str = SEPARATOR) -> dict[str, Any]:
    """Returns what museval's `TrackStore` holds of a track: its `scores`.

    Args:
        record: of `score_track` with the metric bsseval_v4.
        estimate: whose scores: the separator's, or "mixture" or a ceiling.
    """
    stems = record["scores"][METRIC][estimate]
    targets = [
        {
            "name": stem,
            "frames": [
                {
                    "time": float(second),
                    "duration": 1.0,
                    "metrics": {name: _number(scores[name][second]) for name in _SCORES},
                }
                for second in range(len(scores["SDR"]))
            ],
        }
        for stem, scores in stems.items()
    ]
    try:
        museval = version("museval")
    except PackageNotFoundError:
        museval = "unknown"
    return {"targets": targets, "museval_version": museval}


def write_museval_file(record: Mapping[str, Any], folder: str | os.PathLike) -> Path:
    """Writes `FOLDER/test/TRACK.json` (or `train/`), which museval reads.

    `museval.EvalStore().add_eval_dir(FOLDER)` takes all that lies in `test`.

    Args:
        record: of `score_track` with the metric bsseval_v4.
        folder: is created if missing.

    Returns:
        The file.
    """
    path = Path(folder) / record["subset"] / f"{file_name(record['track'])}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(museval_scores(record), indent=2), encoding="utf-8")
    return path


def file_name(track: str) -> str:
    """Returns a track's name without what leads to other folders.

    Example:
        >>> file_name("A/B side")
        'A_B side'
    """
    return track.replace("/", "_").replace(os.sep, "_")


def _number(value: float) -> float:
    """As museval: infinity is undefined, too; its readers take NaN."""
    return round(value, _DIGITS) if np.isfinite(value) else float("nan")

"""Evaluation as a job: which model, which songs, which metrics, for processes and clusters."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from training.evaluation.scoring import score_track
from training.loaders.named import named_tracks
from training.tracks import Track
from zoo.batch import open_separator, open_wiener
from zoo.jobs import Item
from zoo.stretches import SignalSeparator


@dataclass(frozen=True)
class EvaluateTask:
    """Scores the songs of a data set one by one, each an item by its name.

    Args:
        model: preset name, preset folder, `.keras` file or exported file.
        data: as `training.loaders.named.named_tracks` takes it.
        metrics: names in `training.evaluation.METRICS`.
        ceilings: whether ideal masks are scored, too.
        split: of the data, if it has any.
        fingerprint: of the model's files: a manifest goes on with the same model only.
        wiener_iterations: of the Wiener filter after the model; 0 for none.

    Example:
        >>> task = EvaluateTask("jansson_unet_vocals", "synthetic:1:2", ("sdr",))
        >>> [item.name for item in task.items()]
        ['synthetic-1-0', 'synthetic-1-1']
    """

    model: str
    data: str
    metrics: tuple[str, ...]
    ceilings: bool = False
    split: str | None = None
    fingerprint: str | None = None
    wiener_iterations: int = 0

    def tracks(self) -> list[Track]:
        """Returns the songs.

        Raises:
            InputError: if they cannot be found.
        """
        return named_tracks(self.data, split=self.split)

    def items(self) -> list[Item]:
        """Returns an item a song, which is done again if its files change."""
        return [Item(track.name, files=_files(track)) for track in self.tracks()]

    def open(self) -> Callable[[Item], Mapping[str, Any]]:
        """Returns the function that scores a song, with the model loaded once."""
        separator, wiener = self._separator(), open_wiener(self.wiener_iterations)
        tracks = {track.name: track for track in self.tracks()}

        def score(item: Item) -> Mapping[str, Any]:
            track = tracks[item.name]
            return score_track(
                separator, track, self.metrics, ceilings=self.ceilings, wiener=wiener
            )

        return score

    def _separator(self) -> SignalSeparator:
        return open_separator(self.model)

    def describe(self) -> dict[str, Any]:
        """Returns the settings, by which a manifest is known."""
        settings = {field.name: getattr(self, field.name) for field in fields(EvaluateTask)}
        # Manifests that were begun before there was a filter go on.
        if not self.wiener_iterations:
            del settings["wiener_iterations"]
        return {"command": "evaluate", **settings, "metrics": list(self.metrics)}


@dataclass(frozen=True)
class OpenedTask(EvaluateTask):
    """The same for this process, with a model that is loaded already.

    Args:
        separator: the model.
    """

    separator: SignalSeparator | None = None

    def _separator(self) -> SignalSeparator:
        return self.separator


def _files(track: Track) -> tuple[str, ...]:
    """The files that a song is read from, where its sources tell."""
    sources = [track.mixture, *track.stems.values()]
    parts = [part for source in sources for part in getattr(source, "parts", (source,))]
    paths = [str(part.path) for part in parts if hasattr(part, "path")]
    return tuple(dict.fromkeys(paths))


def is_exported(model: str | os.PathLike) -> bool:
    """Whether a model is a file that other runtimes run, or a SavedModel."""
    path = Path(model)
    return path.suffix in (".tflite", ".onnx") or (path / "saved_model.pb").is_file()

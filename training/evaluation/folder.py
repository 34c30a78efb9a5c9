"""All that was measured of a model, as one value and as a folder."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.evaluation.museval_files import METRIC, write_museval_file
from training.evaluation.report import Evaluation
from zoo.files import atomic_path

SCORES, PICTURE, TABLE, MARKDOWN = "scores.json", "box_plots.png", "table.txt", "table.md"


@dataclass(frozen=True)
class Evaluations:
    """Evaluations of one model on the same songs, one a metric.

    Args:
        model: what it was called.
        data: what the songs were called.
        records: what `score_track` gave of each song.
        metrics: the metrics that the records have.
        failed: song -> reason, of those that could not be scored.
        notes: lines about what could not be computed.
        wiener_iterations: of the Wiener filter after the model; 0 without one.
    """

    model: str
    data: str
    records: Sequence[Mapping[str, Any]]
    metrics: tuple[str, ...]
    failed: Mapping[str, str]
    notes: tuple[str, ...] = ()
    wiener_iterations: int = 0

    @property
    def evaluations(self) -> list[Evaluation]:
        """One a metric."""
        return [Evaluation.from_records(metric, self.records) for metric in self.metrics]

    def to_json(self) -> str:
        """Returns all scores as JSON: of one metric `Evaluation.to_json`, else a list of them."""
        values = [evaluation.as_dict() for evaluation in self.evaluations]
        return json.dumps(values[0] if len(values) == 1 else {"metrics": values}, indent=1)

    def table(self) -> str:
        """Returns a table a metric."""
        return "\n\n".join(evaluation.table() for evaluation in self.evaluations)

    def markdown(self) -> str:
        """Returns a table a metric, in Markdown."""
        return "\n\n".join(evaluation.markdown() for evaluation in self.evaluations)

    def write(self, folder: str | os.PathLike) -> list[Path]:
        """Writes scores, tables, box plots and museval's files; each appears whole.

        Args:
            folder: is created if missing.

        Returns:
            `scores.json`, `table.txt`, `table.md`, `box_plots.png`, and with the metric bsseval_v4
            a file of museval's a track.
        """
        from training.evaluation.box_plots import box_plots

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        scores = {
            "model": self.model,
            "data": self.data,
            "failed": dict(self.failed),
            "notes": list(self.notes),
            "wiener_iterations": self.wiener_iterations,
            "metrics": [evaluation.as_dict() for evaluation in self.evaluations],
        }
        texts = {
            SCORES: json.dumps(scores, indent=1),
            TABLE: self.table(),
            MARKDOWN: self.markdown(),
        }
        written = []
        for name, text in texts.items():
            with atomic_path(folder / name) as temporary:
                temporary.write_text(text + "\n", encoding="utf-8")
            written.append(folder / name)
        title = f"{self.model} on {self.data}"
        written.append(box_plots(folder / PICTURE, self.records, self.metrics, title=title))
        if METRIC in self.metrics:
            written += [write_museval_file(record, folder) for record in self.records]
        return written

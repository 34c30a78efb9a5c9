"""Scores by track and stem, and over tracks, of one metric: as rows, as JSON and as a table."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from training.evaluation.ceilings import CEILINGS
from training.evaluation.metrics import AGGREGATION, METRICS, UNIT
from training.evaluation.scoring import FLOOR, SEPARATOR, UNFILTERED
from training.evaluation.tables import cell, markdown_table, text_table

OVER_TRACKS = {"median over tracks": np.median, "mean over tracks": np.mean}
OVER_FRAMES = "median over all frames"


def aggregate(function, values: Sequence[float]) -> float:
    """Returns a function of the finite values, NaN if there are none."""
    defined = [value for value in values if np.isfinite(value)]
    return float(function(defined)) if defined else float("nan")


def track_scores(record: Mapping[str, Any], metric: str) -> dict[str, dict[str, dict[str, float]]]:
    """Returns the scores of one track: medians over its frames, and improvements over the mixture.

    Args:
        record: of `score_track`.
        metric: one that it has.

    Returns:
        Estimate -> stem -> score -> dB.
    """
    kind = METRICS[metric]
    main = kind.scores[0]
    scores = {
        estimate: {
            stem: {name: aggregate(np.median, frames) for name, frames in values.items()}
            for stem, values in stems.items()
        }
        for estimate, stems in record["scores"][metric].items()
    }
    for stems in scores.values():
        for stem, values in stems.items():
            values[kind.improvement] = values[main] - scores[FLOOR][stem][main]
    return scores


@dataclass(frozen=True)
class Evaluation:
    """Scores of one metric by track and stem, and over tracks.

    Args:
        metric: a name in `training.evaluation.METRICS`.
        rows: one dict a track and stem: `track`, `stem`, a score for each name in `scores` (in
            dB, NaN where undefined), and with frames the `frames` of the first score.
        scores: names of the scores: those of the separator; of its first one `mixture`, what the
            mixture in the stem's place scores, `improvement` over that ("NSDR" with the metric
            nsdr), what the separator scores `unfiltered` if a Wiener filter refines its stems, and
            what the ceilings score.
        comparisons: all scores of the mixture, the unfiltered stems and the ceilings: one dict a
            track, stem and `estimate`.
    """

    metric: str
    rows: list[dict[str, Any]]
    scores: tuple[str, ...]
    comparisons: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def from_records(cls, metric: str, records: Sequence[Mapping[str, Any]]) -> "Evaluation":
        """Returns the evaluation of songs that `score_track` scored."""
        kind = METRICS[metric]
        main = kind.scores[0]
        rows, comparisons, others = [], [], ()
        for record in records:
            name, scores = record["track"], track_scores(record, metric)
            own = scores.pop(SEPARATOR)
            others = tuple(name for name in (UNFILTERED, *CEILINGS) if name in scores)
            for stem, values in own.items():
                row = {"track": name, "stem": stem}
                row |= {score: values[score] for score in kind.scores}
                row[FLOOR] = scores[FLOOR][stem][main]
                row[kind.improvement] = values[kind.improvement]
                row |= {other: scores[other][stem][main] for other in others}
                if kind.framed:
                    row["frames"] = record["scores"][metric][SEPARATOR][stem][main]
                rows.append(row)
            comparisons += [
                {"track": name, "stem": stem, "estimate": estimate, **values}
                for estimate, stems in scores.items()
                for stem, values in stems.items()
            ]
        columns = (*kind.scores, FLOOR, kind.improvement, *others)
        return cls(metric, rows, columns, comparisons)

    @property
    def aggregates(self) -> list[dict[str, Any]]:
        """One dict a stem and aggregation; `left_out` tells how many tracks or frames have no
        defined first score and do not count."""
        result = []
        for stem in dict.fromkeys(row["stem"] for row in self.rows):
            rows = [row for row in self.rows if row["stem"] == stem]
            undefined = _undefined([row[self.scores[0]] for row in rows])
            for name, function in OVER_TRACKS.items():
                values = {
                    score: aggregate(function, [row[score] for row in rows])
                    for score in self.scores
                }
                result.append({"aggregation": name, "stem": stem, **values, "left_out": undefined})
            if METRICS[self.metric].framed:
                frames = [frame for row in rows for frame in row["frames"]]
                values = {self.scores[0]: aggregate(np.median, frames)}
                left_out = _undefined(frames)
                result.append(
                    {"aggregation": OVER_FRAMES, "stem": stem, **values, "left_out": left_out}
                )
        return result

    def as_dict(self) -> dict[str, Any]:
        """Returns all scores in values that JSON has; undefined ones are None."""
        used = {name: text for name, text in CEILINGS.items() if name in self.scores}
        value = {
            "metric": self.metric,
            "unit": UNIT,
            "aggregation": AGGREGATION[self.metric],
            **({"ceilings": used} if used else {}),
            "tracks": self.rows,
            "aggregates": self.aggregates,
            "comparisons": self.comparisons,
        }
        return _finite(value)

    def to_json(self) -> str:
        """Returns all scores as JSON; undefined ones are null."""
        return json.dumps(self.as_dict(), indent=1)

    @property
    def title(self) -> str:
        """The metric, its unit, and how a track's score comes about."""
        return f"{self.metric} in {UNIT} ({AGGREGATION[self.metric]})"

    def cells(self) -> tuple[list[str], list[list[str]], list[list[str]]]:
        """Returns the heads of the columns, the rows of tracks, and those of aggregates."""
        heads = ["track", "stem", *self.scores, "left out"]
        main = self.scores[0]
        tracks, sizes = [], {}
        for row in self.rows:
            frames = row.get("frames", [row[main]])
            tracks.append(self._line(row["track"], row, _undefined(frames), len(frames)))
            counts = sizes.setdefault(row["stem"], [0, 0])
            counts[0] += 1
            counts[1] += len(frames)
        aggregates = []
        for row in self.aggregates:
            whole = sizes[row["stem"]][row["aggregation"] == OVER_FRAMES]
            aggregates.append(self._line(row["aggregation"], row, row["left_out"], whole))
        lines = (heads, *tracks, *aggregates)
        # Silence is the exception: no column for nothing.
        if not any(line[-1] for line in lines[1:]):
            for line in lines:
                line.pop()
        return heads, tracks, aggregates

    def _line(self, name: str, row: Mapping[str, Any], left_out: int, whole: int) -> list[str]:
        share = f"{left_out} of {whole}" if left_out else ""
        return [name, row["stem"], *(cell(row.get(score)) for score in self.scores), share]

    def table(self) -> str:
        """Returns the scores as a table for terminals, in dB."""
        return text_table(self.title, *self.cells())

    def markdown(self) -> str:
        """Returns the scores as a table in Markdown, in dB."""
        return markdown_table(self.title, *self.cells())


def _undefined(values: Sequence[float]) -> int:
    return sum(not np.isfinite(value) for value in values)


def _finite(value):
    """JSON has neither NaN nor infinity."""
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value

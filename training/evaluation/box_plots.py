"""Box plots of scores: the separator between its floor and its ceilings."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from training.evaluation.ceilings import CEILINGS
from training.evaluation.metrics import METRICS, UNIT, Metric
from training.evaluation.report import track_scores
from training.evaluation.scoring import FLOOR, SEPARATOR, UNFILTERED
from zoo.files import atomic_path

# Told apart by all kinds of eyes (Okabe and Ito, 2008), and in print.
COLOURS = {
    FLOOR: "#999999",
    UNFILTERED: "#56B4E9",
    SEPARATOR: "#0072B2",
    "IRM1": "#E69F00",
    "IRM2": "#D55E00",
    "IBM": "#009E73",
}
LABELS = {
    FLOOR: "mixture (floor)",
    UNFILTERED: "separator without Wiener filter",
    SEPARATOR: "separator",
} | {name: f"{text} ({name})" for name, text in CEILINGS.items()}
_COLUMNS = 3
# Up to so many songs are drawn as dots, too.
_DOTS = 50


def box_plots(
    path: str | os.PathLike,
    records: Sequence[Mapping[str, Any]],
    metrics: Sequence[str],
    *,
    title: str = "",
    dots_per_inch: int = 80,
) -> Path:
    """Draws each score of each stem as boxes over tracks.

    A box reaches from the first to the third quartile with a line at the median; whiskers end at
    the last track within 1.5 times the box's height, dots are tracks. Of a single track, metrics
    with frames show these. Undefined scores are left out, and so is the mixture's SAR: it has no
    artifacts.

    Args:
        path: PNG file to write.
        records: of `score_track`.
        metrics: those of them to draw.
        title: above the picture.
        dots_per_inch: resolution; a picture of three panels or more is 12 inches wide.

    Returns:
        The path.
    """
    from matplotlib.figure import Figure

    panels = [(METRICS[name], score) for name in metrics for score in METRICS[name].plotted]
    columns = min(_COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(max(7, 4 * columns), 3.1 * rows + 1), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    shown: dict[str, Any] = {}
    for axis, (metric, score) in zip(axes, panels, strict=False):
        frames = metric.framed and len(records) == 1
        shown |= _panel(axis, _values(records, metric, score, frames))
        axis.set_title(f"{score}  ({metric.name})", fontsize=10.5, pad=16)
        aggregation, over = metric.aggregation, "over tracks"
        if frames:
            aggregation, over = aggregation.partition(", median")[0], "over frames"
        axis.annotate(
            f"{aggregation}; {over}",
            (0.5, 1.025),
            xycoords="axes fraction",
            ha="center",
            fontsize=7,
        )
        axis.set_ylabel(UNIT)
    for axis in axes[len(panels) :]:
        axis.set_axis_off()
    figure.suptitle(title, fontsize=12)
    handles = {LABELS[name]: shown[name] for name in COLOURS if name in shown}
    figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=3, fontsize=9)
    path = Path(path)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dots_per_inch)
    return path


def _values(records, metric: Metric, score: str, frames: bool) -> dict[str, dict[str, list]]:
    """Stem -> estimate -> the finite values of a score."""
    values: dict[str, dict[str, list]] = {}
    for record in records:
        tracks = track_scores(record, metric.name)
        for estimate, stems in tracks.items():
            if (estimate, score) == (FLOOR, "SAR"):
                continue
            for stem in stems:
                found = [stems[stem][score]]
                if frames:
                    found = record["scores"][metric.name][estimate][stem][score]
                known = values.setdefault(stem, {}).setdefault(estimate, [])
                known += [value for value in found if np.isfinite(value)]
    return values


def _panel(axis, values: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, Any]:
    """Boxes of each stem side by side; returns one box an estimate, for the legend."""
    shown = {}
    estimates = [name for name in COLOURS if any(name in stem for stem in values.values())]
    width = 0.8 / len(estimates)
    for place, stem in enumerate(values):
        for number, estimate in enumerate(estimates):
            numbers = values[stem].get(estimate)
            if not numbers:
                continue
            centre = place + (number - (len(estimates) - 1) / 2) * width
            colour = COLOURS[estimate]
            box = axis.boxplot(
                [numbers],
                positions=[centre],
                widths=0.85 * width,
                patch_artist=True,
                showfliers=len(numbers) > _DOTS,
                boxprops={"facecolor": colour, "alpha": 0.45, "edgecolor": colour},
                medianprops={"color": "black", "linewidth": 1.4},
                whiskerprops={"color": colour},
                capprops={"color": colour},
                flierprops={"marker": ".", "markersize": 3, "markeredgecolor": colour},
            )
            shown[estimate] = box["boxes"][0]
            if len(numbers) <= _DOTS:
                spread = np.linspace(-0.25, 0.25, len(numbers)) * width
                axis.plot(centre + spread, numbers, ".", color=colour, markersize=3.5, zorder=3)
    axis.axhline(0, color="black", linewidth=0.5, zorder=0)
    axis.grid(axis="y", linewidth=0.4, alpha=0.6)
    axis.set_axisbelow(True)
    axis.set_xlim(-0.5, len(values) - 0.5)
    axis.set_xticks(range(len(values)), list(values))
    return shown

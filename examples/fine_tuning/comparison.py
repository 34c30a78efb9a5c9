"""Before and after, on songs that no training saw."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from training import evaluate
from zoo import Separator
from zoo.files import atomic_path


@dataclass(frozen=True)
class Comparison:
    """Signal-to-distortion ratio of the vocals of whole songs, in dB.

    Args:
        songs: names.
        scores: what made the estimate -> a score for each song.
    """

    songs: list[str]
    scores: dict[str, list[float]]

    @classmethod
    def of(cls, separators: dict[str, Separator], tracks) -> "Comparison":
        """Scores of separators, after those of the mixture in the vocals' place."""
        scores = {"mixture": []}
        for name, separator in separators.items():
            rows = [row for row in evaluate(separator, tracks).rows if row["stem"] == "vocals"]
            scores["mixture"] = [row["mixture"] for row in rows]
            scores[name] = [row["SDR"] for row in rows]
        return cls([track.name for track in tracks], scores)

    @property
    def medians(self) -> dict[str, float]:
        """Over the songs; those without vocals, which have no score, are left out."""
        return {name: float(np.nanmedian(values)) for name, values in self.scores.items()}

    def table(self) -> str:
        """The scores as text, a row a song."""
        width = max(map(len, (*self.songs, "median")))
        rows = dict(zip(self.songs, zip(*self.scores.values(), strict=True), strict=True))
        rows["median"] = self.medians.values()
        lines = [" " * width + "".join(f"{name:>12}" for name in self.scores)]
        for song, values in rows.items():
            lines.append(f"{song:<{width}}" + "".join(f"{value:12.2f}" for value in values))
        return "\n".join(lines)

    def picture(self, path: Path) -> None:
        """Draws the scores as bars."""
        figure = Figure(figsize=(8, 4), layout="constrained")
        axis = figure.subplots()
        places = np.arange(len(self.songs))
        width = 0.8 / len(self.scores)
        for number, (name, values) in enumerate(self.scores.items()):
            axis.bar(places + number * width, values, 0.9 * width, label=name, align="edge")
        axis.set_xticks(places + 0.4, self.songs)
        axis.axhline(0, color="black", linewidth=0.8)
        axis.set_ylabel("SDR of the vocals, dB")
        axis.set_title("Songs that no training saw", loc="left")
        axis.legend()
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=110)

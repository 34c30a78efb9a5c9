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
    """Signal-to-distortion ratio of a stem of whole songs, in dB.

    Args:
        songs: names.
        scores: what made the estimate -> a score for each song.
        stem: that is estimated.
    """

    songs: list[str]
    scores: dict[str, list[float]]
    stem: str = "vocals"

    @classmethod
    def of(cls, separators: dict[str, Separator], tracks) -> "Comparison":
        """Scores of the vocals by separators, after those of the mixture in the vocals' place."""
        return cls.of_stems(separators, tracks)["vocals"]

    @classmethod
    def of_stems(cls, separators: dict[str, Separator], tracks) -> dict[str, "Comparison"]:
        """A comparison for each stem of the separators."""
        songs, scores = [track.name for track in tracks], {}
        for name, separator in separators.items():
            for row in evaluate(separator, tracks).rows:
                # Once a song: the mixture is the same for all separators.
                of_stem = scores.setdefault(row["stem"], {"mixture": []})
                if len(of_stem["mixture"]) < len(songs):
                    of_stem["mixture"].append(row["mixture"])
                of_stem.setdefault(name, []).append(row["SDR"])
        return {stem: cls(songs, of_stem, stem) for stem, of_stem in scores.items()}

    @property
    def medians(self) -> dict[str, float]:
        """Over the songs; those without the stem, which have no score, are left out."""
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
        axis.set_ylabel(f"SDR of the {self.stem}, dB")
        axis.set_title("Songs that no training saw", loc="left")
        axis.legend()
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=110)

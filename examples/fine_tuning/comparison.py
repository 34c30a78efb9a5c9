"""Before and after, on songs that no training saw."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from training import Track, evaluate
from training.synthetic.preview import log_spectrogram, show_spectrogram
from zoo import Separator
from zoo.files import atomic_path
from zoo.inference import separate_array

RANGE_DB = 70.0


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

    def median_gain(self, before: str, after: str) -> int:
        """Place of the song whose gain from one separator to the other is the median."""
        gains = np.subtract(self.scores[after], self.scores[before])
        return int(np.argsort(gains)[len(gains) // 2])

    def table(self) -> str:
        """The scores as text, a row a song."""
        width = max(map(len, (*self.songs, "median")))
        rows = dict(zip(self.songs, zip(*self.scores.values(), strict=True), strict=True))
        rows["median"] = self.medians.values()
        lines = [" " * width + "".join(f"{name:>13}" for name in self.scores)]
        for song, values in rows.items():
            lines.append(f"{song:<{width}}" + "".join(f"{value:13.2f}" for value in values))
        return "\n".join(lines)

    def picture(
        self, path: Path, track: Track, separators: dict[str, Separator], *, seconds: float = 12.0
    ) -> None:
        """Draws the scores as bars, and below them spectrograms of a song's beginning.

        Args:
            path: PNG file to write.
            track: the song.
            separators: whose vocals are drawn, below the mixture and the true vocals.
            seconds: of the song.
        """
        samples = int(seconds * track.sample_rate)
        mixture = track.load_mixture()[:samples]
        signals = {"mixture": mixture, "true vocals": track.load_stem("vocals")[:samples]}
        for name, separator in separators.items():
            stems = separate_array(separator, mixture, track.sample_rate)
            signals[f"vocals, {name}"] = stems["vocals"]
        figure = Figure(figsize=(9, 3.5 + 1.3 * len(signals)), layout="constrained")
        bars, *panels = figure.subplots(1 + len(signals), height_ratios=[2.6, *[1] * len(signals)])
        self._draw_bars(bars)
        top = None
        for axis, (name, signal) in zip(panels, signals.items(), strict=True):
            mono = signal.mean(axis=1)
            decibels, hertz = log_spectrogram(mono, track.sample_rate, rows=80, columns=320)
            # All on the mixture's scale: what leaks is as bright as it is loud.
            top = decibels.max() if top is None else top
            seconds = len(mono) / track.sample_rate
            show_spectrogram(axis, decibels, seconds, top=top, range_db=RANGE_DB)
            marks = [mark for mark in (100, 1000, 10000) if mark < hertz[-1]]
            axis.set_yticks(np.searchsorted(hertz, marks), [f"{mark} Hz" for mark in marks])
            axis.set_title(f"{track.name}: {name}", loc="left", fontsize="medium")
            axis.label_outer()
        panels[-1].set_xlabel("seconds")
        with atomic_path(path) as temporary:
            figure.savefig(temporary, dpi=80)

    def _draw_bars(self, axis) -> None:
        groups = [*self.songs, "median"]
        places = np.arange(len(groups))
        width = 0.8 / len(self.scores)
        for number, (name, values) in enumerate(self.scores.items()):
            heights = [*values, self.medians[name]]
            axis.bar(places + number * width, heights, 0.9 * width, label=name, align="edge")
        axis.set_xticks(places + 0.4, groups)
        axis.axhline(0, color="black", linewidth=0.8)
        axis.set_ylabel(f"SDR of the {self.stem}, dB")
        axis.set_title("Songs that no training saw", loc="left")
        axis.legend(ncols=len(self.scores), fontsize="small")

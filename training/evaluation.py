"""Scores of a separator on songs whose stems are known, with the aggregation named."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from training.loaders.named import named_tracks
from training.tracks import Track
from zoo.errors import InputError
from zoo.progress import progress

if TYPE_CHECKING:
    from training.sound_report import SoundEvaluation

METRICS = ("sdr", "bsseval_v4")
AGGREGATION = {
    "sdr": "whole signal, all channels",
    "bsseval_v4": "museval, frames of 1 s, median over a track's frames",
}
OVER_TRACKS = {"median over tracks": np.median, "mean over tracks": np.mean}


def signal_to_distortion(reference: np.ndarray, estimate: np.ndarray) -> float:
    """Returns 10 log10 of the reference's energy over the error's, in dB.

    Over the whole signal and all channels at once, as in the Music Demixing Challenge 2021.

    Args:
        reference: of any shape.
        estimate: of the same shape.

    Returns:
        NaN for a silent reference, for which the ratio says nothing; infinity without an error.

    Example:
        >>> signal_to_distortion(np.ones(8), np.full(8, 0.9)).__round__(3)
        20.0
    """
    energy = float(np.sum(np.square(reference, dtype="float64")))
    error = float(np.sum(np.square(reference - estimate, dtype="float64")))
    if energy == 0:
        return float("nan")
    return float("inf") if error == 0 else float(10 * np.log10(energy / error))


@dataclass(frozen=True)
class Evaluation:
    """Scores by track and stem, and over tracks.

    Args:
        metric: `"sdr"` or `"bsseval_v4"`.
        rows: one dict a track and stem: `track`, `stem`, a score for each name in `scores` (in
            dB, NaN where undefined), and for `"bsseval_v4"` the `frames` of the SDR.
        scores: names of the scores: those of the separator, `mixture` (SDR of the mixture in the
            stem's place) and `improvement`.
    """

    metric: str
    rows: list[dict[str, Any]]
    scores: tuple[str, ...]

    @property
    def aggregates(self) -> list[dict[str, Any]]:
        """One dict a stem and aggregation over tracks; undefined scores are left out."""
        result = []
        for stem in dict.fromkeys(row["stem"] for row in self.rows):
            rows = [row for row in self.rows if row["stem"] == stem]
            for name, aggregate in (
                ("median over tracks", np.median),
                ("mean over tracks", np.mean),
            ):
                values = {
                    score: _aggregate(aggregate, [row[score] for row in rows])
                    for score in self.scores
                }
                result.append({"aggregation": name, "stem": stem, **values})
            if self.metric == "bsseval_v4":
                frames = [frame for row in rows for frame in row["frames"]]
                values = {"SDR": _aggregate(np.median, frames)}
                result.append({"aggregation": "median over all frames", "stem": stem, **values})
        return result

    def to_json(self) -> str:
        """Returns all scores as JSON; undefined ones are null."""
        value = {
            "metric": self.metric,
            "aggregation": AGGREGATION[self.metric],
            "tracks": self.rows,
            "aggregates": self.aggregates,
        }
        return json.dumps(_finite(value), indent=1)

    def table(self) -> str:
        """Returns the scores as a table, in dB."""
        from io import StringIO

        from rich.console import Console
        from rich.table import Table

        table = Table(
            "track",
            "stem",
            box=None,
            title=f"{self.metric} in dB ({AGGREGATION[self.metric]})",
            title_justify="left",
        )
        for score in self.scores:
            table.add_column(score, justify="right")
        for row in self.rows:
            table.add_row(row["track"], row["stem"], *(_cell(row[s]) for s in self.scores))
        table.add_section()
        for row in self.aggregates:
            cells = (_cell(row.get(score)) for score in self.scores)
            table.add_row(row["aggregation"], row["stem"], *cells)
        console = Console(file=StringIO(), width=120)
        console.print(table)
        return console.file.getvalue().rstrip()


def _aggregate(function, values: Sequence[float]) -> float:
    defined = [value for value in values if np.isfinite(value)]
    return float(function(defined)) if defined else float("nan")


def _cell(value: float | None) -> str:
    return "-" if value is None or np.isnan(value) else f"{value:.2f}"


def _finite(value):
    """JSON has neither NaN nor infinity."""
    if isinstance(value, Mapping):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def true_stems(track: Track, stems: Sequence[str]) -> list[np.ndarray]:
    """Returns a song's stems, each `(samples, channels)`; one that it lacks is the sum of the rest.

    Raises:
        InputError: if it lacks more.
    """
    known = {name: track.load_stem(name) for name in track.stems}
    rest = [signal for name, signal in known.items() if name not in stems]
    missing = [stem for stem in stems if stem not in known]
    if len(missing) > 1 or (missing and not rest):
        raise InputError(f"{track.name}: has no stem {missing[0]!r}, but {', '.join(track.stems)}")
    return [known[stem] if stem in known else sum(rest) for stem in stems]


def _frame_median(frames: np.ndarray) -> float:
    return _aggregate(np.median, list(frames))


def _score_track(separator, track: Track, metric: str) -> list[dict[str, Any]]:
    from zoo.inference import separate_array

    mixture = track.load_mixture()
    separated = separate_array(separator, mixture, track.sample_rate)
    stems = list(separated)
    truths = true_stems(track, stems)
    # A lossy mixture may be an encoder's padding longer or shorter than its stems.
    samples = min(len(signal) for signal in (mixture, *truths))
    mixture = mixture[:samples]
    references = np.stack([np.broadcast_to(t[:samples], mixture.shape) for t in truths])
    estimates = np.stack([separated[stem][:samples] for stem in stems])
    baseline = np.broadcast_to(mixture, estimates.shape)
    rows = [{"track": track.name, "stem": stem} for stem in stems]
    if metric == "sdr":
        for row, reference, estimate in zip(rows, references, estimates, strict=True):
            row["SDR"] = signal_to_distortion(reference, estimate)
            row["mixture"] = signal_to_distortion(reference, mixture)
    else:
        from training.bsseval import bsseval_v4

        scores = bsseval_v4(references, estimates, track.sample_rate)
        mixture_sdr = bsseval_v4(references, baseline, track.sample_rate)["SDR"]
        for place, row in enumerate(rows):
            row |= {name: _frame_median(frames[place]) for name, frames in scores.items()}
            row["mixture"] = _frame_median(mixture_sdr[place])
            row["frames"] = scores["SDR"][place].tolist()
    for row in rows:
        row["improvement"] = row["SDR"] - row["mixture"]
    return rows


def evaluate(separator, tracks: Sequence[Track], *, metric: str = "sdr") -> Evaluation:
    """Separates songs in memory and compares with their true stems.

    Everything is at the tracks' own rate and channels. A residual stem such as "accompaniment" is
    compared with the sum of the stems that the separator does not name.

    Args:
        separator: a `zoo.Separator`.
        tracks: songs with their stems.
        metric: `"sdr"`, signal-to-distortion ratio over the whole signal, or `"bsseval_v4"`,
            museval's SDR, ISR, SIR and SAR in frames of one second, median over frames.

    Returns:
        Scores by track and stem with the mixture's as a baseline, and aggregates over tracks.

    Raises:
        InputError: if a track lacks a stem, or museval is needed and missing.

    Example:
        >>> tracks = synthetic_songs(1, 2, duration=12.0)
        >>> scores = evaluate(Separator(JanssonUNet(filters=(4, 8))), tracks)
        >>> [row["stem"] for row in scores.rows]
        ['vocals', 'accompaniment', 'vocals', 'accompaniment']
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {METRICS}. Received: metric={metric!r}")
    if not tracks:
        raise InputError("there are no songs to evaluate on")
    rows = [
        row
        for track in progress(tracks, "Evaluating")
        for row in _score_track(separator, track, metric)
    ]
    names = ("SDR", "ISR", "SIR", "SAR") if metric == "bsseval_v4" else ("SDR",)
    return Evaluation(metric, rows, (*names, "mixture", "improvement"))


def evaluate_data(
    model: str | os.PathLike,
    data: str | os.PathLike,
    *,
    metric: str | None = None,
    label: str | None = None,
    held_out: str | None = None,
) -> "Evaluation | SoundEvaluation":
    """Evaluates a model given by name on songs or recordings given by name.

    Args:
        model: preset name, preset folder or `.keras` file, of a separator or a network of one, or
            of a sound generator or an autoencoder.
        data: stem folder, or `synthetic:SEED:COUNT`; for sounds a folder of recordings.
        metric: of a separator, as in `evaluate`; `"sdr"` by default.
        label: of sounds, as in `training.sound_evaluation.evaluate_sound_model`.
        held_out: of sounds, too.

    Raises:
        InputError: if one of them cannot be used.
    """
    from training.models import takes_features
    from zoo.presets import load_model
    from zoo.separator import Separator
    from zoo.sound_generator import SoundGenerator

    if metric not in (None, *METRICS):
        raise InputError(f"metric {metric!r} is none of {', '.join(METRICS)}")
    loaded = load_model(model)
    if isinstance(loaded, SoundGenerator) or takes_features(loaded):
        from training.sound_evaluation import evaluate_sound_model

        if metric is not None:
            raise InputError(f"{model}: makes sounds; the metric {metric} is for separators")
        generator = SoundGenerator.from_model(loaded)
        return evaluate_sound_model(model, generator, data, label=label, held_out=held_out)
    for name, value in (("label", label), ("held-out", held_out)):
        if value is not None:
            raise InputError(f"{model}: is a separator; {name} is for models that make sounds")
    separator = Separator.from_model(loaded)
    return evaluate(separator, named_tracks(data), metric=metric or METRICS[0])

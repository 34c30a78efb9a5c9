"""One song: the separator's stems, the mixture and ideal masks, by every metric."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from training.evaluation.bsseval import sixteen_bits
from training.evaluation.ceilings import ideal_estimates
from training.evaluation.metrics import METRICS, Metric
from training.tracks import Track
from zoo.errors import InputError
from zoo.stretches import SignalSeparator

if TYPE_CHECKING:
    from zoo.wiener_filter import WienerFilter

SEPARATOR, FLOOR = "separator", "mixture"
# What a separator's stems are before a Wiener filter.
UNFILTERED = "unfiltered"
# Metric -> estimate -> stem -> score -> values of the frames.
TrackScores = dict[str, dict[str, dict[str, dict[str, list[float]]]]]


def true_stems(track: Track, stems: Sequence[str]) -> list[np.ndarray]:
    """Returns a song's stems, each `(samples, channels)`; one that it lacks is the sum of the rest.

    Raises:
        InputError: if it lacks more.
    """
    return _chosen(track.name, {name: track.load_stem(name) for name in track.stems}, stems)


def _chosen(song: str, known: dict[str, np.ndarray], stems: Sequence[str]) -> list[np.ndarray]:
    rest = [signal for name, signal in known.items() if name not in stems]
    missing = [stem for stem in stems if stem not in known]
    if len(missing) > 1 or (missing and not rest):
        raise InputError(f"{song}: has no stem {missing[0]!r}, but {', '.join(known)}")
    return [known[stem] if stem in known else sum(rest) for stem in stems]


def score_track(
    separator: SignalSeparator,
    track: Track,
    metrics: Sequence[str],
    *,
    ceilings: bool = False,
    wiener: "WienerFilter | None" = None,
) -> dict[str, Any]:
    """Separates a song in memory and compares with its true stems.

    Everything is at the track's own rate and channels.

    Args:
        separator: the model.
        track: the song.
        metrics: names in `METRICS`.
        ceilings: whether ideal masks are scored, too.
        wiener: refines the separator's stems, whose scores without it are "unfiltered".

    Returns:
        `track`, its name; `subset`, "train" or "test", as museval sorts songs; and `scores`, a dict
        metric -> estimate ("separator", "mixture", "unfiltered" and the ceilings) -> stem ->
        score -> values in dB of the frames, NaN where undefined.

    Raises:
        InputError: if the track lacks a stem, or there is only one to be refined.

    Example:
        >>> (track,) = synthetic_songs(1, 1, duration=12.0)
        >>> result = score_track(Separator(JanssonUNet(filters=(4, 8))), track, ["sdr"])
        >>> list(result["scores"]["sdr"]), list(result["scores"]["sdr"]["mixture"])
        (['separator', 'mixture'], ['vocals', 'accompaniment'])
    """
    from zoo.inference import separate_array

    mixture = track.load_mixture()
    separated = {SEPARATOR: separate_array(separator, mixture, track.sample_rate, wiener=wiener)}
    if wiener is not None:
        separated[UNFILTERED] = separate_array(separator, mixture, track.sample_rate)
    stems = list(separator.stems)
    known = {name: track.load_stem(name) for name in track.stems}
    truths = _chosen(track.name, known, stems)
    # A lossy mixture may be an encoder's padding longer or shorter than its stems.
    samples = min(len(signal) for signal in (mixture, *truths))
    mixture = mixture[:samples]

    def stacked(signals: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([np.broadcast_to(signal[:samples], mixture.shape) for signal in signals])

    references = stacked(truths)
    estimates = {
        name: np.stack([signals[stem][:samples] for stem in stems])
        for name, signals in separated.items()
    }
    estimates[FLOOR] = stacked([mixture] * len(stems))
    if ceilings:
        estimates |= ideal_estimates(separator, mixture, references, track.sample_rate)

    def scored(metric: Metric, estimate: str) -> dict[str, dict[str, list[float]]]:
        truth, signals = references, estimates[estimate]
        if metric.museval:
            truth = rounded
            signals = sixteen_bits(signals) if estimate == FLOOR else signals
        values = metric.compute(truth, signals, track.sample_rate)
        return {
            stem: {name: frames[place].tolist() for name, frames in values.items()}
            for place, stem in enumerate(stems)
        }

    if any(METRICS[metric].museval for metric in metrics):
        known = {name: sixteen_bits(signal) for name, signal in known.items()}
        rounded = stacked(_chosen(track.name, known, stems))
    scores: TrackScores = {
        metric: {estimate: scored(METRICS[metric], estimate) for estimate in estimates}
        for metric in metrics
    }
    subset = "train" if track.split in ("train", "validation") else "test"
    return {"track": track.name, "subset": subset, "scores": scores}

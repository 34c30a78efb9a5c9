"""The metrics of separators, each with its unit and the way it is aggregated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.bsseval import (
    V3_SCORES,
    V4_SCORES,
    bsseval_v3_sources,
    bsseval_v4,
    museval_metrics,
)
from training.evaluation.ratios import scale_invariant_signal_to_distortion, signal_to_distortion
from zoo.errors import InputError

Signals = np.ndarray
UNIT = "dB"


@dataclass(frozen=True)
class Metric:
    """What is computed of a song's stems, and what it is called.

    Args:
        name: of the command line.
        scores: names of what it gives. The first is what floor and ceilings are compared by.
        aggregation: of one score of one track, in words.
        compute: references and estimates `(stems, samples, channels)` and the rate in Hz -> score
            -> `(stems, frames)` in dB, one frame for whole signals, NaN where undefined.
        framed: whether there are frames, whose median is a track's score.
        improvement: what the difference from the mixture's first score is called.
        plotted: which scores box plots show.
        museval: whether museval computes it.
    """

    name: str
    scores: tuple[str, ...]
    aggregation: str
    compute: Callable[[Signals, Signals, int], dict[str, np.ndarray]]
    framed: bool = False
    improvement: str = "improvement"
    plotted: tuple[str, ...] = ()
    museval: bool = False


def _of_each_stem(name: str, ratio: Callable[[Signals, Signals], float]):
    def compute(references: Signals, estimates: Signals, sample_rate: int) -> dict:
        pairs = zip(references, estimates, strict=True)
        return {name: np.array([[ratio(reference, estimate)] for reference, estimate in pairs])}

    return compute


METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            "sdr",
            ("SDR",),
            "whole signal, all channels",
            _of_each_stem("SDR", signal_to_distortion),
            plotted=("SDR",),
        ),
        Metric(
            "si_sdr",
            ("SI-SDR",),
            "whole signal, all channels, any scale",
            _of_each_stem("SI-SDR", scale_invariant_signal_to_distortion),
            plotted=("SI-SDR",),
        ),
        Metric(
            "nsdr",
            V3_SCORES,
            "BSSEval v3 of sources, whole signal, mean of the channels",
            bsseval_v3_sources,
            improvement="NSDR",
            plotted=("NSDR", "SIR", "SAR"),
            museval=True,
        ),
        Metric(
            "bsseval_v4",
            V4_SCORES,
            "museval, frames of 1 s, median over a track's frames",
            bsseval_v4,
            framed=True,
            plotted=V4_SCORES,
            museval=True,
        ),
    )
}
AGGREGATION = {name: metric.aggregation for name, metric in METRICS.items()}


def chosen_metrics(names: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns those metrics that can be computed here, and a line on those that cannot.

    Args:
        names: of `METRICS`; "all" stands for all of them.

    Raises:
        InputError: if there is no such metric, or none of them can be computed.
    """
    wanted = []
    for name in names:
        if name != "all" and name not in METRICS:
            raise InputError(f"metric {name!r} is none of {', '.join(METRICS)}, all")
        wanted += METRICS if name == "all" else [name]
    wanted = tuple(dict.fromkeys(wanted))
    by_museval = [name for name in wanted if METRICS[name].museval]
    try:
        if by_museval:
            museval_metrics()
    except InputError as error:
        reason = f"metric {', '.join(by_museval)}: {error}"
        left = tuple(name for name in wanted if name not in by_museval)
        if not left:
            raise InputError(reason) from error
        return left, (f"{reason}; only {', '.join(left)} computed",)
    return wanted, ()

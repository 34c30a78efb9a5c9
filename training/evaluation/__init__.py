"""Scores of separators on songs whose stems are known, with every aggregation named."""

from training.evaluation.ceilings import CEILINGS, ideal_estimates, ideal_masks
from training.evaluation.folder import Evaluations
from training.evaluation.metrics import AGGREGATION, METRICS, UNIT, Metric
from training.evaluation.ratios import (
    scale_invariant_signal_to_distortion,
    signal_to_distortion,
)
from training.evaluation.report import Evaluation
from training.evaluation.running import evaluate, evaluate_data
from training.evaluation.scoring import score_track, true_stems
from training.evaluation.task import EvaluateTask

__all__ = [
    "AGGREGATION",
    "CEILINGS",
    "METRICS",
    "UNIT",
    "EvaluateTask",
    "Evaluation",
    "Evaluations",
    "Metric",
    "evaluate",
    "evaluate_data",
    "ideal_estimates",
    "ideal_masks",
    "scale_invariant_signal_to_distortion",
    "score_track",
    "signal_to_distortion",
    "true_stems",
]

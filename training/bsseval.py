"""BSSEval v4 as museval computes it."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

from zoo.errors import InputError

METRICS = ("SDR", "ISR", "SIR", "SAR")


def _museval_metrics() -> ModuleType:
    """museval's module of metrics by itself: the package's import wants ffmpeg on the PATH."""
    name = "museval.metrics"
    if name in sys.modules:
        return sys.modules[name]
    package = importlib.util.find_spec("museval")
    if package is None or package.origin is None:
        raise InputError("bsseval_v4 needs museval: pip install 'stemzoo[eval]'")
    path = Path(package.origin).with_name("metrics.py")
    spec = importlib.util.spec_from_file_location("stemzoo_museval_metrics", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def bsseval_v4(
    references: np.ndarray, estimates: np.ndarray, sample_rate: int
) -> dict[str, np.ndarray]:
    """Scores of each stem in frames of one second without overlap, as in SiSEC 2018.

    Source: Stoeter, Liutkus, Ito, "The 2018 Signal Separation Evaluation Campaign", LVA/ICA 2018.

    Args:
        references: `(stems, samples, channels)` in [-1, 1]; like the estimates they are rounded
            to 16 bits.
        estimates: of the same shape.
        sample_rate: in Hz.

    Returns:
        Metric -> `(stems, frames)` in dB, NaN where a reference or an estimate is silent.

    Raises:
        InputError: if museval is not installed.
    """
    # The filters solve a system that is singular for band-limited signals, decoded MP3 for one,
    # unless there is the noise of the 16-bit files that the metric was made on. SDR needs no
    # filters and does not change.
    references, estimates = (
        np.round(np.asarray(x, "float64") * 32768) / 32768 for x in (references, estimates)
    )
    # museval refuses signals that are silent from end to end: their scores are undefined.
    sounding = references.any(axis=(1, 2)) & estimates.any(axis=(1, 2))
    frames = max(1, references.shape[1] // sample_rate)
    scores = {name: np.full((len(references), frames), np.nan) for name in METRICS}
    if sounding.any():
        values = _museval_metrics().bss_eval(
            references[sounding],
            estimates[sounding],
            window=sample_rate,
            hop=sample_rate,
            compute_permutation=False,
            framewise_filters=False,
            bsseval_sources_version=False,
        )
        for name, value in zip(METRICS, values[:4], strict=True):
            scores[name][sounding] = value
    return scores

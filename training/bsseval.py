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
        references: `(stems, samples, channels)`.
        estimates: of the same shape.
        sample_rate: in Hz.

    Returns:
        Metric -> `(stems, frames)` in dB, NaN where a frame of a reference or estimate is silent.

    Raises:
        InputError: if museval is not installed.
    """
    values = _museval_metrics().bss_eval(
        references,
        estimates,
        window=sample_rate,
        hop=sample_rate,
        compute_permutation=False,
        framewise_filters=False,
        bsseval_sources_version=False,
    )
    return dict(zip(METRICS, values[:4], strict=True))

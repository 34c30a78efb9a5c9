"""BSSEval as museval computes it."""

import importlib.util
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np

from zoo.errors import InputError

V4_SCORES = ("SDR", "ISR", "SIR", "SAR")
V3_SCORES = ("SDR", "SIR", "SAR")


def museval_metrics() -> ModuleType:
    """Returns museval's module of metrics by itself.

    The package's own import wants ffmpeg and ffprobe on the PATH, for stem files that are read
    without them here.

    Raises:
        InputError: if museval is not installed.
    """
    package = importlib.util.find_spec("museval")
    if package is None or package.origin is None:
        raise InputError("needs museval: pip install 'stemzoo[eval]'")
    return _loaded(Path(package.origin).with_name("metrics.py"))


@lru_cache(maxsize=1)
def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("stemzoo_museval_metrics", path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (ImportError, OSError) as error:
        raise InputError(
            f"needs museval, which cannot be used: {error}; pip install 'stemzoo[eval]'"
        ) from error
    return module


def _sounding(signals: np.ndarray) -> np.ndarray:
    """Which of `(stems, samples, channels)` museval takes: those whose channels add up to sound."""
    return (signals.sum(axis=2) != 0).any(axis=1)


def sixteen_bits(signal: np.ndarray) -> np.ndarray:
    """Returns a signal as a file of 16 bits would hold it, float64: rounded, cut at full scale.

    musdb, by which museval reads, decodes stem files so. The metrics' filters solve a system that
    is singular for band-limited references, decoded AAC or MP3 for one, but for the noise of 16
    bits: SIR and SAR depend on it by decibels. It has to be each stem's own, before any are added.
    SDR of version 4 needs no filters and does not change.

    Example:
        >>> sixteen_bits(np.array([0.1, 2.0])).tolist()
        [0.100006103515625, 0.999969482421875]
    """
    return np.clip(_rounded(signal), -1, 32767 / 32768)


def _rounded(signal: np.ndarray) -> np.ndarray:
    return np.round(np.asarray(signal, "float64") * 32768) / 32768


def _scores(references, estimates, frames: int, names, **options) -> dict[str, np.ndarray]:
    """museval's scores `(stems, frames)`, NaN for a stem whose reference or estimate is silent."""
    scores = {name: np.full((len(references), frames), np.nan) for name in names}
    known, heard = _sounding(references), _sounding(estimates)
    # museval refuses what is silent from end to end. A silent reference explains nothing of the
    # other stems and is left out; a silent estimate is not, since its reference does.
    estimates = np.where(heard[:, None, None], estimates, references)[known]
    if (known & heard).any():
        values = museval_metrics().bss_eval(
            references[known], estimates, compute_permutation=False, **options
        )
        values = dict(zip(V4_SCORES, values[:4], strict=True))
        for name in names:
            scores[name][known] = values[name]
            scores[name][~heard] = np.nan
    return scores


def bsseval_v4(
    references: np.ndarray, estimates: np.ndarray, sample_rate: int
) -> dict[str, np.ndarray]:
    """Scores of each stem in frames of one second without overlap, as in SiSEC 2018.

    Source: Stoeter, Liutkus, Ito, "The 2018 Signal Separation Evaluation Campaign", LVA/ICA 2018.

    Args:
        references: `(stems, samples, channels)` in [-1, 1], sums of what `sixteen_bits` gives;
            like the estimates they are rounded to 16 bits, as files are, so that what is quieter is
            silent.
        estimates: of the same shape.
        sample_rate: in Hz.

    Returns:
        Metric -> `(stems, frames)` in dB. NaN for a stem whose reference or estimate is silent from
        end to end, and, for all stems, in frames where one of the other references or estimates is.

    Raises:
        InputError: if museval is not installed.
    """
    return _scores(
        _rounded(references),
        _rounded(estimates),
        max(1, references.shape[1] // sample_rate),
        V4_SCORES,
        window=sample_rate,
        hop=sample_rate,
        framewise_filters=False,
        bsseval_sources_version=False,
    )


def bsseval_v3_sources(
    references: np.ndarray, estimates: np.ndarray, sample_rate: int | None = None
) -> dict[str, np.ndarray]:
    """Scores of each stem over the whole song, any filter of 512 taps of the reference allowed.

    Source: Vincent, Gribonval, Fevotte, "Performance Measurement in Blind Audio Source Separation",
    IEEE Transactions on Audio, Speech and Language Processing 14(4), 2006; `bss_eval_sources` of
    BSSEval 3 and mir_eval, by which MIREX and Jansson et al. 2017 report.

    Args:
        references: as in `bsseval_v4`; the mean of their channels is taken, since the metric knows
            mono only.
        estimates: of the same shape.
        sample_rate: not used: the filters are as long at any rate.

    Returns:
        Metric -> `(stems, 1)` in dB, NaN where a reference or an estimate is silent.

    Raises:
        InputError: if museval is not installed.
    """
    references, estimates = (
        np.mean(_rounded(x), axis=2, keepdims=True) for x in (references, estimates)
    )
    return _scores(
        references,
        estimates,
        1,
        V3_SCORES,
        window=np.inf,
        hop=np.inf,
        framewise_filters=True,
        bsseval_sources_version=True,
    )

"""Pictures of a pair check: the search's losses, and what was heard and found."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from training.evaluation.ceilings import CEILINGS
from training.pair_check.masking import TERMS
from training.pair_check.preparation import SAMPLE_RATE
from training.pair_check.report import EXTRACTED, MIXTURE
from zoo.files import atomic_path
from zoo.pictures import display_front_end, spectrogram_picture

# More would be too narrow to see.
_SECONDS = 30


def loss_curves(path: Path, losses: np.ndarray) -> None:
    """Draws what the search makes small over its steps, and its parts.

    Args:
        path: PNG file to write.
        losses: `(steps, 7)`, in the order of `TERMS`.

    Example:
        >>> loss_curves(Path("loss.png"), np.geomspace(1, 0.01, 20)[:, None] * np.ones(7))
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    steps = np.arange(1, len(losses) + 1)
    axes.plot(steps, losses.sum(axis=1), color="black", linewidth=2, label="sum")
    for term, values in zip(TERMS, losses.T, strict=True):
        axes.plot(steps, values, linewidth=1, label=term)
    axes.set_yscale("log")
    axes.set(xlabel="step", ylabel="distance")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend(ncols=2)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100)


def spectrograms(
    path: Path, sdr: Mapping[str, float], target: np.ndarray, estimates: Mapping[str, np.ndarray]
) -> None:
    """Draws mixture, stem, what was extracted, and what the ideal ratio mask makes of it.

    Of more than 30 s those are drawn in which the stem is loudest.

    Args:
        path: PNG file to write.
        sdr: of the estimates, in dB.
        target: the stem, `(samples,)` at 22,050 Hz.
        estimates: name -> waveform of that length.
    """
    length = _SECONDS * SAMPLE_RATE
    title = ""
    if len(target) > length:
        starts = np.arange(0, len(target) - length, SAMPLE_RATE)
        sums = np.concatenate(([0.0], np.cumsum(np.square(target, dtype="float64"))))
        start = int(starts[np.argmax(sums[starts + length] - sums[starts])])
        title = f"{start / SAMPLE_RATE:.0f} s to {start / SAMPLE_RATE + _SECONDS:.0f} s"
    else:
        start = 0
    names = {MIXTURE: "mixture", "IRM1": CEILINGS["IRM1"], EXTRACTED: "extracted"}
    signals = {f"{title}, SDR {sdr[name]:.1f} dB": estimates[name] for name, title in names.items()}
    first, ideal, extracted = signals.items()
    shown = dict((first, ("stem", target), extracted, ideal))
    spectrogram_picture(
        path,
        {name: signal[start : start + length] for name, signal in shown.items()},
        display_front_end(SAMPLE_RATE),
        title=title,
        dots_per_inch=90,
    )

"""A track to listen to and to look at: a WAV file for each stem, and one picture."""

import os
from pathlib import Path

import numpy as np
import soundfile
from matplotlib.figure import Figure
from scipy import fft

from training.tracks import Track
from zoo.files import atomic_path

_PICTURE = "spectrograms.png"
_LOWEST = 30.0
_RANGE_DB = 80.0
# A silent stem is drawn dark, not as loud as its own silence.
_QUIETEST_TOP_DB = -40


def preview(track: Track, folder: str | os.PathLike) -> list[Path]:
    """Writes `<stem>.wav` for each stem, `mixture.wav` and `spectrograms.png` into a folder.

    The WAV files hold float32 samples, so that the stems in them sum to the mixture.

    Args:
        track: any track; its stems are loaded one after another.
        folder: where to write; made if it is missing.

    Returns:
        The files written, the picture last.

    Example:
        >>> from training.synthetic import synthetic_songs
        >>> files = preview(synthetic_songs(seed=1)[0], "preview")  # doctest: +SKIP
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = [*track.stems, "mixture"]
    # Canvas-free: `Figure` needs no display and keeps no global state.
    figure = Figure(figsize=(14, 2.2 * len(names)), layout="constrained")
    mixture = 0
    files = []
    for name, axes in zip(names, figure.subplots(len(names), sharex=True), strict=True):
        is_stem = name != "mixture"
        if is_stem:
            samples = track.load_stem(name)
            mixture = mixture + samples
        else:
            samples = mixture if track.mixture is None else track.load_mixture()
        files.append(folder / f"{name}.wav")
        with atomic_path(files[-1]) as temporary:
            soundfile.write(temporary, samples, track.sample_rate, subtype="FLOAT")
        _draw(axes, samples.mean(axis=1), track.sample_rate, name)
    axes.set_xlabel("seconds")
    files.append(folder / _PICTURE)
    with atomic_path(files[-1]) as temporary:
        figure.savefig(temporary, dpi=80)
    return files


def _draw(axes, samples: np.ndarray, sample_rate: int, title: str) -> None:
    decibels, hertz = log_spectrogram(samples, sample_rate)
    top = max(decibels.max(), _QUIETEST_TOP_DB)
    show_spectrogram(axes, decibels, len(samples) / sample_rate, top=top, range_db=_RANGE_DB)
    marks = [mark for mark in (50, 200, 800, 3200, 12800) if mark < hertz[-1]]
    axes.set_yticks(np.searchsorted(hertz, marks), [f"{mark} Hz" for mark in marks])
    axes.set_title(title, fontsize="medium", loc="left")


def show_spectrogram(
    axes, decibels: np.ndarray, seconds: float, *, top: float, range_db: float
) -> None:
    """Draws a spectrogram; the vertical axis counts its rows.

    Args:
        axes: of Matplotlib.
        decibels: `(rows, columns)` as `log_spectrogram` returns them.
        seconds: length of the sound.
        top: level in dB of the brightest colour.
        range_db: from there to black.
    """
    axes.imshow(
        decibels,
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=top - range_db,
        vmax=top,
        extent=(0, seconds, 0, len(decibels)),
        interpolation="nearest",
    )


def log_spectrogram(
    samples: np.ndarray, sample_rate: int, *, rows: int = 160, columns: int = 1200
) -> tuple[np.ndarray, np.ndarray]:
    """Returns a spectrogram in dB with a logarithmic frequency axis, and its frequencies in Hz.

    Args:
        samples: `(samples,)`.
        sample_rate: in Hz.
        rows: number of frequencies, from 30 Hz to half the sample rate.
        columns: number of moments, evenly spread.

    Returns:
        `(rows, columns)` and `(rows,)`.
    """
    length = 2 ** round(np.log2(sample_rate / 12))
    window = np.hanning(length).astype(np.float32)
    padded = np.pad(samples.astype(np.float32), length // 2)
    starts = np.linspace(0, len(samples), columns).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(padded, length)
    magnitude = np.abs(fft.rfft(frames[np.minimum(starts, len(frames) - 1)] * window))
    hertz = np.geomspace(_LOWEST, sample_rate / 2, rows)
    place = np.minimum(hertz * length / sample_rate, length // 2 - 1e-3)
    low = place.astype(int)
    weight = place - low
    rows_of = magnitude[:, low] * (1 - weight) + magnitude[:, low + 1] * weight
    return 20 * np.log10(rows_of.T + 1e-7), hertz

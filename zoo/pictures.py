"""Pictures of what a separator heard and made of it."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zoo.files import atomic_path
from zoo.front_end import FrontEnd
from zoo.inference import separate_array
from zoo.separator import Separator


def display_front_end(sample_rate: int) -> FrontEnd:
    """Returns a front end to look at any signal with: all bins, frames of about a tenth second."""
    frame_length = 1024 if sample_rate < 16000 else 2048
    return FrontEnd(
        sample_rate=sample_rate,
        frame_length=frame_length,
        frame_step=frame_length // 4,
        bins=frame_length // 2 + 1,
        first_bin=0,
    )


def spectrogram_decibels(waveform: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Magnitude in dB below a full-scale sine, `(bins, frames)`."""
    real, imaginary = front_end.stft(waveform[None].astype("float32"))
    magnitude = np.asarray(front_end.magnitude(real, imaginary))[0].T
    return 20 * np.log10(np.maximum(magnitude / (front_end.frame_length / 4), 1e-6))


def spectrogram_picture(
    path: str | os.PathLike,
    signals: Mapping[str, np.ndarray],
    front_end: FrontEnd,
    *,
    masks: Mapping[str, np.ndarray] | None = None,
    title: str = "",
    dots_per_inch: int = 110,
) -> Path:
    """Draws spectrograms, and masks below them, one above the other on a common time axis.

    Args:
        path: PNG file to write.
        signals: name -> waveform `(samples,)` at the front end's sample rate.
        front_end: whose bins are shown.
        masks: name -> `(frames, bins)` in [0, 1].
        title: above the picture.
        dots_per_inch: resolution; the picture is 11 inches wide.

    Returns:
        The path.
    """
    masks = masks or {}
    rows = len(signals) + len(masks)
    figure = Figure(figsize=(11, 2.1 * rows + 0.6), layout="constrained")
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False)[:, 0]
    hertz = front_end.sample_rate / front_end.frame_length
    low, high = front_end.first_bin * hertz, (front_end.first_bin + front_end.bins) * hertz
    spectrograms = {
        name: spectrogram_decibels(signal, front_end) for name, signal in signals.items()
    }
    loudest = max(values.max() for values in spectrograms.values())
    panels = [
        (name, values, "magma", loudest - 70, loudest, "dB")
        for name, values in spectrograms.items()
    ]
    panels += [(f"mask: {name}", mask.T, "viridis", 0, 1, "") for name, mask in masks.items()]
    for axis, (name, values, colours, floor, ceiling, unit) in zip(axes, panels, strict=True):
        end = values.shape[1] * front_end.frame_step / front_end.sample_rate
        image = axis.imshow(
            values,
            origin="lower",
            aspect="auto",
            extent=(0, end, low, high),
            cmap=colours,
            vmin=floor,
            vmax=ceiling,
            interpolation="nearest",
        )
        axis.set_ylabel("Hz")
        axis.set_title(name, loc="left", fontsize=10)
        figure.colorbar(image, ax=axis, label=unit, pad=0.01)
    axes[-1].set_xlabel("seconds")
    figure.suptitle(title)
    path = Path(path)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dots_per_inch)
    return path


def separation_picture(
    path: str | os.PathLike, separator: Separator, waveform: np.ndarray, **options
) -> Path:
    """Draws a mixture, what a separator makes of it, and its masks if it has any.

    Args:
        path: PNG file to write.
        separator: the model.
        waveform: `(samples, channels)` at its sample rate.
        options: `title` and `dots_per_inch`, as in `spectrogram_picture`.

    Returns:
        The path.
    """
    signals = {"mixture": waveform, **separate_array(separator, waveform, separator.sample_rate)}
    masks = separator.masks(waveform[None]) if separator.front_end else {}
    return spectrogram_picture(
        path,
        {name: signal.mean(axis=1) for name, signal in signals.items()},
        separator.front_end or display_front_end(separator.sample_rate),
        masks={stem: _of_all_channels(np.asarray(mask)[0]) for stem, mask in masks.items()},
        **options,
    )


def _of_all_channels(mask: np.ndarray) -> np.ndarray:
    """`(frames, bins)` of a mask, the mean of its channels where it has any."""
    return mask.mean(axis=2) if mask.ndim == 3 else mask

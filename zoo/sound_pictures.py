"""Pictures of many short sounds."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from zoo.files import atomic_path
from zoo.front_end import FrontEnd
from zoo.pictures import spectrogram_decibels

# More would be too small to see.
_MOST = 60


def sounds_picture(
    path: str | os.PathLike,
    sounds: Sequence[tuple[str, np.ndarray]],
    front_end: FrontEnd,
    *,
    title: str = "",
    columns: int = 5,
    dots_per_inch: int = 110,
) -> Path:
    """Draws spectrograms side by side, in rows, with common axes and colours.

    Args:
        path: PNG file to write.
        sounds: pairs of a name and a waveform `(samples,)` at the front end's sample rate, all of
            one length; of more than 60 the first are drawn.
        front_end: whose bins are shown.
        title: above the picture.
        columns: sounds in a row.
        dots_per_inch: resolution; a sound is 2.2 inches wide.

    Returns:
        The path.
    """
    sounds = list(sounds)[:_MOST]
    columns = min(columns, len(sounds))
    rows = math.ceil(len(sounds) / columns)
    figure = Figure(figsize=(2.2 * columns + 0.8, 1.8 * rows + 0.8), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    kilohertz = front_end.sample_rate / front_end.frame_length / 1000
    low, high = front_end.first_bin, front_end.first_bin + front_end.bins
    panels = [spectrogram_decibels(waveform, front_end) for _, waveform in sounds]
    loudest = max(panel.max() for panel in panels)
    for axis in axes.flat[len(sounds) :]:
        axis.set_axis_off()
    for axis, (name, _), panel in zip(axes.flat, sounds, panels, strict=False):
        image = axis.imshow(
            panel,
            origin="lower",
            aspect="auto",
            extent=(
                0,
                panel.shape[1] * front_end.frame_step / front_end.sample_rate,
                low * kilohertz,
                high * kilohertz,
            ),
            cmap="magma",
            vmin=loudest - 70,
            vmax=loudest,
            interpolation="nearest",
        )
        axis.set_title(name, fontsize=9)
    for axis in axes[:, 0]:
        axis.set_ylabel("kHz")
    for axis in axes[-1]:
        axis.set_xlabel("seconds")
    figure.colorbar(image, ax=axes, label="dB", pad=0.01)
    figure.suptitle(title)
    path = Path(path)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=dots_per_inch)
    return path

"""Sounds and pictures of a page to listen to, as small files."""

import io
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from training.evaluation import signal_to_distortion
from training.listen_page import Shown, ShownStem, page
from zoo.errors import InputError
from zoo.files import atomic_path, created_folder

if TYPE_CHECKING:
    from training.listen import Example

PAGE, SOUNDS = "index.html", "sounds"
MEGABYTES = 3.0
# MP3 plays in every browser, and libsndfile writes the same bytes each time, which it does not for
# Ogg. With average bit rates decoders know where the encoder's padding ends.
# Sample rates in Hz and libsndfile's levels of compression, from the best quality on.
_QUALITIES = ((32000, 0.8), (32000, 0.9), (24000, 0.75), (24000, 0.85))
_LOUDEST = 0.9
_RANGE_DB = 70.0


def write_page(
    output: str | os.PathLike,
    examples: Sequence["Example"],
    scores: dict[str, dict[str, float]],
    *,
    licences: dict[str, str],
    material_licence: str | None,
    command: str,
) -> None:
    """Writes the page and its files: in the best quality that keeps them within 3 MB.

    Args:
        output: folder, created if missing.
        examples: in the order of the page.
        scores: preset -> song -> score of all of them.
        licences: preset -> that of its weights.
        material_licence: of recordings that songs are made with; `None` for none.
        command: that makes the page.

    Raises:
        InputError: if it would be larger still, or the folder cannot be written.
    """
    signals: dict[str, tuple[np.ndarray, int]] = {}
    pictures: dict[str, bytes] = {}
    shown = [_shown(example, signals, pictures) for example in examples]
    for rate, level in _QUALITIES:
        sounds = {name: _mp3(*signal, rate, level) for name, signal in signals.items()}
        files = pictures | sounds
        megabytes = sum(map(len, files.values())) / 1e6
        if megabytes <= MEGABYTES:
            break
    else:
        raise InputError(
            f"--preset, --seconds: the page would take {megabytes:.1f} MB, more than "
            f"{MEGABYTES:g}; name fewer"
        )
    text = page(
        shown,
        scores,
        licences=licences,
        material_licence=material_licence,
        command=command,
        sample_rate=rate,
    )
    output = Path(output)
    with created_folder(output):
        # What an earlier page had, and this one has not, goes.
        with atomic_path(output / SOUNDS) as folder:
            folder.mkdir()
            for name, data in files.items():
                (folder / name).write_bytes(data)
        with atomic_path(output / PAGE) as temporary:
            temporary.write_text(text, "utf-8")


def _shown(example: "Example", signals: dict, pictures: dict) -> Shown:
    """What the page tells of an example, whose signals and picture are added to the files."""
    mixture, truths, estimates = example.signals()
    song, rate = example.track.name, example.track.sample_rate
    # One gain for all signals of a song, so that they are as loud as in the mixture.
    gain = _LOUDEST / max(np.abs(signal).max() for signal in (mixture, *truths.values()))

    def added(name: str, signal: np.ndarray) -> str:
        signals.setdefault(f"{name}.mp3", (gain * signal, rate))
        return f"{SOUNDS}/{name}.mp3"

    stems = []
    for stem, true in truths.items():
        truth = stem
        if stem == example.rest:
            # Another sum for presets of other stems.
            truth = "-".join(("all-but", *(s for s in example.stems if s != stem)))
        stems.append(
            ShownStem(
                name=stem,
                truth=added(f"{song}-{truth}", true),
                estimate=added(f"{song}-{stem}-by-{example.preset}", estimates[stem]),
                ratio=signal_to_distortion(true, estimates[stem]),
                floor=signal_to_distortion(true, mixture),
            )
        )
    picture = f"{song}-by-{example.preset}.jpg"
    pictures[picture] = _picture(mixture, truths, estimates, rate)
    return Shown(
        preset=example.preset,
        rank=example.rank,
        song=song,
        seconds=len(mixture) / rate,
        mixture=added(f"{song}-mixture", mixture),
        picture=f"{SOUNDS}/{picture}",
        stems=tuple(stems),
    )


def _mp3(signal: np.ndarray, sample_rate: int, rate: int, level: float) -> bytes:
    """A signal of one rate as a file of another."""
    import soxr

    low = soxr.resample(signal.astype("float32"), sample_rate, rate)
    data = io.BytesIO()
    soundfile.write(
        data,
        np.clip(low, -1, 1),
        rate,
        format="MP3",
        bitrate_mode="AVERAGE",
        compression_level=level,
    )
    return data.getvalue()


def _picture(mixture: np.ndarray, truths: dict, estimates: dict, sample_rate: int) -> bytes:
    """Spectrograms: the mixture, below it true stems at the left and estimates at the right."""
    from matplotlib.figure import Figure

    from training.synthetic.preview import log_spectrogram, show_spectrogram

    rows = [("mixture", mixture), *truths.items()]
    figure = Figure(figsize=(7.5, 1.2 * len(rows) + 0.3), layout="constrained", facecolor="#15141b")
    axes = figure.subplots(len(rows), 2, sharex=True, sharey=True)
    axes[0, 1].set_visible(False)
    panels = [(axis, name, signal) for axis, (name, signal) in zip(axes[:, 0], rows, strict=True)]
    panels += [
        (axis, f"{stem}, separated", estimates[stem])
        for axis, stem in zip(axes[1:, 1], truths, strict=True)
    ]
    top = None
    for axis, name, signal in panels:
        decibels, hertz = log_spectrogram(signal.mean(axis=1), sample_rate, rows=120, columns=400)
        # All on the mixture's scale: what leaks is as bright as it is loud.
        top = decibels.max() if top is None else top
        show_spectrogram(axis, decibels, len(signal) / sample_rate, top=top, range_db=_RANGE_DB)
        marks = [mark for mark in (100, 1000, 10000) if mark < hertz[-1]]
        axis.set_yticks(np.searchsorted(hertz, marks), [f"{mark} Hz" for mark in marks])
        axis.set_title(name, loc="left", fontsize=9, color="white", pad=2)
        axis.tick_params(colors="white", labelsize=7)
    for axis in axes[-1]:
        axis.set_xlabel("seconds", color="white", fontsize=8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.jpg"
        figure.savefig(path, dpi=95, pil_kwargs={"quality": 60, "optimize": True})
        return path.read_bytes()

"""A pair of files becomes two signals that can be compared: mono, 22,050 Hz, of one length."""

import os
from typing import NamedTuple

import numpy as np

from training.alignment import REACH
from training.data_check.measures import SILENCE
from zoo.audio import read_audio
from zoo.errors import InputError
from zoo.front_end import FrontEnd

SAMPLE_RATE = 22050
# A window is 46.4 ms, and a frame of the spectrogram two of them.
WINDOW = 1024
FRONT_END = FrontEnd(
    sample_rate=SAMPLE_RATE,
    frame_length=2 * WINDOW,
    frame_step=WINDOW,
    bins=WINDOW,
    first_bin=0,
    frames=100,
    normalization="none",
)
# About a second: less says nothing of whether two signals belong together.
FEWEST_WINDOWS = 22
# Far more than any file has, and little enough to count samples.
_LONGEST = 1e9


class Pair(NamedTuple):
    """A mixture and a stem.

    Attributes:
        mixture: float32 `(samples,)` at 22,050 Hz.
        stem: of the same length.
        samples: how many of them are to be used; what follows helps to align them.
        difference: by how many seconds the stem's file is longer than the mixture's, where both
            were read to their ends.
    """

    mixture: np.ndarray
    stem: np.ndarray
    samples: int
    difference: float


def check_part(*, windows: int | None, start: float) -> None:
    """Refuses what is no part of a file, with an `InputError`.

    Example:
        >>> check_part(windows=100, start=2.5)
    """
    if windows is not None and not FEWEST_WINDOWS <= windows <= _LONGEST:
        allowed = f"from {FEWEST_WINDOWS} to {_LONGEST:g}"
        raise InputError(f"windows must be {allowed}. Received: windows={windows}")
    if not 0 <= start <= _LONGEST:
        raise InputError(f"start must be from 0 to {_LONGEST:g} seconds. Received: start={start}")


def read_pair(
    mixture: str | os.PathLike,
    stem: str | os.PathLike,
    *,
    windows: int | None = None,
    start: float = 0.0,
) -> Pair:
    """Reads two files of any format, rate and channels.

    Args:
        mixture: the file of the mixture.
        stem: the file of the stem.
        windows: how many windows of 1024 samples to use at most: 100 are 4.6 s.
        start: seconds of both files to leave out.

    Raises:
        InputError: a file cannot be read, is silent, or too short.
    """
    margin = 0 if windows is None else REACH
    duration = None if windows is None else (windows * WINDOW + margin) / SAMPLE_RATE
    signals = []
    for path in (mixture, stem):
        samples, _ = read_audio(
            path, sample_rate=SAMPLE_RATE, mono=True, start=start, duration=duration
        )
        if len(samples) < FEWEST_WINDOWS * WINDOW:
            where = f" after {start:g} s" if start else ""
            raise InputError(
                f"{path}: has {len(samples) / SAMPLE_RATE:.2f} s{where}; at least "
                f"{FEWEST_WINDOWS * WINDOW / SAMPLE_RATE:.2f} s are needed"
            )
        signals.append(samples[:, 0])
    lengths = [len(signal) for signal in signals]
    shorter = min(lengths)
    used = shorter if windows is None else min(shorter, windows * WINDOW)
    for path, signal in zip((mixture, stem), signals, strict=True):
        if np.abs(signal[:used]).max() < SILENCE:
            where = "" if used == len(signal) else f" from {start:g} s on for {_seconds(used)}"
            channels, _ = read_audio(path, start=start, duration=used / SAMPLE_RATE)
            if np.abs(channels).max(initial=0.0) >= SILENCE:
                raise InputError(
                    f"{path}: its channels cancel{where}: their mean is silent; invert one of them"
                )
            raise InputError(f"{path}: is silent{where}: no sample is above -80 dB")
    first, second = (signal[:shorter] for signal in signals)
    return Pair(first, second, used, (lengths[1] - lengths[0]) / SAMPLE_RATE)


def _seconds(samples: int) -> str:
    return f"{samples / SAMPLE_RATE:.1f} s"

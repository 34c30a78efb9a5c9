"""Tracks -> what a pipeline keeps of them: int16 rows at its own rate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.tracks import Track
from zoo.errors import InputError

MIXTURE = "mixture"
# A lossy mixture beside lossless stems may differ by an encoder's padding, in seconds.
MIXTURE_TOLERANCE = 0.1


@dataclass(frozen=True)
class Song:
    """One song as the bank keeps it: int16 rows, each with its own scale.

    Args:
        name: the track's.
        samples: length of every row.
        scales: per row, what an int16 step is worth in all its channels.
        levels: per row, root mean square of its active parts (see `active_level`).
        channels: of every row.
    """

    name: str
    samples: int
    scales: tuple[float, ...]
    levels: tuple[float, ...]
    channels: int = 1

    @property
    def size(self) -> int:
        """Numbers that the song has in the bank, in all rows and channels."""
        return self.samples * self.channels * len(self.scales)


def active_level(waveform: np.ndarray, frame_length: int = 1024) -> float:
    """Root mean square of the frames that are at most 40 dB below the loudest: rests don't count.

    Args:
        waveform: `(samples,)` or `(samples, channels)`.
        frame_length: in samples.
    """
    frames = len(waveform) // frame_length
    if not frames:
        return float(np.sqrt(np.mean(np.square(waveform))))
    energy = np.mean(np.square(waveform[: frames * frame_length].reshape(frames, -1)), axis=1)
    active = energy[energy > energy.max() * 1e-4]
    return float(np.sqrt(active.mean())) if active.size else 0.0


def _load_row(track: Track, row: str, sample_rate: int, channels: int) -> np.ndarray:
    waveform = track.load_mixture() if row == MIXTURE else track.load_stem(row)
    same = waveform.shape[1] == channels
    waveform = waveform if same else waveform.mean(axis=1, keepdims=True)
    if track.sample_rate != sample_rate:
        import soxr

        waveform = soxr.resample(waveform, track.sample_rate, sample_rate)
    waveform = waveform if same else np.repeat(waveform, channels, axis=1)
    return np.ascontiguousarray(waveform, dtype="float32")


def load_rows(
    track: Track, rows: Sequence[str], *, sample_rate: int, channels: int = 1
) -> dict[str, np.ndarray]:
    """Decodes one track, mixes it to so many channels and resamples it.

    Returns:
        Row -> float32 `(samples, channels)`; a mixture may be a little longer or shorter.

    Raises:
        InputError: if stems differ in length, or samples are not finite numbers.
    """
    waveforms = {row: _load_row(track, row, sample_rate, channels) for row in rows}
    lengths = {row: len(waveform) for row, waveform in waveforms.items()}
    stem_lengths = {length for row, length in lengths.items() if row != MIXTURE}
    longest = max(stem_lengths)
    surplus = abs(lengths.get(MIXTURE, longest) - longest)
    if len(stem_lengths) > 1 or surplus > MIXTURE_TOLERANCE * sample_rate:
        listed = ", ".join(f"{row} {length}" for row, length in lengths.items())
        raise InputError(f"{track.name}: stems differ in length, in samples: {listed}")
    for waveform in waveforms.values():
        if not np.isfinite(np.abs(waveform).max(initial=0.0)):
            raise InputError(f"{track.name}: the samples are not all finite numbers")
    return waveforms


def quantized(row: np.ndarray, samples: int, dtype: str = "int16") -> tuple[np.ndarray, float]:
    """A row in 16 bits, cut or filled up with zeros to a length.

    Args:
        row: `(samples, channels)`.
        samples: of the result.
        dtype: `"int16"`, where the peak is 32767, or `"float16"`, where it is 1.

    Returns:
        `(samples, channels)`, and what 1 stands for.
    """
    result = np.zeros((samples, row.shape[1]), dtype)
    peak = float(np.abs(row).max(initial=0.0))
    top = 32767 if dtype == "int16" else 1
    if peak:
        row = row[:samples] * (top / peak)
        result[: len(row)] = np.round(row) if dtype == "int16" else row
    return result, peak / top


def load_song(
    track: Track,
    rows: Sequence[str],
    *,
    sample_rate: int,
    channels: int = 1,
    minimum_samples: int = 1,
) -> tuple[Song, np.ndarray]:
    """Decodes, mixes to so many channels, resamples and quantises one track.

    Returns:
        The song's entry, and int16 `(rows, samples, channels)`: each row fills the range by
        itself, so that a quiet stem keeps its resolution; its channels keep their balance.
    """
    waveforms = load_rows(track, rows, sample_rate=sample_rate, channels=channels)
    return quantized_song(track.name, waveforms, minimum_samples=minimum_samples)


def quantized_song(
    name: str,
    waveforms: Mapping[str, np.ndarray],
    *,
    minimum_samples: int = 1,
    dtype: str = "int16",
) -> tuple[Song, np.ndarray]:
    """A song's entry and its rows in 16 bits, `(rows, samples, channels)`, see `load_song`."""
    longest = max(len(waveform) for row, waveform in waveforms.items() if row != MIXTURE)
    samples = max(longest, minimum_samples)
    rows = [quantized(waveform, samples, dtype) for waveform in waveforms.values()]
    audio = np.stack([row for row, _ in rows])
    scales = tuple(scale for _, scale in rows)
    levels = tuple(active_level(waveform) for waveform in waveforms.values())
    return Song(name, samples, scales, levels, audio.shape[2]), audio


def common_stems(tracks: Sequence[Track]) -> tuple[str, ...]:
    """The stems that all tracks have, in the first one's order.

    Raises:
        InputError: if there are no tracks, or their stems differ.
    """
    if not tracks:
        raise InputError("there are no songs to train on")
    first = tracks[0]
    for track in tracks:
        if set(track.stems) != set(first.stems):
            raise InputError(
                f"songs differ in their stems: {first.name} has {', '.join(first.stems)}; "
                f"{track.name} has {', '.join(track.stems)}"
            )
    return tuple(first.stems)

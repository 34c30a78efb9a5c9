"""Corpora on disk as tracks that are decoded when they are loaded."""

import os
from functools import partial
from pathlib import Path

import numpy as np

from training.tracks import Source, Track
from zoo.errors import InputError

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".m4a")
MIXTURE_NAMES = ("mixture", "mix")


def _read(path: Path, sample_rate: int) -> np.ndarray:
    from zoo.audio import read_audio

    return read_audio(path, sample_rate=sample_rate)[0]


def _audio_files(folder: Path) -> dict[str, Path]:
    """Stem name -> file."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in files:
            raise InputError(f"{folder}: {files[path.stem].name} and {path.name} are one stem")
        files[path.stem] = path
    return files


def _song(folder: Path, sample_rate: int | None) -> Track:
    from zoo.audio import AudioReader

    files = _audio_files(folder)
    mixtures = [name for name in MIXTURE_NAMES if name in files]
    if len(mixtures) > 1:
        raise InputError(f"{folder}: holds both {files['mixture'].name} and {files['mix'].name}")
    if len(files) == len(mixtures):
        raise InputError(f"{folder}: holds no stem ({', '.join(SUFFIXES)}, one file a stem)")
    rates, lengths = {}, {}
    for name, path in files.items():
        with AudioReader.open(path) as reader:
            rates[path.name] = reader.sample_rate
            if name not in mixtures and reader.frames is not None:
                lengths[path.name] = reader.frames
    for values, what in ((rates, "sample rate"), (lengths, "length")):
        if len(set(values.values())) > 1:
            listed = ", ".join(f"{name} {value}" for name, value in values.items())
            raise InputError(f"{folder}: files differ in {what}: {listed}")
    rate = sample_rate or next(iter(rates.values()))
    sources: dict[str, Source] = {name: partial(_read, path, rate) for name, path in files.items()}
    mixture = sources.pop(mixtures[0]) if mixtures else None
    return Track(folder.name, rate, mixture, sources)


def stem_folder(path: str | os.PathLike, *, sample_rate: int | None = None) -> list[Track]:
    """Songs as folders: one folder a song, one audio file a stem.

    `song/vocals.wav`, `song/drums.wav`, ...; a file `mixture` or `mix` is the mixture, without one
    it is the sum of the stems. Only headers are read here.

    Args:
        path: the folder of the songs' folders.
        sample_rate: what tracks are resampled to, in Hz; `None` for each song's own.

    Returns:
        Tracks in alphabetical order.

    Raises:
        InputError: if there is no song, a song has no stem, its files differ in rate or length, or
            songs differ in their stems.

    Example:
        >>> tracks = stem_folder("my_songs", sample_rate=44100)  # doctest: +SKIP
        >>> tracks[0].load_stem("vocals").shape  # doctest: +SKIP
        (7938000, 2)
    """
    path = Path(path)
    if not path.is_dir():
        raise InputError(f"{path}: {'not a folder' if path.exists() else 'no such folder'}")
    folders = sorted(
        entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )
    if not folders:
        hint = "; put each song's stems into a folder of its own" if _audio_files(path) else ""
        raise InputError(f"{path}: holds no folder with a song{hint}")
    tracks = [_song(folder, sample_rate) for folder in folders]
    first = tracks[0]
    for track in tracks:
        if set(track.stems) != set(first.stems):
            raise InputError(
                f"{path}: songs differ in their stems: {first.name} has {', '.join(first.stems)}; "
                f"{track.name} has {', '.join(track.stems)}"
            )
    return tracks

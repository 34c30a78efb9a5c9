"""Songs as folders: one folder a song, one audio file a stem."""

import os
from pathlib import Path

from training.loaders.file_source import FileSource
from training.loaders.song_files import Report, SongFiles, check_folder, refuse, tracks_of
from training.tracks import Track

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".m4a")
MIXTURE_NAMES = ("mixture", "mix")


def audio_files(folder: Path, report: Report = refuse) -> dict[str, Path]:
    """Stem name -> file, of a song's folder."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        if path.stem in files:
            report(folder, f"{files[path.stem].name} and {path.name} are one stem")
        files[path.stem] = path
    return files


def song_folders(path: Path) -> list[Path]:
    """Folders in a folder, sorted, without hidden ones."""
    return sorted(
        entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith(".")
    )


def song_of_folder(folder: Path, report: Report, *, split: str | None = None) -> SongFiles | None:
    """The song of a folder, or `None` where it has no stem."""
    try:
        files = audio_files(folder, report)
    except OSError as error:
        report(folder, f"cannot be read: {error.strerror}")
        return None
    mixtures = [name for name in MIXTURE_NAMES if name in files]
    if len(mixtures) > 1:
        report(folder, f"holds both {files['mixture'].name} and {files['mix'].name}")
    if len(files) == len(mixtures):
        report(folder, f"holds no stem ({', '.join(SUFFIXES)}, one file a stem)")
        return None
    sources = {name: FileSource(path) for name, path in files.items()}
    given = [sources.pop(name) for name in mixtures]
    return SongFiles(folder.name, folder, sources, given[0] if given else None, split)


def find_songs(path: Path, report: Report = refuse) -> list[SongFiles]:
    """Songs of a stem folder, in alphabetical order."""
    check_folder(path)
    folders = song_folders(path)
    if not folders:
        hint = "; put each song's stems into a folder of its own" if audio_files(path) else ""
        report(path, f"holds no folder with a song{hint}")
    songs = [song_of_folder(folder, report) for folder in folders]
    return [song for song in songs if song is not None]


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
    return tracks_of(find_songs(Path(path)), path, sample_rate=sample_rate)

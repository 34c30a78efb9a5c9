"""iKala."""

import os
from pathlib import Path

from training.loaders.file_source import FileSource
from training.loaders.song_files import Report, SongFiles, check_folder, refuse, tracks_of
from training.tracks import Track

FOLDER = "Wavfile"


def find_songs(path: Path, report: Report = refuse) -> list[SongFiles]:
    """Clips of iKala, in alphabetical order."""
    check_folder(path)
    folder = path / FOLDER
    files = sorted(folder.glob("[!.]*.wav"))
    if not files:
        report(path, f"holds no WAV files in a folder {FOLDER}; name the folder of iKala")
    return [
        SongFiles(
            file.stem,
            file,
            {
                "vocals": FileSource(file, channel=1),
                "accompaniment": FileSource(file, channel=0),
            },
        )
        for file in files
    ]


def ikala(path: str | os.PathLike, *, sample_rate: int | None = None) -> list[Track]:
    """The 252 clips of iKala (Chan et al. 2015, "Vocal activity informed singing voice separation
    with the iKala dataset"): `Wavfile/*.wav`, accompaniment left, singing voice right.

    Only headers are read here.

    Args:
        path: the folder that holds `Wavfile`.
        sample_rate: what tracks are resampled to, in Hz; `None` for their own, 44100.

    Returns:
        Tracks with the stems vocals and accompaniment, mono; their sum is the mixture.

    Raises:
        InputError: if there is no such file, or a file has no two channels.

    Example:
        >>> tracks = ikala("iKala", sample_rate=8192)  # doctest: +SKIP
        >>> tracks[0].load_stem("vocals").shape  # doctest: +SKIP
        (245760, 1)
    """
    return tracks_of(find_songs(Path(path)), path, sample_rate=sample_rate)

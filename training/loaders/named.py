"""Songs by what a command line calls them."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from training.loaders import fsdd, ikala, manifest, medleydb, musdb18, stem_folder
from training.loaders.song_files import SPLITS, Report, SongFiles, check_folder, refuse, tracks_of
from training.tracks import Track
from zoo.errors import InputError

KINDS: dict[str, Callable[[Path, Report], list[SongFiles]]] = {
    "stem_folder": stem_folder.find_songs,
    "musdb18": musdb18.find_songs,
    "csv": manifest.find_songs,
    "medleydb": medleydb.find_songs,
    "ikala": ikala.find_songs,
    "fsdd": fsdd.find_songs,
}
_SYNTHETIC = "synthetic"
# Longer than the letter of a drive.
_NAMED = re.compile(r"([a-z][a-z0-9_]+):(.*)", re.DOTALL)


def layout_of(path: Path) -> str:
    """The kind of corpus that a path looks like: `"stem_folder"` where it is none of the others.

    Raises:
        InputError: there is nothing, or a file that is no manifest.
    """
    if path.is_file():
        if path.suffix.lower() in manifest.SUFFIXES:
            return "csv"
        raise InputError(
            f"{path}: is a file; name a folder of songs or a manifest "
            f"({', '.join(manifest.SUFFIXES)})"
        )
    check_folder(path)
    if musdb18.is_musdb18(path):
        return "musdb18"
    if next((path / ikala.FOLDER).glob("[!.]*.wav"), None) is not None:
        return "ikala"
    if medleydb.is_medleydb(path):
        return "medleydb"
    return "fsdd" if fsdd.is_fsdd(path) else "stem_folder"


def kind_and_path(data: str | os.PathLike) -> tuple[str | None, Path]:
    """Takes `KIND:PATH` apart; the kind of a path alone is `None`.

    Raises:
        InputError: there is no such kind.
    """
    match = _NAMED.fullmatch(os.fspath(data))
    if match is None or Path(data).exists():
        return None, Path(data)
    if match[1] not in KINDS:
        known = ", ".join((*KINDS, _SYNTHETIC))
        raise InputError(f"{data}: no such file or folder, and {match[1]} is none of {known}")
    return match[1], Path(match[2])


def synthetic_tracks(
    data: str | os.PathLike, sample_rate: int | None = None, **options
) -> list[Track] | None:
    """The songs of `synthetic:SEED:COUNT[:MATERIAL]`, or `None` where it is something else.

    The options are further arguments of `synthetic_songs`; the material of the name comes first.
    """
    kind, *numbers = os.fspath(data).split(":", 3)
    if kind != _SYNTHETIC or Path(data).exists():
        return None
    from training.synthetic import synthetic_songs

    numbers, material = numbers[:2], numbers[2:]
    if len(numbers) != 2 or not all(re.fullmatch(r"[0-9]{1,9}", number) for number in numbers):
        raise InputError(f"{data}: is not of the form synthetic:SEED:COUNT or :COUNT:MATERIAL")
    if sample_rate is not None:
        options["sample_rate"] = sample_rate
    if material:
        options["material"] = material[0]
    return synthetic_songs(int(numbers[0]), int(numbers[1]), **options)


def named_tracks(
    data: str | os.PathLike, *, split: str | None = None, sample_rate: int | None = None
) -> list[Track]:
    """Returns the songs of whatever `--data` may name.

    Args:
        data: a path, whose layout is recognised: MUSDB18 or MUSDB18-HQ, iKala, MedleyDB, spoken
            digits, a CSV or JSON-lines manifest, or else a stem folder; `KIND:PATH` with one of
            stem_folder, musdb18, csv, medleydb, ikala, fsdd; or `synthetic:SEED:COUNT`, with
            `:FOLDER` behind it for songs made with a folder of material.
        split: `"train"`, `"validation"` or `"test"`: only these songs; `None` for all.
        sample_rate: what tracks are resampled to, in Hz; `None` for each song's own.

    Raises:
        InputError: for anything else, and as the corpus's own loader.

    Example:
        >>> [track.name for track in named_tracks("synthetic:7:2")]
        ['synthetic-7-0', 'synthetic-7-1']
    """
    synthetic = synthetic_tracks(data, sample_rate)
    if synthetic is not None:
        if split is not None:
            raise InputError(f"{data}: has no splits ({', '.join(SPLITS)}); take another seed")
        return synthetic
    kind, path = kind_and_path(data)
    songs = KINDS[kind or layout_of(path)](path, refuse)
    return tracks_of(songs, path, split=split, sample_rate=sample_rate)

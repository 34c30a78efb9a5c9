"""MedleyDB 1 and 2."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.loaders.combined_source import sum_of
from training.loaders.file_source import FileSource
from training.loaders.song_files import Report, SongFiles, check_folder, refuse, tracks_of
from training.tracks import Track
from zoo.errors import InputError

METADATA = "_METADATA.yaml"
STEMS = ("vocals", "drums", "bass", "other")

# Labels of both parts (medleydb/resources: taxonomy.yaml, instrument_f0_type.json); what is in none
# of the three groups is "other".
_GROUPS = {
    "vocals": """male singer, female singer, male speaker, female speaker, male rapper,
        female rapper, beatboxing, vocalists, choir, male screamer, female screamer""",
    "drums": """drum set, drum machine, kick drum, snare drum, bass drum, toms, timpani, high hat,
        cymbal, gong, bongo, conga, tambourine, darbuka, doumbek, tabla, auxiliary percussion,
        triangle, sleigh bells, cowbell, cabasa, guiro, gu, castanet, claps, rattle, shaker,
        maracas, snaps""",
    "bass": "electric bass, double bass",
}
_GROUP_OF = {
    " ".join(label.split()): group
    for group, labels in _GROUPS.items()
    for label in labels.split(",")
}


def _metadata(path: Path) -> dict[str, Any]:
    import yaml

    try:
        facts = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {(error.strerror or '').lower()}") from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise InputError(f"{path}: is not YAML") from None
    stems = facts.get("stems") if isinstance(facts, dict) else None
    if not isinstance(stems, dict) or not stems:
        raise InputError(f"{path}: lists no stems")
    for key, stem in stems.items():
        if not isinstance(stem, dict) or not isinstance(stem.get("filename"), str):
            raise InputError(f"{path}: stem {key} has no filename")
    return facts


def _group(instrument: Any) -> str:
    """The stem that an instrument belongs to; several of different stems are "other"."""
    labels = instrument if isinstance(instrument, list) else [instrument]
    groups = {_GROUP_OF.get(str(label).strip().lower(), "other") for label in labels}
    return groups.pop() if len(groups) == 1 else "other"


def _song(folder: Path, metadata: Path) -> SongFiles:
    name = metadata.name.removesuffix(METADATA)
    facts = _metadata(metadata)
    stem_dir = folder / str(facts.get("stem_dir") or f"{name}_STEMS")
    mixture = FileSource(folder / str(facts.get("mix_filename") or f"{name}_MIX.wav"))
    groups: dict[str, list[FileSource]] = {stem: [] for stem in STEMS}
    for stem in facts["stems"].values():
        groups[_group(stem.get("instrument"))].append(FileSource(stem_dir / stem["filename"]))
    stems = {stem: sum_of(files, mixture) for stem, files in groups.items()}
    return SongFiles(name, folder, stems, mixture)


def _metadata_files(path: Path) -> Iterator[tuple[Path, Path]]:
    """A song's folder and its metadata."""
    for parent in (path, path / "Audio", path / "V1", path / "V2"):
        for file in sorted(parent.glob(f"*/[!.]*{METADATA}")):
            # The package medleydb keeps the metadata of all songs in one folder.
            if file.parent.name == file.name.removesuffix(METADATA):
                yield file.parent, file


def is_medleydb(path: Path) -> bool:
    """Whether a folder looks like MedleyDB."""
    return next(_metadata_files(path), None) is not None


def find_songs(path: Path, report: Report = refuse) -> list[SongFiles]:
    """Songs of MedleyDB, in alphabetical order within each part."""
    check_folder(path)
    songs, empty = [], True
    for folder, metadata in _metadata_files(path):
        empty = False
        try:
            songs.append(_song(folder, metadata))
        except InputError as error:
            report(metadata, str(error).removeprefix(f"{metadata}: "))
    if empty:
        report(
            path,
            f"holds no SONG/SONG{METADATA}, directly or in Audio, V1 or V2; put each song's "
            "metadata, which the package medleydb has, into its folder",
        )
    return songs


def medleydb(path: str | os.PathLike, *, sample_rate: int | None = None) -> list[Track]:
    """The songs of MedleyDB 1 and 2 (Bittner et al. 2014), their stems in four groups.

    `SONG/SONG_MIX.wav`, `SONG/SONG_STEMS/SONG_STEM_01.wav`, ... and `SONG/SONG_METADATA.yaml`,
    which says what plays in which stem; the songs lie in the folder itself, or in `Audio`, `V1` or
    `V2` there. Singers, speakers, rappers, screamers, beatboxing and choirs are vocals; drum sets,
    drum machines and percussion without pitch are drums; electric and double bass are bass; all
    else, and a stem of instruments of several groups, is other. Only headers are read here.

    Args:
        path: the folder of MedleyDB.
        sample_rate: what tracks are resampled to, in Hz; `None` for their own, 44100.

    Returns:
        Tracks with the stems vocals, drums, bass and other, each the sum of the group's files,
        silent where a song has none. The mixture is the released mix: mastered, it is not exactly
        their sum.

    Raises:
        InputError: if there is no song, or a song is not as it should be.

    Example:
        >>> tracks = medleydb("MedleyDB_V1", sample_rate=44100)  # doctest: +SKIP
        >>> list(tracks[0].stems)  # doctest: +SKIP
        ['vocals', 'drums', 'bass', 'other']
    """
    return tracks_of(find_songs(Path(path)), path, sample_rate=sample_rate)

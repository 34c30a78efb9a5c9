"""MUSDB18 and MUSDB18-HQ."""

import os
from collections.abc import Iterator
from pathlib import Path

from training.loaders.file_source import FileSource
from training.loaders.song_files import Report, SongFiles, check_folder, refuse, tracks_of
from training.loaders.stem_folder import audio_files, song_folders
from training.tracks import Track

SUFFIX = ".stem.mp4"
# In the order of a stem file's streams, whose first is the mixture.
STEMS = ("drums", "bass", "other", "vocals")

# The songs of `train` that the musdb package (configs/mus.yaml) and open-unmix hold back.
VALIDATION = frozenset(
    {
        "ANiMAL - Rockshow",
        "Actions - One Minute Smile",
        "Alexander Ross - Goodbye Bolero",
        "Clara Berry And Wooldog - Waltz For My Victims",
        "Fergessen - Nos Palpitants",
        "James May - On The Line",
        "Johnny Lokke - Promises & Lies",
        "Leaf - Summerghost",
        "Meaxic - Take A Step",
        "Patrick Talbot - A Reason To Leave",
        "Skelpolu - Human Mistakes",
        "Traffic Experiment - Sirens",
        "Triviul - Angelsaint",
        "Young Griffo - Pennies",
    }
)


def _stem_file(path: Path, split: str | None) -> SongFiles:
    streams = {name: FileSource(path, stream=1 + place) for place, name in enumerate(STEMS)}
    return SongFiles(path.name.removesuffix(SUFFIX), path, streams, FileSource(path), split)


def _wav_folder(folder: Path, split: str | None, report: Report) -> SongFiles | None:
    files = audio_files(folder, report)
    missing = [name for name in ("mixture", *STEMS) if name not in files]
    if missing:
        report(folder, f"holds no file of {', '.join(missing)}; MUSDB18-HQ has one a stem")
    stems = {name: FileSource(files[name]) for name in STEMS if name in files}
    mixture = FileSource(files["mixture"]) if "mixture" in files else None
    return SongFiles(folder.name, folder, stems, mixture, split) if stems else None


def _parts(path: Path) -> Iterator[tuple[Path, str | None]]:
    for part in ("train", "test"):
        if (path / part).is_dir():
            yield path / part, part
    yield path, None


def _found(path: Path, report: Report) -> Iterator[SongFiles | None]:
    for folder, part in _parts(path):
        stem_files = sorted(folder.glob(f"[!.]*{SUFFIX}"))
        for file in stem_files:
            name = file.name.removesuffix(SUFFIX)
            yield _stem_file(file, _split(name, part))
        if part is not None:
            for song in song_folders(folder):
                yield _wav_folder(song, _split(song.name, part), report)


def _split(name: str, part: str | None) -> str | None:
    return "validation" if part == "train" and name in VALIDATION else part


def is_musdb18(path: Path) -> bool:
    """Whether a folder looks like MUSDB18 or MUSDB18-HQ."""
    for folder, part in _parts(path):
        if next(folder.glob(f"[!.]*{SUFFIX}"), None) is not None:
            return True
        if part is not None and next(folder.glob("*/mixture.wav"), None) is not None:
            return True
    return False


def find_songs(path: Path, report: Report = refuse) -> list[SongFiles]:
    """Songs of MUSDB18, `train` before `test`, each in alphabetical order."""
    check_folder(path)
    songs = [song for song in _found(path, report) if song is not None]
    if not songs:
        report(
            path,
            f"holds neither {SUFFIX} files nor WAV folders in train and test; name the folder "
            "that MUSDB18 or MUSDB18-HQ was unpacked to",
        )
    return songs


def musdb18(
    path: str | os.PathLike, *, split: str | None = None, sample_rate: int | None = None
) -> list[Track]:
    """The songs of MUSDB18 (`.stem.mp4`) or MUSDB18-HQ (WAV folders), by what is there.

    `train/SONG.stem.mp4` with five AAC streams, or `train/SONG/{mixture,drums,bass,other,vocals}
    .wav`; so in `test`. A folder of `.stem.mp4` files without `train` and `test` is taken too.
    Only headers are read here. https://sigsep.github.io/datasets/musdb.html

    Args:
        path: the folder with `train` and `test`.
        split: `"train"` (86 songs), `"validation"` (the 14 songs of the folder `train` that the
            musdb package and open-unmix hold back) or `"test"` (50); `None` for all, each with
            its split.
        sample_rate: what tracks are resampled to, in Hz; `None` for their own, 44100.

    Returns:
        Tracks with the stems drums, bass, other and vocals. Of MUSDB18, mixture and stems were
        compressed one by one: they do not add up exactly.

    Raises:
        InputError: if there is no song, or a song is not as it should be.

    Example:
        >>> tracks = musdb18("musdb18", split="train")  # doctest: +SKIP
        >>> tracks[0].load_stem("vocals").shape  # doctest: +SKIP
        (7552000, 2)
    """
    return tracks_of(find_songs(Path(path)), path, split=split, sample_rate=sample_rate)

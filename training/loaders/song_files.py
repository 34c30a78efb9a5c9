"""Songs as a corpus lays them out, and how they become tracks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.loaders.combined_source import SumSource
from training.tracks import Source, Track
from zoo.errors import InputError

SPLITS = ("train", "validation", "test")

# Called with a file or folder and what is wrong with it. A loader's raises; that of `stemzoo data
# check` takes a note and lets the search go on.
Report = Callable[[str | Path, str], None]


def refuse(where: str | Path, problem: str) -> None:
    """The report of a loader: the first problem is the last."""
    raise InputError(f"{where}: {problem}")


@dataclass(frozen=True)
class SongFiles:
    """A song before any of its files has been opened.

    Args:
        name: as a track's.
        where: what messages call the song: its folder, its file, or its line of a manifest.
        stems: stem name -> source.
        mixture: `None` for the sum of the stems.
        split: as a track's.
    """

    name: str
    where: str | Path
    stems: Mapping[str, Source]
    mixture: Source | None = None
    split: str | None = None


def check_folder(path: Path) -> None:
    """Raises `InputError` unless there is a folder, and it can be listed."""
    try:
        if not path.is_dir():
            raise InputError(f"{path}: {'not a folder' if path.exists() else 'no such folder'}")
        next(path.iterdir(), None)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _at_rate(source, sample_rate: int):
    if isinstance(source, SumSource):
        return source.at_rate(sample_rate)
    return replace(source, sample_rate=sample_rate)


def song_track(song: SongFiles, sample_rate: int | None) -> Track:
    """Returns a track, after a look at the headers of the song's files.

    Args:
        song: of files.
        sample_rate: what it is resampled to, in Hz; `None` for its own.

    Raises:
        InputError: the files differ in rate, or the stems in length.
    """
    stems = {name: (source, source.header()) for name, source in song.stems.items()}
    members = list(stems.values())
    if song.mixture is not None:
        members.insert(0, (song.mixture, song.mixture.header()))
    rates = {source.label: header.sample_rate for source, header in members}
    lengths = {
        source.label: header.samples
        for source, header in stems.values()
        if header.samples is not None
    }
    for values, what in ((rates, "sample rate"), (lengths, "length")):
        if len(set(values.values())) > 1:
            listed = ", ".join(f"{label} {value}" for label, value in values.items())
            raise InputError(f"{song.where}: files differ in {what}: {listed}")
    rate = sample_rate or members[0][1].sample_rate
    return Track(
        song.name,
        rate,
        None if song.mixture is None else _at_rate(song.mixture, rate),
        {name: _at_rate(source, rate) for name, (source, _) in stems.items()},
        song.split,
    )


def tracks_of(
    songs: Sequence[SongFiles],
    path: str | Path,
    *,
    split: str | None = None,
    sample_rate: int | None = None,
) -> list[Track]:
    """Returns the tracks of a corpus.

    Args:
        songs: all of it.
        path: what messages call the corpus.
        split: "train", "validation" or "test": only the songs of this part.
        sample_rate: what they are resampled to, in Hz; `None` for each song's own.

    Raises:
        InputError: the part has no song, songs differ in their stems, or share a name; and as
            `song_track`.
    """
    if split is not None:
        if split not in SPLITS:
            raise InputError(f"the splits are {', '.join(SPLITS)}. Received: {split=}")
        known = sorted({song.split for song in songs if song.split})
        songs = [song for song in songs if song.split == split]
        if not songs:
            there = f"there are {', '.join(known)}" if known else "it has none"
            raise InputError(f"{path}: holds no songs of the split {split}; {there}")
    names: dict[str, str | Path] = {}
    for song in songs:
        if song.name in names:
            raise InputError(
                f"{song.where}: has the name of {names[song.name]}: {song.name}; rename one"
            )
        names[song.name] = song.where
        if set(song.stems) != set(songs[0].stems):
            raise InputError(
                f"{path}: songs differ in their stems: {songs[0].name} has "
                f"{', '.join(songs[0].stems)}; {song.name} has {', '.join(song.stems)}"
            )
    return [song_track(song, sample_rate) for song in songs]

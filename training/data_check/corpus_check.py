"""Checks of songs against each other."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from training.data_check.finding import ERROR, WARNING, Finding, shown
from training.data_check.measures import FileFacts
from training.decode import MIXTURE
from training.loaders.song_files import SongFiles

# A lossy copy has nearly the level of its original, and nearly its samples.
_LEVEL, _CORRELATION, _SHIFT = 0.03, 0.95, 64
# Files of nearly the same level and length that one is compared with.
_NEIGHBOURS = 8
_LENGTH = 0.1


def check_names(songs: Sequence[SongFiles]) -> Iterator[Finding]:
    """Songs that share a name, or lack a stem that others have."""
    seen: dict[str, object] = {}
    for song in songs:
        where = shown(song.where)
        if song.name in seen:
            message = f"has the name of another song, {shown(seen[song.name])}; rename one"
            yield Finding(where, "name", ERROR, message, song.name)
        seen.setdefault(song.name, song.where)
    if not songs:
        return
    (usual, _), *_ = Counter(frozenset(song.stems) for song in songs).most_common(1)
    for song in songs:
        missing, surplus = usual - set(song.stems), set(song.stems) - usual
        parts = [f"lacks {', '.join(sorted(missing))}"] if missing else []
        parts += [f"has {', '.join(sorted(surplus))} besides"] if surplus else []
        if parts:
            message = f"{' and '.join(parts)}; most songs have {', '.join(sorted(usual))}"
            yield Finding(shown(song.where), "stems", ERROR, message, song.name)


def check_forms(files: Sequence[FileFacts]) -> Iterator[Finding]:
    """Songs of another rate or number of channels than most."""
    songs: dict[str, list[FileFacts]] = defaultdict(list)
    for file in files:
        songs[file.song].append(file)
    looks: list[tuple[str, str, Callable[[FileFacts], int]]] = [
        ("rate", "sample rate", lambda file: file.sample_rate),
        ("channels", "number of channels", lambda file: file.channels),
    ]
    for check, what, value in looks:
        # Differences within a song are the song's own.
        values = {song: {value(file) for file in members} for song, members in songs.items()}
        alike = {song: found.pop() for song, found in values.items() if len(found) == 1}
        if len(set(alike.values())) < 2:
            continue
        (usual, _), *_ = Counter(alike.values()).most_common(1)
        for song, own in alike.items():
            if own != usual:
                message = f"{what} {own}; most songs have {usual}"
                yield Finding(songs[song][0].where, check, WARNING, message, song)


def check_duplicates(files: Iterable[FileFacts]) -> Iterator[Finding]:
    """Files with the audio of another one, whatever their names and formats."""
    heard = [file for file in files if not file.silent]
    first: dict[bytes, FileFacts] = {}
    different = []
    for file in heard:
        other = first.setdefault(file.digest, file)
        if other is file:
            different.append(file)
        elif not _sole_stem(file, other):
            yield _duplicate(file, other, "the same audio as")
    # A loudest frame is the same in a lossy copy: few files need to be compared.
    places: dict[tuple[int, int], list[FileFacts]] = defaultdict(list)
    for file in different:
        places[file.sample_rate, file.loudest].append(file)
    for group in places.values():
        group.sort(key=lambda file: file.level)
        for place, file in enumerate(group):
            for other in group[max(place - _NEIGHBOURS, 0) : place]:
                if (file.lossy or other.lossy) and _alike(file, other):
                    if not _sole_stem(file, other):
                        yield _duplicate(file, other, "nearly the same audio as")
                    break


def _sole_stem(file: FileFacts, other: FileFacts) -> bool:
    """Whether the two are a song's mixture and a stem: alone, it is equal to the mixture."""
    return file.song == other.song and (MIXTURE in file.roles) != (MIXTURE in other.roles)


def _duplicate(file: FileFacts, other: FileFacts, words: str) -> Finding:
    splits = ""
    if file.split != other.split and file.split and other.split:
        splits = f"; one is in {other.split}, the other in {file.split}"
    return Finding(
        file.where, "duplicate", WARNING, f"has {words} {other.where}{splits}", file.song
    )


def _alike(file: FileFacts, other: FileFacts) -> bool:
    if abs(file.seconds - other.seconds) > _LENGTH:
        return False
    if abs(file.level - other.level) > _LEVEL * other.level:
        return False
    if len(file.excerpt) != len(other.excerpt):
        return False
    one, two = (np.asarray(x.excerpt, "float32") for x in (file, other))
    near = np.correlate(np.pad(one, _SHIFT), two, "valid")
    return bool(near.max() >= _CORRELATION)

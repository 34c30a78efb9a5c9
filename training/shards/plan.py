"""Which songs go to which shard."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from training.bank import bank_key
from training.shards.index import FORMAT
from training.shards.records import ShardTask, load_records
from training.shards.settings import ShardSettings
from training.tracks import Track
from zoo.errors import InputError

SPLITS = ("train", "validation", "test")
# Songs that tell how large songs are, and files that reading mixes at least, if there are songs.
_PROBES = 3
_FEWEST_SHARDS = 8


def held_back(count: int, share: float) -> set[int]:
    """Places of songs to validate on, at least one, evenly spread: no album is held back whole."""
    held = max(1, round(count * share))
    return {(2 * place + 1) * count // (2 * held) for place in range(held)}


def with_splits(tracks: Sequence[Track], validation_share: float) -> list[Track]:
    """Tracks that all say their split: `"train"` where they did not.

    Where no track is one to validate on, a share of those without a split becomes that.
    """
    free = [place for place, track in enumerate(tracks) if track.split is None]
    held = set()
    given = any(track.split == "validation" for track in tracks)
    if validation_share and not given and len(free) > 1:
        held = {free[place] for place in held_back(len(free), validation_share)}
    return [
        replace(track, split=track.split or ("validation" if place in held else "train"))
        for place, track in enumerate(tracks)
    ]


def songs_per_shard(tracks: Sequence[Track], rows: Sequence[str], settings: ShardSettings) -> int:
    """How many songs of the corpus's usual size fill a shard."""
    probes = {round(place) for place in np.linspace(0, len(tracks) - 1, _PROBES)}
    sizes = []
    for place in sorted(probes):
        try:
            _, records = load_records(tracks[place], rows, settings)
        except InputError:
            continue
        sizes.append(sum(record.nbytes for record in records))
    fitting = int(settings.shard_megabytes * 1e6 / np.mean(sizes)) if sizes else 1
    return max(1, min(fitting, -(-len(tracks) // _FEWEST_SHARDS)))


def shard_tasks(
    tracks: Sequence[Track],
    rows: tuple[str, ...],
    settings: ShardSettings,
    songs_per_shard: int,
    folder: Path,
) -> Iterator[ShardTask]:
    """The shards of a corpus. To train on, songs are mixed; of other splits the order stays."""
    number = 0
    for split in SPLITS:
        songs = [track for track in tracks if track.split == split]
        if split == "train":
            order = np.random.default_rng(settings.seed).permutation(len(songs))
            songs = [songs[place] for place in order]
        for file, start in enumerate(range(0, len(songs), songs_per_shard)):
            part = songs[start : start + songs_per_shard]
            path = folder / f"{split}-{file:05d}.tfrecord"
            key = bank_key(part, [FORMAT, number, *rows])
            yield ShardTask(path, split, key, number, part, rows, settings)
            number += 1

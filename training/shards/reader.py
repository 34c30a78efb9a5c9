"""A folder of shards, opened: which songs it holds, and the tables that reading needs."""

import copy
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from training.decode import MIXTURE, Song, common_stems
from training.shards.byte_sizes import parse_bytes
from training.shards.chunks import fixed_places, places
from training.shards.index import Shard, check_sizes, checksum, read_index
from training.tracks import Track
from zoo.errors import InputError
from zoo.front_end import FrontEnd


class ChunkTables(NamedTuple):
    """What is known of every chunk before it is read; chunk after chunk of song after song.

    Args:
        offsets: each song's first chunk, int64 `(songs,)`.
        songs: each chunk's song, int64 `(chunks,)`.
        lengths: samples, or frames, that each chunk holds, int64 `(chunks,)`.
        places: first place in it and number of places, int64 `(chunks, 2)`.
        fixed: places at which fixed examples begin, all chunks' one after another.
        fixed_edges: where in `fixed` each chunk's own begin, and the end, int64 `(chunks + 1,)`.
    """

    offsets: np.ndarray
    songs: np.ndarray
    lengths: np.ndarray
    places: np.ndarray
    fixed: np.ndarray
    fixed_edges: np.ndarray


class Shards:
    """Songs in the shards of a folder, for `spectrogram_patches` and `waveform_segments`.

    Where these take tracks, they take this: songs are then not decoded into memory, but read, many
    files in turn, into pools of chunks from which examples are drawn. An epoch goes through all
    records once, in an order of its own; longer songs have more records, and are drawn as often as
    they are longer. Which records share a pool, and what is drawn, depends on the seed alone.

    Args:
        folder: that `training.write_shards` or `stemzoo preprocess --to tfrecord` wrote.
        split: `"train"`, `"validation"` or `"test"`.
        cache_memory: the most that reading may hold in memory, in bytes or as `"500MB"`: the pool
            in use, the one being read, and examples on their way.
        split_files: whether hosts that train together read different files each. Otherwise all
            read all, and together make the batches that one would make.

    Raises:
        InputError: if the folder holds no shards, was not written to the end, has no songs of the
            split, or a file is missing or has another size.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(120000, 1)).astype("float32") / 10
        >>> tracks = [Track(name, 8192, None, {"vocals": noise}) for name in ("a", "b")]
        >>> settings = ShardSettings.of_front_end(FrontEnd())
        >>> report = write_shards(tracks, "shards", settings=settings, workers=1)
        >>> patches = spectrogram_patches(Shards("shards"), FrontEnd(), batch_size=4)
        >>> next(iter(patches))[0].shape
        TensorShape([4, 512, 128, 1])
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        *,
        split: str = "train",
        cache_memory: int | str = "500MB",
        split_files: bool = False,
    ):
        self.folder = Path(folder)
        self.cache_memory = parse_bytes(cache_memory, "cache_memory")
        self.split_files = split_files
        index = read_index(self.folder)
        if not index.complete:
            raise InputError(
                f"{self.folder}: was not written to the end; run stemzoo preprocess again"
            )
        self.settings = index.settings
        self.rows = index.rows
        self.stems = tuple(row for row in self.rows if row != MIXTURE)
        self._all = [shard for _, shard in sorted(index.shards.items())]
        self._select(split)

    def _select(self, split: str) -> None:
        self.split = split
        self.shards = [shard for shard in self._all if shard.split == split]
        if not self.shards:
            known = ", ".join(dict.fromkeys(shard.split for shard in self._all))
            raise InputError(f"{self.folder}: holds no songs of the split {split}, only {known}")
        check_sizes(self.folder, self.shards)

    def of(self, split: str) -> "Shards":
        """The songs of another split."""
        other = copy.copy(self)
        other.__dict__.pop("songs", None)
        other._select(split)
        return other

    @cached_property
    def songs(self) -> tuple[Song, ...]:
        """The songs, shard after shard."""
        return tuple(song for shard in self.shards for song in shard.songs)

    def __len__(self) -> int:
        """The number of songs."""
        return len(self.songs)

    def check(self) -> None:
        """Reads all files of the folder.

        Raises:
            InputError: with the first one that has changed since it was written.
        """
        check_sizes(self.folder, self._all)
        for shard in self._all:
            if checksum(self.folder / shard.file) != shard.sha256:
                raise InputError(
                    f"{self.folder / shard.file}: is damaged; delete it and run stemzoo "
                    "preprocess again"
                )

    def check_kind(self, *, sample_rate: int, channels: int, reach: tuple[int, int]) -> None:
        """Raises `InputError` unless the records are what a network needs.

        Args:
            sample_rate: in Hz.
            channels: of audio.
            reach: samples, or frames of spectrograms, that an example needs before its place, and
                from there on.
        """
        settings = self.settings
        for name, value in (
            ("sample_rate", sample_rate),
            ("channels", channels),
        ):
            if getattr(settings, name) != value:
                raise InputError(
                    f"{self.folder}: was made with {name}={getattr(settings, name)!r}, here "
                    f"{value!r} is needed; preprocess again"
                )
        grid = settings.grid()
        # A song in one piece lacks nothing, whatever a network needs.
        if all(grid.count(song.samples) == 1 for song in self.songs):
            return
        if reach[0] > grid.lead or reach[1] > grid.after:
            raise InputError(
                f"{self.folder}: records hold {grid.lead} samples before an example's place and "
                f"{grid.after} from there on, here {reach[0]} and {reach[1]} are needed; "
                "preprocess again with this recipe"
            )

    def check_front_end(self, front_end: FrontEnd, stems: Sequence[str], *, remixed: bool) -> None:
        """Raises `InputError` unless the spectrograms are those of a front end and targets."""
        if remixed:
            raise InputError(
                f"{self.folder}: holds spectrograms, which can neither be remixed nor transformed; "
                "preprocess with --content audio"
            )
        made = self.settings.front_end.get_config()
        for name, value in front_end.get_config().items():
            if name not in ("normalization", "floor_db", "layout") and made[name] != value:
                raise InputError(
                    f"{self.folder}: was made with {name}={made[name]!r}, here {value!r} is "
                    "needed; preprocess again"
                )
        for stem in stems:
            if stem not in self.stems:
                raise InputError(
                    f"{self.folder}: holds spectrograms of {', '.join(self.stems)}, not of {stem}; "
                    "preprocess again"
                )

    def files_of(self, host: tuple[int, int]) -> list[Shard]:
        """The files that a host reads.

        Raises:
            InputError: if there are fewer files than hosts.
        """
        index, count = host
        if not self.split_files or count == 1:
            return self.shards
        if len(self.shards) < count:
            raise InputError(
                f"{self.folder}: has {len(self.shards)} files of the split {self.split}, too few "
                f"for {count} hosts; preprocess again with smaller shards"
            )
        return self.shards[index::count]

    def tables(self, files: list[Shard], length: int, *, fixed: int = 0) -> ChunkTables:
        """Tables of the chunks in files.

        Args:
            files: some of `shards`.
            length: of an example, in samples or frames.
            fixed: examples at fixed places of each song.
        """
        grid = self.settings.grid()
        songs = [song for shard in files for song in shard.songs]
        bounds = [grid.bounds(song.samples) for song in songs]
        counts = [len(chunks) for chunks in bounds]
        own, marks = [], []
        for song, (begin, _, first, last) in zip(songs, (b.T for b in bounds), strict=True):
            at = fixed_places(song.samples, length, fixed)
            chunk = np.searchsorted(first, at, side="right") - 1
            marks.append(at - begin[chunk])
            own.append(np.bincount(chunk, minlength=len(last)))
        return ChunkTables(
            np.cumsum([0, *counts[:-1]]),
            np.repeat(np.arange(len(songs)), counts),
            np.concatenate([chunks[:, 1] - chunks[:, 0] for chunks in bounds]),
            np.concatenate(
                [
                    places(chunks, song.samples, length)
                    for chunks, song in zip(bounds, songs, strict=True)
                ]
            ),
            np.concatenate(marks),
            np.cumsum([0, *np.concatenate(own)]),
        )


def stems_of(tracks: Sequence[Track] | Shards) -> tuple[str, ...]:
    """The stems that all songs have; see `common_stems`."""
    return tracks.stems if isinstance(tracks, Shards) else common_stems(tracks)

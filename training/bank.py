"""Songs decoded once, in one array from which a tf.data graph cuts segments."""

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from training.bank_store import BankStore
from training.decode import MIXTURE, Song, common_stems, load_song
from training.mapped_file import MappedFile, mapped_by_name
from training.tracks import Source, Track
from zoo.progress import progress

FORMAT = 1


class Bank:
    """Pieces of sound in one TensorFlow tensor, with the tables that a graph needs to cut it.

    Attributes:
        samples: numbers `(total,)`; piece after piece, in each row after row, in each of these
            sample after sample, with its channels side by side.
        rows: names of the rows of every piece: the stems, then `"mixture"` where one is given.
        sample_rate: in Hz.
        channels: of every row.
        half: whether the numbers are the bits of half precision, as 16-bit integers.
        size: number of pieces.
        first: number of the first example that is drawn from it in an epoch.
        lengths: samples of each piece, int64 `(pieces,)`.
        starts: samples before each piece, int64 `(pieces,)`.
        scales: what 1 is worth in each row, float32 `(pieces, rows)`.
        levels: root mean square of each row's active parts, float32 `(pieces, rows)`.
    """

    def __init__(
        self,
        samples,
        *,
        rows: Sequence[str],
        sample_rate: int,
        channels: int,
        half: bool = False,
    ):
        self.samples = samples
        self.half = half
        self.rows = tuple(rows)
        self.stems = tuple(row for row in rows if row != MIXTURE)
        self.sample_rate = sample_rate
        self.channels = channels
        self.first = 0

    def places(self, pieces, length: int):
        """Where examples may begin, in the graph.

        Args:
            pieces: int64 `(count,)`.
            length: of an example, in samples.

        Returns:
            The first place of each piece and the number of its places, int64 `(count,)`.
        """
        import tensorflow as tf

        room = tf.gather(self.lengths, pieces) - length + 1
        return tf.zeros_like(room), room

    def segment(self, row: int, song, position, length: int):
        """Cuts a segment, in the graph.

        Args:
            row: index into `rows`.
            song: scalar int64 tensor.
            position: scalar int64 tensor, the first sample. Where the segment begins before or
                ends behind the song, there is silence.
            length: in samples.

        Returns:
            float32 `(length, channels)`.
        """
        import tensorflow as tf

        whole = tf.gather(self.lengths, song)
        first = tf.clip_by_value(position, 0, whole)
        last = tf.clip_by_value(position + length, 0, whole)
        start = tf.gather(self.starts, song) + row * whole + first
        segment = tf.slice(self.samples, [start * self.channels], [(last - first) * self.channels])
        silence = [first - position, position + length - last]
        segment = tf.pad(segment, [[edge * self.channels for edge in silence]])
        segment = tf.reshape(segment, (length, self.channels))
        if self.half:
            # Not sooner: on most processors TensorFlow warns when it slices half precision.
            segment = tf.bitcast(segment, tf.float16)
        return tf.cast(segment, tf.float32) * tf.gather(self.scales[:, row], song)


class SongBank(Bank):
    """Decoded songs, each a piece of the bank.

    Args:
        samples: int16 `(total,)`; song after song, in each row after row, in each of these sample
            after sample, with its channels side by side.
        songs: the songs, in order.
        rows: names of the rows of every song: the stems, then `"mixture"` where one is given.
        sample_rate: in Hz.
        channels: of every row.
    """

    def __init__(
        self,
        samples: np.ndarray,
        songs: Sequence[Song],
        *,
        rows: Sequence[str],
        sample_rate: int,
        channels: int = 1,
    ):
        import tensorflow as tf

        # DLPack shares the memory: a corpus larger than memory stays in the mapped file.
        shared = tf.experimental.dlpack.from_dlpack(samples.__dlpack__())
        super().__init__(shared, rows=rows, sample_rate=sample_rate, channels=channels)
        self.size = len(songs)
        self.lengths = np.array([song.samples for song in songs], "int64")  # (songs,)
        self.starts = np.cumsum([0, *(self.lengths[:-1] * len(self.rows))])  # (songs,)
        self.scales = np.array([song.scales for song in songs], "float32")  # (songs, rows)
        self.levels = np.array([song.levels for song in songs], "float32")  # (songs, rows)


def _identity(source: Source | None) -> str:
    """Changes with what a source would return, as far as its arguments and files tell."""
    if isinstance(source, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(source)).hexdigest()
    if hasattr(source, "identity"):
        return source.identity()
    if not isinstance(source, partial):
        # A plain function's address: it is decoded anew in each process.
        return repr(source)
    files = [path.stat() for path in source.args if isinstance(path, Path)]
    changes = [(file.st_mtime_ns, file.st_size) for file in files]
    return f"{source.func.__qualname__} {source.args} {source.keywords} {changes}"


def bank_key(tracks: Sequence[Track], header: list) -> str:
    described = [
        [track.name, track.sample_rate, _identity(track.mixture)]
        + [[stem, _identity(source)] for stem, source in track.stems.items()]
        for track in tracks
    ]
    return hashlib.sha256(json.dumps([header, described]).encode()).hexdigest()[:16]


def _loaded(tracks: Sequence[Track], load, pool: Executor, ahead: int) -> Iterator:
    """Results of `load` in the tracks' order, with no more than `ahead` of them in flight."""
    remaining = iter(tracks)
    pending = [pool.submit(load, track) for track in islice(remaining, ahead)]
    while pending:
        result = pending.pop(0).result()
        pending.extend(pool.submit(load, track) for track in islice(remaining, 1))
        yield result


def load_bank(
    tracks: Sequence[Track],
    sample_rate: int,
    *,
    channels: int = 1,
    minimum_samples: int = 1,
    cache_dir: str | os.PathLike | None = None,
    workers: int | None = None,
    processes: bool = False,
) -> SongBank:
    """Decodes tracks in parallel, each once, into a bank.

    Args:
        tracks: songs with the same stems.
        sample_rate: what they are resampled to, in Hz.
        channels: what they are mixed to. Stereo songs stay stereo with two; songs with any other
            number than this are averaged, and each channel gets the average.
        minimum_samples: shorter songs are padded with silence to this length.
        cache_dir: folder for a file that holds the bank; a second call with the same tracks finds
            it, and one that was killed is continued. `None` keeps the bank in memory.
        workers: songs in work at a time; `None` for one a processor.
        processes: whether several workers are processes, for tracks that are computed in Python.
            The calling script must be importable (`if __name__ == "__main__"`).

    Raises:
        InputError: if there are no tracks, their stems differ, or a source cannot be read.
    """
    given = any(track.mixture is not None for track in tracks)
    rows = (*common_stems(tracks), *([MIXTURE] if given else []))
    header = [FORMAT, sample_rate, minimum_samples, *rows]
    # Mono files go without the number: they are older than it.
    key = bank_key(tracks, header if channels == 1 else [*header, channels])
    store = BankStore(None if cache_dir is None else Path(cache_dir), key)
    missing = tracks[len(store.songs) :]
    if missing:
        load = partial(
            load_song,
            rows=rows,
            sample_rate=sample_rate,
            channels=channels,
            minimum_samples=minimum_samples,
        )
        workers = min(workers or os.cpu_count() or 1, len(missing))
        pool = (
            ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
            if processes and workers > 1
            else ThreadPoolExecutor(workers)
        )
        with pool:
            loaded = _loaded(missing, load, pool, 2 * workers)
            for song, audio in progress(loaded, "Loading songs", total=len(missing)):
                store.append(song, audio)
    bank = SongBank(
        store.array(), store.songs, rows=rows, sample_rate=sample_rate, channels=channels
    )
    if mapped_by_name():
        bank.samples = MappedFile(store.path())
    return bank

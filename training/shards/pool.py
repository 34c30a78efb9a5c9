"""A pool: chunks of songs in memory, from which examples are drawn as from a bank of songs."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from training.bank import Bank
from training.decode import Song
from training.shards.reader import ChunkTables, Shards


class SongTables(NamedTuple):
    """What is known of every song: what 1 is worth in its rows, and their levels.

    Each is float32 `(songs, rows)`.
    """

    scales: np.ndarray
    levels: np.ndarray

    @classmethod
    def of(cls, songs: list[Song]) -> "SongTables":
        """Takes it from the index."""
        return cls(
            np.array([song.scales for song in songs], "float32"),
            np.array([song.levels for song in songs], "float32"),
        )


class Pool(Bank):
    """Chunks as pieces of a bank, in the graph.

    Args:
        shards: where they come from.
        samples: `(chunks, values)`, each chunk filled up to the same length.
        chunks: which chunks of the tables they are, int64 `(chunks,)`.
        first: number of the first example that is drawn from the pool.
        tables: of all chunks.
        songs: of all songs.
    """

    def __init__(
        self, shards: Shards, samples, chunks, *, first, tables: ChunkTables, songs: SongTables
    ):
        settings = shards.settings
        # Spectrograms are cut as audio is: frames are samples, and bins are channels.
        bins = settings.front_end.bins if settings.spectrograms else 1
        channels = settings.channels * bins
        super().__init__(
            tf.reshape(samples, [-1]),
            rows=shards.rows,
            sample_rate=settings.sample_rate,
            channels=channels,
            half=settings.dtype == "float16",
        )
        self.first = first
        self.size = tf.size(chunks, out_type=tf.int64)
        self.lengths = tf.gather(tables.lengths, chunks)
        self.starts = tf.range(self.size) * (samples.shape[1] // channels)
        song = tf.gather(tables.songs, chunks)
        self.scales = tf.gather(songs.scales, song)
        self.levels = tf.gather(songs.levels, song)
        self._places = tf.gather(tables.places, chunks)

    def places(self, pieces, length: int):
        first, count = tf.unstack(tf.gather(self._places, pieces), axis=-1)
        return first, count

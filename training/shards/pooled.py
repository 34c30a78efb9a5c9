"""Shards -> a tf.data.Dataset: records in turn from many files, pools of them, random draws.

No Python runs while it is read. One thread reads and parses records, which is less work than the
transforms of what is drawn from them.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from training.bank import Bank
from training.dataset import (
    PREFETCHED,
    Maker,
    check_equal_shares,
    check_host,
    drawn_example,
    epoch_keys,
    finished,
    own_rows,
)
from training.draws import shuffled_numbers
from training.remix import Remix
from training.shards.memory import OPEN_FILES, budget
from training.shards.pool import Pool, SongTables
from training.shards.reader import ChunkTables, Shards
from training.source_gains import SourceGains
from zoo.errors import InputError

# Examples that many threads have in work.
_CALLS = 16
_FEATURES = {
    "song": tf.io.FixedLenFeature([], tf.int64),
    "chunk": tf.io.FixedLenFeature([], tf.int64),
    "audio": tf.io.FixedLenFeature([], tf.string),
}


class _Files:
    """Files whose records are read in turn.

    Args:
        shards: with the settings.
        files: some of its files.
        length: of an example.
        fixed: examples at fixed places of each song.
    """

    def __init__(self, shards: Shards, files, length: int, fixed: int = 0):
        self.shards = shards
        self.paths = tf.constant([str(shards.folder / shard.file) for shard in files])
        self.first_songs = tf.constant(np.cumsum([0, *(len(shard.songs) for shard in files[:-1])]))
        songs = [song for shard in files for song in shard.songs]
        tables = shards.tables(files, length, fixed=fixed)
        self.tables = ChunkTables(*map(tf.constant, tables))
        self.songs = SongTables.of(songs)
        self.chunks = len(tables.songs)
        channels = songs[0].channels
        self.values = int(tables.lengths.max()) * channels * len(shards.rows)

    def read(self, key=None) -> tf.data.Dataset:
        """(chunk, its samples): in the files' order, or in one of the key's own."""
        settings = self.shards.settings
        compression = "" if settings.compression == "none" else settings.compression.upper()
        count = len(self.paths)

        def records(file):
            raw = tf.data.TFRecordDataset(tf.gather(self.paths, file), compression)
            return raw.map(lambda record: (file, record))

        numbers = tf.data.Dataset.range(count)
        if key is None:
            dataset = numbers.flat_map(records)
        else:
            shuffled = numbers.map(lambda number: shuffled_numbers(number, count, key=key)[0])
            dataset = shuffled.interleave(records, cycle_length=min(OPEN_FILES, count))
        return dataset.map(self._parsed)

    def _parsed(self, file, record):
        values = tf.io.parse_single_example(record, _FEATURES)
        song = tf.gather(self.first_songs, file) + values["song"]
        chunk = tf.gather(self.tables.offsets, song) + values["chunk"]
        return chunk, tf.io.decode_raw(values["audio"], tf.int16)

    def pool(self, chunks, samples, first) -> Pool:
        """A bank of chunks; see `Pool`."""
        samples = tf.ensure_shape(samples, (None, self.values))
        return Pool(self.shards, samples, chunks, first=first, tables=self.tables, songs=self.songs)

    def pools(self, records: tf.data.Dataset, size: int) -> tf.data.Dataset:
        """(chunks, samples) of so many records each, the last one of fewer."""
        return records.padded_batch(size, ([], [self.values]))


def _example_bytes(spec) -> int:
    """Bytes of one example."""
    return sum(tensor.shape.num_elements() * tensor.dtype.size for tensor in tf.nest.flatten(spec))


def pooled_dataset(
    shards: Shards,
    make: Callable[[Pool], Maker],
    *,
    sample_rate: int,
    channels: int,
    batch_size: int,
    patches_per_song: int,
    remix: Remix | SourceGains | None,
    training: bool,
    seed: int,
    first_epoch: int | None,
    threads: int | None,
    host: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Batches of examples of shards; the arguments are those of `drawn_dataset`.

    Args:
        shards: the songs.
        make: gives the maker of examples of a pool.
        sample_rate: that is needed, in Hz.
        channels: that are needed.

    Raises:
        InputError: if the shards are not what is needed, an epoch has less than one batch, the
            hosts cannot share batches equally, or the memory is too little.
    """
    check_host(host, batch_size)
    probe = make(Bank(None, rows=(), sample_rate=sample_rate, channels=channels))
    shards.check_kind(sample_rate=sample_rate, channels=channels, reach=probe.reach)
    length = probe.length
    patches = len(shards) * patches_per_song
    options = {"batch_size": batch_size, "host": host, "patches": patches}
    if not training:
        return _fixed_dataset(shards, make, length, patches_per_song, threads=threads, **options)
    if patches < batch_size:
        raise InputError(
            f"{len(shards)} songs give {patches} examples an epoch, less than a batch of "
            f"{batch_size}"
        )
    index, count = host
    files = _Files(shards, shards.files_of(host), length)
    whole = patches // batch_size * batch_size
    if shards.split_files:
        # Every host has its own numbers, for draws that are not the others'.
        whole //= count
        begin, mine = index * whole, None
    else:
        begin, mine = 0, own_rows(batch_size=batch_size, host=host, patches=whole)

    def drawn(chunks, samples, key, number, first, last):
        maker = make(files.pool(chunks, samples, begin + first))
        return drawn_example(maker, remix, key=key, number=begin + number, patches=last - first)

    def pools(key, size):
        numbered = files.pools(files.read(key), size).enumerate()
        return numbered.map(lambda pool, rest: (key, pool, *rest))

    def numbers(key, pool, chunks, samples, *, size):
        """Examples of a pool: as large a share of the epoch's as it has of the records."""
        first, last = (
            (whole * tf.minimum(edge * size, files.chunks) + files.chunks - 1) // files.chunks
            for edge in (pool, pool + 1)
        )
        chosen = tf.data.Dataset.range(first, last)
        chosen = chosen if mine is None else chosen.filter(mine)
        return chosen.map(lambda number: (chunks, samples, key, number, first, last))

    def dataset(size):
        read = epoch_keys(seed, first_epoch).flat_map(lambda key: pools(key, size)).prefetch(1)
        examples = read.flat_map(lambda *pool: numbers(*pool, size=size))
        return examples.map(drawn, num_parallel_calls=threads or tf.data.AUTOTUNE)

    example = _example_bytes(dataset(1).element_spec)
    # Neither threads nor hosts may change the size of a pool, which decides on what is drawn.
    waiting = (PREFETCHED + 2) * batch_size + _CALLS
    size = budget(
        shards,
        files=len(files.paths),
        chunks=files.chunks,
        record=files.values * tf.int16.size,
        examples=waiting * example,
    ).records
    return finished(
        dataset(size), training=True, first_epoch=first_epoch, threads=threads, **options
    )


def _fixed_dataset(
    shards: Shards, make, length: int, patches_per_song: int, *, threads, **options
) -> tf.data.Dataset:
    """Examples at fixed places, read in the files' order, one record in memory at a time."""
    files = _Files(shards, shards.shards, length, patches_per_song)
    check_equal_shares(options["patches"], options["host"][1])

    def numbers(chunks, samples):
        first, last = tf.unstack(tf.gather(files.tables.fixed_edges, chunks[0] + [0, 1]))
        chosen = tf.data.Dataset.range(first, last)
        return chosen.map(lambda number: (chunks, samples, number))

    def fixed(_, example):
        chunks, samples, number = example
        maker = make(files.pool(chunks, samples, 0))
        return maker.original(tf.constant(0, tf.int64), tf.gather(files.tables.fixed, number))

    examples = files.pools(files.read(), 1).flat_map(numbers).enumerate()
    mine = own_rows(**options)
    if mine is not None:
        examples = examples.filter(lambda number, _: mine(number))
    examples = examples.map(fixed, num_parallel_calls=threads or tf.data.AUTOTUNE)
    return finished(examples, training=False, first_epoch=0, threads=threads, **options)

"""A folder of features -> batches for an autoencoder, as a tf.data.Dataset.

Features are kept as TFRecord shards of 16-bit numbers: tf.data reads them in its own threads,
without Python, many records at a time, and a folder has few files. `benchmarks/preprocessing.py`
compares this with one NumPy file a recording.
"""

import os
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from training.feature_folder import FeatureFolder, only, selected
from zoo.errors import InputError

# Shards that are read in turn, and bytes that are shuffled at a time.
_INTERLEAVED = 16
_SHUFFLED_BYTES = 1 << 26


@tf.autograph.experimental.do_not_convert
def spectrogram_features(
    folder: FeatureFolder | str | os.PathLike,
    *,
    paths: Sequence[str] | None = None,
    batch_size: int = 64,
    training: bool = True,
    seed: int = 0,
    first_epoch: int | None = None,
    threads: int | None = None,
) -> tf.data.Dataset:
    """Batches of features, for networks that learn to reproduce them.

    The order of an epoch depends on the seed and the epoch's number alone. It is random over the
    whole folder up to 64 MB of features; beyond, shards come in random order, and so do the
    recordings of each 64 MB that are read from 16 shards in turn.

    Args:
        folder: features of recordings.
        paths: which recordings; `None` for all.
        batch_size: recordings of a batch; an epoch's incomplete last batch is left out in training.
        training: `False` for one pass over all recordings in the order of `FeatureFolder.paths`.
        seed: fixes the order, below 2**31.
        first_epoch: `None` for one epoch per iteration of the dataset, each in another order; a
            number for an endless dataset that starts with that epoch, as `training.fit` needs to
            resume.
        threads: threads of the pipeline's own; `None` shares TensorFlow's.

    Returns:
        Batches of (x, x), x float32 `(batch, bins, frames, 1)` in [0, 1].

    Raises:
        InputError: if the folder cannot be used, lacks a recording, or has less than one batch.

    Example:
        >>> dataset = spectrogram_features("features", batch_size=64)  # doctest: +SKIP
        >>> network.fit(dataset, epochs=10)  # doctest: +SKIP
    """
    folder = folder if isinstance(folder, FeatureFolder) else FeatureFolder(folder)
    files, masks = folder.selection(paths)
    count = int(sum(mask.sum() for mask in masks))
    if count < (batch_size if training else 1):
        raise InputError(f"{folder.path}: {count} recordings are less than a batch of {batch_size}")
    calls = threads or tf.data.AUTOTUNE
    if training:
        block = max(1, _SHUFFLED_BYTES // (2 * folder.front_end.bins * folder.front_end.frames))
        whole = count // batch_size * batch_size
        epochs = _epochs(seed, first_epoch)
        dataset = epochs.flat_map(lambda key: _shuffled(files, masks, key, whole, block))
        # The next block, of this epoch or the next, is read while this one is used.
        dataset = dataset.prefetch(1).rebatch(batch_size, drop_remainder=True)
    else:
        dataset = selected(files, masks).batch(batch_size)
    dataset = dataset.map(lambda records: (folder.parsed(records),) * 2, num_parallel_calls=calls)
    if training and first_epoch is None:
        # flat_map hides the length, which Keras and `fit` ask for.
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(count // batch_size))
    elif not training:
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(-(-count // batch_size)))
    options = tf.data.Options()
    options.deterministic = True
    if threads:
        options.threading.private_threadpool_size = threads
    return dataset.prefetch(4).with_options(options)


def _epochs(seed: int, first_epoch: int | None) -> tf.data.Dataset:
    """A key for each epoch."""
    if first_epoch is None:
        return tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    return tf.data.Dataset.counter(first_epoch).map(lambda epoch: epoch + seed * 2**32)


def _shuffled(
    files: Sequence[str], masks: Sequence[np.ndarray], key, whole: int, block: int
) -> tf.data.Dataset:
    """An epoch's records as vectors of at most `block`, `whole` altogether.

    All draws are stateless: tf.data's own shuffling depends on the program's global seed.
    """
    wanted = tf.RaggedTensor.from_row_lengths(np.concatenate(masks), list(map(len, masks)))
    order = tf.random.experimental.stateless_shuffle(tf.range(len(files)), [key, -1])

    def shard(index):
        return only(tf.data.TFRecordDataset(tf.gather(files, index)), tf.gather(wanted, index))

    def shuffle(number, records):
        shuffled = tf.random.experimental.stateless_shuffle(records, [key, number])
        return shuffled[: whole - number * block]

    records = tf.data.Dataset.from_tensor_slices(order).interleave(
        shard, cycle_length=min(len(files), _INTERLEAVED)
    )
    return records.batch(block).enumerate().map(shuffle)

"""Random draws -> a tf.data.Dataset: what the pipelines of patches and of segments share."""

from typing import Any, Protocol

import tensorflow as tf

from training.bank import SongBank
from training.draws import random_place
from training.remix import Remix
from training.source_gains import SourceGains
from zoo.errors import InputError


class Maker(Protocol):
    """Makes one example of a bank, in the graph.

    Attributes:
        bank: the songs.
        length: samples of a song that an example must lie within.
        unit: what examples are called, in the plural.
    """

    bank: SongBank
    length: int
    unit: str

    def original(self, song, position) -> Any:
        """An example of a song as it is.

        Args:
            song: int64 scalar tensor.
            position: int64 scalar tensor, the first sample.
        """

    def remixed(self, remix: Remix | SourceGains, *, key, number, patches: int) -> Any:
        """An example whose stems `remix` draws.

        Args:
            remix: how.
            key: int64 scalar tensor, the epoch's seed.
            number: int64 scalar tensor, the example's number in its epoch.
            patches: examples of an epoch.
        """


def _numbers(patches: int, seed: int, first_epoch: int | None) -> tf.data.Dataset:
    """(key of the epoch, number of the patch) for each patch."""
    if first_epoch is None:
        epochs = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    else:
        epochs = tf.data.Dataset.counter(first_epoch).map(lambda epoch: epoch + seed * 2**32)
    return epochs.flat_map(
        lambda key: tf.data.Dataset.range(patches).map(lambda number: (key, number))
    )


def drawn_dataset(
    maker: Maker,
    *,
    batch_size: int,
    patches_per_song: int,
    remix: Remix | SourceGains | None,
    training: bool,
    seed: int,
    first_epoch: int | None,
    threads: int | None,
) -> tf.data.Dataset:
    """Batches of what `maker` makes; the arguments are those of `spectrogram_patches`.

    Raises:
        InputError: if an epoch has less than one batch.
    """
    bank = maker.bank
    patches = bank.size * patches_per_song
    if training and patches < batch_size:
        raise InputError(
            f"{bank.size} songs give {patches} {maker.unit} an epoch, less than a batch of "
            f"{batch_size}"
        )

    def fixed(number):
        song, place = number // patches_per_song, number % patches_per_song
        room = tf.gather(bank.lengths, song) - maker.length
        return maker.original(song, room * (2 * place + 1) // (2 * patches_per_song))

    def drawn(key, number):
        if remix is not None:
            return maker.remixed(remix, key=key, number=number, patches=patches)
        song, position = random_place(bank, key, number, patches, maker.length)
        return maker.original(song[0], position[0])

    calls = threads or tf.data.AUTOTUNE
    if training:
        whole = patches // batch_size * batch_size
        dataset = _numbers(whole, seed, first_epoch).map(drawn, num_parallel_calls=calls)
    else:
        dataset = tf.data.Dataset.range(patches).map(fixed, num_parallel_calls=calls)
    dataset = dataset.batch(batch_size, drop_remainder=training)
    if training and first_epoch is None:
        # flat_map hides the length, which Keras and `fit` ask for.
        batches = tf.data.experimental.assert_cardinality(patches // batch_size)
        dataset = dataset.apply(batches)
    dataset = dataset.prefetch(4)
    options = tf.data.Options()
    options.deterministic = True
    # Rewriting the graph would copy what it captures: the whole bank.
    options.experimental_optimization.apply_default_optimizations = False
    if threads:
        options.threading.private_threadpool_size = threads
    return dataset.with_options(options)

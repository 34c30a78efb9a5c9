"""Random draws -> a tf.data.Dataset: what the pipelines of patches and of segments share."""

from typing import Any, Protocol

import tensorflow as tf

from training.bank import Bank
from training.draws import random_place
from training.remix import Remix
from training.source_gains import SourceGains
from zoo.errors import InputError

# Batches that wait to be asked for.
PREFETCHED = 4


class Maker(Protocol):
    """Makes one example of a bank, in the graph.

    Attributes:
        bank: the songs.
        length: samples of a song that an example must lie within.
        unit: what examples are called, in the plural.
    """

    bank: Bank
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
            patches: examples of an epoch, or of the part of it that the bank is for.
        """


def check_host(host: tuple[int, int], batch_size: int) -> None:
    """Raises `InputError` unless batches of that size can be shared by so many hosts."""
    index, count = host
    if not 0 <= index < count:
        raise InputError(f"host={host}: is (index, count), with the index from 0 to count - 1")
    if batch_size % count:
        raise InputError(f"a batch of {batch_size} cannot be shared equally by {count} hosts")


def check_equal_shares(examples: int, hosts: int) -> None:
    """Raises `InputError` unless hosts get equally many examples of a last, incomplete batch."""
    if examples % hosts:
        raise InputError(
            f"{examples} examples to validate on cannot be shared equally by {hosts} hosts"
        )


def own_rows(*, batch_size: int, host: tuple[int, int], patches: int):
    """Whether a host makes the example of a number, as a function for the graph; `None` for all.

    Args:
        batch_size: of all hosts together.
        host: `(index, count)`.
        patches: examples of an epoch; the last batch may have fewer than the others.
    """
    index, count = host
    if count == 1:
        return None

    def mine(number):
        batch, row = number // batch_size, number % batch_size
        share = tf.minimum(patches - batch * batch_size, batch_size) // count
        return row // share == index

    return mine


def epoch_keys(seed: int, first_epoch: int | None) -> tf.data.Dataset:
    """The seed of each epoch: a random one at each iteration, or all from the first one on."""
    if first_epoch is None:
        return tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    return tf.data.Dataset.counter(first_epoch).map(lambda epoch: epoch + seed * 2**32)


def drawn_example(maker: Maker, remix: Remix | SourceGains | None, *, key, number, patches):
    """One random example, remixed or of a song as it is; see `Maker.remixed`."""
    if remix is not None:
        return maker.remixed(remix, key=key, number=number, patches=patches)
    song, position = random_place(maker.bank, key, number, patches, maker.length)
    return maker.original(song[0], position[0])


def finished(
    dataset: tf.data.Dataset,
    *,
    batch_size: int,
    patches: int,
    training: bool,
    first_epoch: int | None,
    threads: int | None,
    host: tuple[int, int],
) -> tf.data.Dataset:
    """Batches of a host's examples, in their order; the arguments are those of `drawn_dataset`."""
    dataset = dataset.batch(batch_size // host[1], drop_remainder=training)
    if not training or first_epoch is None:
        # flat_map hides the length, which Keras and `fit` ask for.
        batches = patches // batch_size if training else -(-patches // batch_size)
        dataset = dataset.apply(tf.data.experimental.assert_cardinality(batches))
    dataset = dataset.prefetch(PREFETCHED)
    options = tf.data.Options()
    options.deterministic = True
    # Rewriting the graph would copy what it captures: the whole bank.
    options.experimental_optimization.apply_default_optimizations = False
    if threads:
        options.threading.private_threadpool_size = threads
    return dataset.with_options(options)


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
    host: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Batches of what `maker` makes; the arguments are those of `spectrogram_patches`.

    Raises:
        InputError: if an epoch has less than one batch, or the hosts cannot share batches equally.
    """
    check_host(host, batch_size)
    bank = maker.bank
    patches = bank.size * patches_per_song
    if training and patches < batch_size:
        raise InputError(
            f"{bank.size} songs give {patches} {maker.unit} an epoch, less than a batch of "
            f"{batch_size}"
        )
    if not training:
        check_equal_shares(patches, host[1])

    def fixed(number):
        song, place = number // patches_per_song, number % patches_per_song
        room = tf.gather(bank.lengths, song) - maker.length
        return maker.original(song, room * (2 * place + 1) // (2 * patches_per_song))

    def drawn(key, number):
        return drawn_example(maker, remix, key=key, number=number, patches=patches)

    calls = threads or tf.data.AUTOTUNE
    numbers = tf.data.Dataset.range(patches // batch_size * batch_size if training else patches)
    mine = own_rows(batch_size=batch_size, host=host, patches=patches)
    numbers = numbers if mine is None else numbers.filter(mine)
    if training:
        keyed = epoch_keys(seed, first_epoch).flat_map(
            lambda key: numbers.map(lambda number: (key, number))
        )
        dataset = keyed.map(drawn, num_parallel_calls=calls)
    else:
        dataset = numbers.map(fixed, num_parallel_calls=calls)
    return finished(
        dataset,
        batch_size=batch_size,
        patches=patches,
        training=training,
        first_epoch=first_epoch,
        threads=threads,
        host=host,
    )

"""Tracks -> random patches of magnitude, as a tf.data.Dataset."""

import os
from collections.abc import Sequence

import tensorflow as tf

from training.bank import load_bank
from training.decode import common_stems
from training.draws import random_positions, shuffled_songs
from training.patches import PatchMaker, target_rows
from training.remix import Remix
from training.tracks import Track
from zoo.errors import InputError
from zoo.front_end import FrontEnd
from zoo.portability import require_tensorflow


def _numbers(patches: int, seed: int, first_epoch: int | None) -> tf.data.Dataset:
    """(key of the epoch, number of the patch) for each patch."""
    if first_epoch is None:
        epochs = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True).take(1)
    else:
        epochs = tf.data.Dataset.counter(first_epoch).map(lambda epoch: epoch + seed * 2**32)
    return epochs.flat_map(
        lambda key: tf.data.Dataset.range(patches).map(lambda number: (key, number))
    )


def spectrogram_patches(
    tracks: Sequence[Track],
    front_end: FrontEnd,
    *,
    stems: Sequence[str] = ("vocals",),
    batch_size: int = 16,
    patches_per_song: int = 16,
    remix: Remix | None = None,
    energy_weights: bool = False,
    training: bool = True,
    seed: int = 0,
    first_epoch: int | None = None,
    cache_dir: str | os.PathLike | None = None,
    workers: int | None = None,
    processes: bool = False,
    threads: int | None = None,
) -> tf.data.Dataset:
    """Patches of songs' magnitude spectrograms, for networks that mask them.

    Each song is decoded once (see `training.bank.load_bank`); every patch is cut from it by
    stateless random numbers, so that patch `n` of epoch `e` depends on the seed alone.

    Args:
        tracks: songs with the same stems.
        front_end: sample rate, transform and patch length.
        stems: targets. `"accompaniment"` is everything but `"vocals"` where no stem has that name.
        batch_size: patches of a batch; an epoch's incomplete last batch is left out in training.
        patches_per_song: how often each song is drawn in an epoch.
        remix: how stems are remixed across songs; `None` for the songs as they are.
        energy_weights: add a third element, weights `(batch, 1, 1)`: one over the mixture patch's
            mean square. With Keras's mean squared error this is the squared error divided by the
            mixture's energy.
        training: `False` for patches at fixed, evenly spaced positions, the same in every epoch.
        seed: fixes the draws, below 2**31.
        first_epoch: `None` for one epoch per iteration of the dataset, each with new patches; a
            number for an endless dataset that starts with that epoch, as `training.fit` needs to
            resume.
        cache_dir: folder for the decoded songs; `None` keeps them in memory.
        workers: songs decoded at a time.
        processes: whether songs are decoded in processes, see `load_bank`.
        threads: threads of the pipeline's own; `None` shares TensorFlow's.

    Returns:
        Batches of (mixture `(batch, bins, frames, 1)`, {stem: target of the same shape}[,
        weights]), float32; mixtures in [0, 1], divided by their own peak, targets by the same.

    Raises:
        InputError: if the songs cannot be used, or lack a stem.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(2, 120000, 1)).astype("float32") / 10
        >>> track = Track("noise", 8192, None, {"vocals": noise[0], "drums": noise[1]})
        >>> dataset = spectrogram_patches([track], FrontEnd(), batch_size=2, patches_per_song=4)
        >>> mixture, targets = next(iter(dataset))
        >>> tuple(mixture.shape), list(targets)
        ((2, 512, 128, 1), ['vocals'])
    """
    available = common_stems(tracks)
    targets = target_rows(stems, available)
    if remix is not None:
        remix.check(available)
    require_tensorflow("the input pipeline")
    bank = load_bank(
        tracks,
        front_end.sample_rate,
        minimum_samples=front_end.patch_samples(),
        cache_dir=cache_dir,
        workers=workers,
        processes=processes,
    )
    maker = PatchMaker(bank, front_end, targets, energy_weights=energy_weights)
    patches = bank.size * patches_per_song
    if training and patches < batch_size:
        raise InputError(
            f"{bank.size} songs give {patches} patches an epoch, less than a batch of {batch_size}"
        )

    def fixed(number):
        song, place = number // patches_per_song, number % patches_per_song
        room = tf.gather(bank.lengths, song) - maker.length
        return maker.original(song, room * (2 * place + 1) // (2 * patches_per_song))

    def drawn(key, number):
        if remix is not None:
            return maker.remixed(remix, key=key, number=number, patches=patches)
        songs = shuffled_songs(bank, key, number, patches, 1)
        where = tf.random.stateless_uniform([1], tf.stack([key, number]))
        return maker.original(songs[0], random_positions(bank, songs, where, maker.length)[0])

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

"""Tracks -> random patches of magnitude or segments of waveform, as a tf.data.Dataset."""

import os
from collections.abc import Callable, Sequence
from functools import partial

import keras
import tensorflow as tf

from training.bank import Bank, load_bank
from training.dataset import Maker, drawn_dataset
from training.patches import PatchMaker
from training.remix import Remix
from training.segments import SegmentMaker, SegmentSizes
from training.shards.magnitudes import MagnitudeMaker
from training.shards.reader import Shards, stems_of
from training.source_gains import SourceGains
from training.targets import target_rows
from training.tracks import Track
from training.transforms.transform import Transform
from zoo.errors import InputError
from zoo.front_end import FrontEnd


def _remix(remix, augment: Sequence[Transform], stems: Sequence[str], *, channels: int):
    """How stems come together; songs as they are, where they are only transformed."""
    for transform in augment:
        transform.check(stems, channels=channels)
    if remix is None:
        return SourceGains(1.0, 1.0) if augment else None
    remix.check(stems)
    return remix


# The makers' Python runs while the graph is made: to convert it takes longer than all the rest.
@tf.autograph.experimental.do_not_convert
def _examples(
    tracks: Sequence[Track] | Shards,
    make: Callable[[Bank], Maker],
    *,
    sample_rate: int,
    channels: int,
    cache_dir,
    workers: int | None,
    processes: bool,
    **options,
) -> tf.data.Dataset:
    """Batches of what `make`'s maker makes, of decoded songs or of shards."""
    if not isinstance(tracks, Shards):
        probe = make(Bank(None, rows=(), sample_rate=sample_rate, channels=channels))
        bank = load_bank(
            tracks,
            sample_rate,
            channels=channels,
            minimum_samples=probe.length,
            cache_dir=cache_dir,
            workers=workers,
            processes=processes,
        )
        return drawn_dataset(make(bank), **options)
    from training.shards.pooled import pooled_dataset

    return pooled_dataset(tracks, make, sample_rate=sample_rate, channels=channels, **options)


def spectrogram_patches(
    tracks: Sequence[Track] | Shards,
    front_end: FrontEnd,
    *,
    stems: Sequence[str] = ("vocals",),
    batch_size: int = 16,
    patches_per_song: int = 16,
    remix: Remix | SourceGains | None = None,
    augment: Sequence[Transform] = (),
    energy_weights: bool = False,
    phase_sensitive: bool = False,
    training: bool = True,
    seed: int = 0,
    first_epoch: int | None = None,
    cache_dir: str | os.PathLike | None = None,
    workers: int | None = None,
    processes: bool = False,
    threads: int | None = None,
    host: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Patches of songs' magnitude spectrograms, for networks that mask them.

    Each song is decoded once (see `training.bank.load_bank`); every patch is cut from it by
    stateless random numbers, so that patch `n` of epoch `e` depends on the seed alone.

    Args:
        tracks: songs with the same stems, or `training.Shards`, which are read and not decoded.
            Songs are brought to the front end's sample rate and channels (see
            `training.bank.load_bank`).
        front_end: sample rate, transform, patch length, channels, layout and normalisation.
        stems: targets. `"accompaniment"` is everything but `"vocals"`, and `"other"` everything
            that no other target names, where no stem is called so.
        batch_size: patches of a batch; an epoch's incomplete last batch is left out in training.
        patches_per_song: how often each song is drawn in an epoch.
        remix: how stems are remixed, by `Remix` or `SourceGains`; `None` for songs as they are.
        augment: what is done to the stems then, in this order; see `training.transforms`. The
            mixture is then the sum of the stems.
        energy_weights: add a third element, weights `(batch, 1, 1)`: one over the mixture patch's
            mean square. With Keras's mean squared error this is the squared error divided by the
            mixture's energy.
        phase_sensitive: targets are what a mask should leave of the mixture's magnitude to come
            closest to a stem with the mixture's phase: the stem's magnitude times the cosine of the
            angle between the two, which may be negative; see `training.patches.in_phase`.
        training: `False` for patches at fixed, evenly spaced positions, the same in every epoch.
        seed: fixes the draws, below 2**31.
        first_epoch: `None` for one epoch per iteration of the dataset, each with new patches; a
            number for an endless dataset that starts with that epoch, as `training.fit` needs to
            resume.
        cache_dir: folder for the decoded songs; `None` keeps them in memory.
        workers: songs decoded at a time.
        processes: whether songs are decoded in processes, see `load_bank`.
        threads: threads of the pipeline's own; `None` shares TensorFlow's.
        host: `(index, count)` of the process among those that train together: it makes rows
            `[index * batch_size / count, (index + 1) * batch_size / count)` of every batch, and
            none of the others'.

    Returns:
        Batches of (mixture `(batch, *front_end.network_shape)`, {stem: target of the same shape}[,
        weights]), float32. With the normalization "peak", mixtures are divided by their own peak,
        that of all channels, and targets by the same; with "none" magnitudes are as they are.

    Raises:
        InputError: if the songs cannot be used or lack a stem, or hosts cannot share a batch.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(2, 120000, 1)).astype("float32") / 10
        >>> track = Track("noise", 8192, None, {"vocals": noise[0], "drums": noise[1]})
        >>> dataset = spectrogram_patches([track], FrontEnd(), batch_size=2, patches_per_song=4)
        >>> mixture, targets = next(iter(dataset))
        >>> tuple(mixture.shape), list(targets)
        ((2, 512, 128, 1), ['vocals'])
    """
    available = stems_of(tracks)
    if isinstance(tracks, Shards) and tracks.settings.spectrograms:
        remixed = remix is not None or len(augment) > 0
        tracks.check_front_end(front_end, stems, remixed=remixed)
        if phase_sensitive:
            raise InputError("phase_sensitive: needs phases; make shards with --content audio")
        make = partial(
            MagnitudeMaker, front_end=front_end, targets=stems, energy_weights=energy_weights
        )
    else:
        remix = _remix(remix, augment, available, channels=front_end.channels)
        make = partial(
            PatchMaker,
            front_end=front_end,
            targets=target_rows(stems, available),
            energy_weights=energy_weights,
            phase_sensitive=phase_sensitive,
            augment=augment,
        )
    return _examples(
        tracks,
        make,
        sample_rate=front_end.sample_rate,
        channels=front_end.channels,
        batch_size=batch_size,
        patches_per_song=patches_per_song,
        remix=remix,
        training=training,
        seed=seed,
        first_epoch=first_epoch,
        cache_dir=cache_dir,
        workers=workers,
        processes=processes,
        threads=threads,
        host=host,
    )


def waveform_segments(
    tracks: Sequence[Track] | Shards,
    network: keras.Model,
    *,
    stems: Sequence[str] | None = None,
    batch_size: int = 16,
    segments_per_song: int = 16,
    remix: Remix | SourceGains | None = None,
    augment: Sequence[Transform] = (),
    training: bool = True,
    seed: int = 0,
    first_epoch: int | None = None,
    cache_dir: str | os.PathLike | None = None,
    workers: int | None = None,
    processes: bool = False,
    threads: int | None = None,
    host: tuple[int, int] = (0, 1),
) -> tf.data.Dataset:
    """Segments of songs' waveforms, for networks that take them, as `zoo.WaveUNet` does.

    Songs are decoded once, and segments drawn, as `spectrogram_patches` does it. What is drawn is
    the place of the targets, over the whole song; around them, the mixture has as much more as the
    network needs, which is silence before the song and behind it.

    Args:
        tracks: songs with the same stems. They are brought to the network's sample rate and
            channels (see `training.bank.load_bank`). Or `training.Shards`, which have them.
        network: tells lengths, sample rate, channels and, in `scales`, at how many rates it
            estimates the targets; it is not run.
        stems: targets; `None` for the network's own. `"accompaniment"` is everything but
            `"vocals"`, and `"other"` everything that no other target names, where no stem is
            called so.
        batch_size: segments of a batch; an epoch's incomplete last batch is left out in training.
        segments_per_song: how often each song is drawn in an epoch.
        remix: how stems are remixed, by `Remix` or `SourceGains`; `None` for songs as they are.
        augment: what is done to the stems then, in this order; see `training.transforms`. The
            mixture is then the sum of the stems.
            The mixture is then the sum of the stems. Where that exceeds full scale, it and its
            targets are scaled down together, since networks cannot return what lies beyond.
        training: `False` for segments at fixed, evenly spaced positions, the same in every epoch.
        seed: fixes the draws, below 2**31.
        first_epoch: `None` for one epoch per iteration of the dataset, each with new segments; a
            number for an endless dataset that starts with that epoch, as `training.fit` needs to
            resume.
        cache_dir: folder for the decoded songs; `None` keeps them in memory.
        workers: songs decoded at a time.
        processes: whether songs are decoded in processes, see `load_bank`.
        threads: threads of the pipeline's own; `None` shares TensorFlow's.
        host: `(index, count)` of the process among those that train together: it makes rows
            `[index * batch_size / count, (index + 1) * batch_size / count)` of every batch, and
            none of the others'.

    Returns:
        Batches of (mixture `(batch, input samples, channels)`, {stem: target `(batch, output
        samples, channels)`}), float32; the targets are in the middle of the mixture. For a network
        with more than one scale there are targets `<stem>_2`, `<stem>_4`, ... too: smoothed by a
        triangle, and sampled where its outputs of these names lie.

    Raises:
        InputError: if the songs cannot be used or lack a stem, the network takes no waveforms, or
            a batch cannot be shared equally.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(2, 9000, 2)).astype("float32") / 10
        >>> track = Track("noise", 22050, None, {"vocals": noise[0], "drums": noise[1]})
        >>> network = WaveUNet("M4", levels=4, initial_filters=4, segment_samples=2000)
        >>> dataset = waveform_segments([track], network, batch_size=2, segments_per_song=4)
        >>> mixture, targets = next(iter(dataset))
        >>> tuple(mixture.shape), {stem: tuple(target.shape) for stem, target in targets.items()}
        ((2, 2499, 2), {'accompaniment': (2, 2005, 2), 'vocals': (2, 2005, 2)})
    """
    if not hasattr(network, "segment_samples"):
        raise InputError(f"{type(network).__name__} takes no waveforms: use spectrogram_patches")
    available = stems_of(tracks)
    targets = target_rows(network.sources if stems is None else stems, available)
    remix = _remix(remix, augment, available, channels=network.channels)
    return _examples(
        tracks,
        partial(SegmentMaker, sizes=SegmentSizes.of(network), targets=targets, augment=augment),
        sample_rate=network.sample_rate,
        channels=network.channels,
        batch_size=batch_size,
        patches_per_song=segments_per_song,
        remix=remix,
        training=training,
        seed=seed,
        first_epoch=first_epoch,
        cache_dir=cache_dir,
        workers=workers,
        processes=processes,
        threads=threads,
        host=host,
    )

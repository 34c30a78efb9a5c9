"""Processes that train together make the rows of one batch between them."""

import numpy as np
import pytest

import zoo
from training.pipeline import spectrogram_patches, waveform_segments
from training.remix import Remix
from zoo.errors import InputError


def rows(dataset, batches=5):
    """The batches' mixtures and targets, each as one array per batch."""
    flat = [(x.numpy(), *(y[name].numpy() for name in sorted(y))) for x, y in dataset.take(batches)]
    return list(zip(*flat, strict=True))


def assert_shares_join(whole, shares):
    for values, *parts in zip(whole, *shares, strict=True):
        for batch, *pieces in zip(values, *parts, strict=True):
            assert len({len(piece) for piece in pieces}) == 1
            np.testing.assert_array_equal(batch, np.concatenate(pieces))


@pytest.mark.parametrize(
    ("hosts", "options"),
    [
        (4, {"first_epoch": 2}),
        (2, {"first_epoch": 0, "remix": Remix()}),
        # 20 patches in batches of 8: the last one has four.
        (4, {"training": False, "patches_per_song": 5}),
    ],
)
def test_shares_of_hosts_join_to_the_single_process_batches(songs, front_end, hosts, options):
    options = {"batch_size": 8, "patches_per_song": 6, "seed": 3, **options}
    whole = rows(spectrogram_patches(songs, front_end, **options))
    shares = [
        rows(spectrogram_patches(songs, front_end, host=(index, hosts), **options))
        for index in range(hosts)
    ]
    assert_shares_join(whole, shares)


def test_segments_are_shared_as_patches_are(songs):
    network = zoo.WaveUNet("M1", levels=2, initial_filters=1, segment_samples=256)
    options = {"stems": ("vocals", "accompaniment"), "batch_size": 4, "segments_per_song": 3}
    whole = rows(waveform_segments(songs, network, first_epoch=0, **options))
    shares = [
        rows(waveform_segments(songs, network, first_epoch=0, host=(index, 2), **options))
        for index in range(2)
    ]
    assert_shares_join(whole, shares)


def test_shares_that_would_differ_are_refused(songs, front_end):
    with pytest.raises(InputError, match="batch of 4 cannot be shared equally by 3 hosts"):
        spectrogram_patches(songs, front_end, batch_size=4, host=(0, 3))
    with pytest.raises(InputError, match="20 examples to validate on .* by 8 hosts"):
        spectrogram_patches(
            songs, front_end, batch_size=8, patches_per_song=5, training=False, host=(0, 8)
        )
    for host in ((2, 2), (-1, 2), (0, 0)):
        with pytest.raises(InputError, match="is .index, count."):
            spectrogram_patches(songs, front_end, host=host)

"""Transforms where they work: in the pipelines of patches and segments."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import signal

from training.bank import load_bank
from training.patches import PatchMaker
from training.pipeline import spectrogram_patches, waveform_segments
from training.remix import Remix
from training.segments import SegmentMaker, SegmentSizes
from training.source_gains import SourceGains
from training.tracks import Track
from training.transforms.levels import Gain, Polarity, SilentStem
from training.transforms.low_pass import LowPass
from training.transforms.noise import Noise
from training.transforms.stereo import ChannelSwap, RandomMono
from zoo.errors import InputError
from zoo.wave_unet import WaveUNet

RATE = 2000
ALL = (
    Gain((-6.0, 3.0), probability=0.5),
    Polarity(probability=0.5),
    LowPass((300.0, 900.0), probability=0.5),
    Noise((-30.0, -10.0), probability=0.5),
    SilentStem(probability=0.3),
)
KEY, NUMBER = tf.constant(3, tf.int64), tf.constant(1, tf.int64)
AS_THEY_ARE = SourceGains(1.0, 1.0)


@pytest.fixture(scope="module")
def network():
    return WaveUNet(
        "M4", levels=2, initial_filters=2, segment_samples=300, sample_rate=RATE, channels=2
    )


@pytest.fixture(scope="module")
def stereo_songs():
    rng = np.random.default_rng(0)
    return [
        Track(
            f"song-{song}",
            RATE,
            None,
            {
                stem: rng.normal(0, 0.1, (3000, 2)).astype("float32")
                for stem in ("vocals", "drums", "bass")
            },
        )
        for song in range(4)
    ]


def test_the_mixture_is_the_sum_of_its_targets(network, stereo_songs):
    dataset = waveform_segments(
        stereo_songs,
        network,
        remix=Remix(),
        augment=(*ALL, ChannelSwap(probability=0.5), RandomMono(probability=0.5)),
        batch_size=16,
        first_epoch=0,
    )
    mixture, targets = next(iter(dataset))
    lead = (mixture.shape[1] - targets["vocals"].shape[1]) // 2
    middle = mixture[:, lead : lead + targets["vocals"].shape[1]]
    np.testing.assert_allclose(middle, targets["vocals"] + targets["accompaniment"], atol=1e-6)
    assert np.abs(mixture).max() <= 1


def test_silence_of_a_stem_reaches_its_target(front_end, make_songs):
    options = {"stems": ("vocals",), "batch_size": 16, "first_epoch": 0}
    silent = (SilentStem(probability=1.0, stems=("vocals",)),)
    mixture, targets = next(
        iter(spectrogram_patches(make_songs(4), front_end, augment=silent, **options))
    )
    assert not targets["vocals"].numpy().any()
    np.testing.assert_allclose(tf.reduce_max(mixture, axis=(1, 2, 3)), 1, atol=1e-6)


def test_examples_depend_on_the_seed_and_their_number_alone(front_end, make_songs):
    songs = make_songs(4)

    def examples(batch_size, **options):
        augment = (Gain((-6.0, 3.0)), Noise((-20.0, -10.0), probability=0.5))
        dataset = spectrogram_patches(
            songs, front_end, augment=augment, batch_size=batch_size, **options
        )
        flat = dataset.unbatch().take(8)
        return np.stack([mixture for mixture, _ in flat.as_numpy_iterator()])

    first = examples(4, first_epoch=0)
    np.testing.assert_array_equal(first, examples(8, first_epoch=0, threads=1))
    for other in ({"first_epoch": 1}, {"first_epoch": 0, "seed": 1}):
        assert np.abs(first - examples(4, **other)).max() > 0.1


def filtered(song, cutoff):
    """The whole song through a sinc under a Gaussian bell, silence around it."""
    reach = LowPass((cutoff, cutoff)).margin(RATE)
    seconds = np.arange(-reach, reach + 1) / RATE
    bell = np.exp(-0.5 * (2 * np.pi * 0.05 * cutoff * seconds) ** 2)
    taps = 2 * cutoff / RATE * np.sinc(2 * cutoff * seconds) * bell
    return signal.convolve(song.astype("float64"), taps[:, None], "same")


def test_a_filtered_segment_is_a_segment_of_the_filtered_song(network, stereo_songs):
    """What comes round the ends of a filter's window is cut off."""
    bank = load_bank(stereo_songs, RATE, channels=2)
    low_pass = LowPass((400.0, 400.0))
    maker = SegmentMaker(bank, SegmentSizes.of(network), {"vocals": [0]}, augment=(low_pass,))
    options = {"key": KEY, "number": NUMBER, "patches": 16}
    mixture, targets = maker.remixed(AS_THEY_ARE, **options)
    draw = AS_THEY_ARE.draw(bank, maker.length, targets={"vocals": [0]}, **options)
    song, position = int(draw.songs[0]), int(draw.positions[0])
    whole = filtered(stereo_songs[song].load_stem("vocals"), 400.0)
    wanted = whole[position : position + maker.length]
    np.testing.assert_allclose(targets["vocals"], wanted, atol=2e-5)

    lead = (mixture.shape[0] - maker.length) // 2
    padded = np.pad(stereo_songs[song].load_mixture(), ((lead, lead), (0, 0)))
    wanted = filtered(padded, 400.0)[position : position + mixture.shape[0]]
    np.testing.assert_allclose(mixture, wanted, atol=5e-5)


def test_a_filtered_patch_is_a_patch_of_the_filtered_song(front_end, make_songs):
    songs = make_songs(4)
    bank = load_bank(songs, RATE)
    low_pass = LowPass((400.0, 400.0))
    targets = {"vocals": [0], "rest": [1, 2]}
    maker = PatchMaker(bank, front_end, targets, energy_weights=False, augment=(low_pass,))
    options = {"key": KEY, "number": NUMBER, "patches": 16}
    patch, outputs = maker.remixed(AS_THEY_ARE, **options)
    draw = AS_THEY_ARE.draw(bank, maker.length, targets=targets, **options)
    song, position = int(draw.songs[0]), int(draw.positions[0])

    def magnitude(waveform):
        part = filtered(waveform, 400.0)[position : position + maker.length, 0]
        frames = np.lib.stride_tricks.sliding_window_view(part, 64)[::48]
        window = signal.get_window("hann", 64)
        return np.abs(np.fft.rfft(frames * window))[:, 1:].T[..., None]

    mixture = magnitude(songs[song].load_mixture())
    np.testing.assert_allclose(patch, mixture / mixture.max(), atol=1e-4)
    vocals = magnitude(songs[song].load_stem("vocals"))
    np.testing.assert_allclose(outputs["vocals"], vocals / mixture.max(), atol=1e-4)


def test_songs_are_checked_before_they_are_decoded(front_end, make_songs, network, stereo_songs):
    with pytest.raises(InputError, match="augment: channel_swap changes nothing in one channel"):
        spectrogram_patches(make_songs(1), front_end, augment=(ChannelSwap(),))
    with pytest.raises(InputError, match="augment: gain: the songs have no stem 'flute'"):
        waveform_segments(stereo_songs, network, augment=(Gain(stems=("flute",)),))

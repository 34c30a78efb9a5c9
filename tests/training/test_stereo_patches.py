"""Patches of stereo spectrograms, against short-time spectra of the same samples by librosa."""

from dataclasses import replace

import keras
import librosa
import numpy as np
import pytest
import tensorflow as tf

from training.bank import load_bank
from training.patches import PatchMaker
from training.pipeline import spectrogram_patches
from training.remix import Remix
from training.shards.reader import Shards
from training.shards.settings import ShardSettings
from training.shards.writer import write_shards
from training.source_gains import SourceGains
from training.tracks import Track
from training.transforms.stereo import ChannelSwap, RandomMono
from zoo.errors import InputError
from zoo.front_end import FrontEnd

RATE = 2000
STEREO = FrontEnd(
    sample_rate=RATE,
    frame_length=64,
    frame_step=48,
    bins=24,
    first_bin=0,
    frames=8,
    normalization="none",
    channels=2,
    layout="frames_bins",
)
STEMS = ("vocals", "drums", "bass")
TARGETS = ("vocals", "accompaniment")
BOTH = {"stems": TARGETS, "training": False, "patches_per_song": 2}


def stereo_songs(count, *, channels=2, samples=1200, pans=None):
    """Songs of noise; with `pans`, each stem's right channel is so many times its left one."""
    rng = np.random.default_rng(3)
    songs = []
    for song in range(count):
        stems = {}
        for stem in STEMS:
            waveform = rng.normal(0, 0.1, (samples, channels)).astype("float32")
            if pans:
                waveform = waveform[:, :1] * np.float32([1, pans[stem]])
            stems[stem] = waveform
        songs.append(Track(f"song-{song}", RATE, None, stems))
    return songs


def spectrum(channel, start=0):
    """`(frames, bins)` of a segment of one channel."""
    segment = channel[start : start + STEREO.patch_samples()]
    return librosa.stft(segment, n_fft=64, hop_length=48, center=False)[:24].T


def magnitude(waveform, start=0):
    """`(frames, bins, channels)`."""
    return np.abs(np.stack([spectrum(channel, start) for channel in waveform.T], axis=-1))


def collect(dataset):
    parts = list(dataset.as_numpy_iterator())
    mixtures = np.concatenate([part[0] for part in parts])
    return mixtures, {
        name: np.concatenate([part[1][name] for part in parts]) for name in parts[0][1]
    }


@pytest.mark.parametrize(
    ("layout", "normalization"), [("frames_bins", "none"), ("bins_frames", "peak")]
)
def test_fixed_patches_equal_librosa_channel_by_channel(layout, normalization):
    front_end = replace(STEREO, layout=layout, normalization=normalization)
    (track,) = stereo_songs(1)
    # The peak is that of the louder channel.
    for waveform in track.stems.values():
        waveform[:, 1] *= 3
    mixtures, targets = collect(spectrogram_patches([track], front_end, **BOTH))
    assert mixtures.shape == (2, *front_end.network_shape)
    room = 1200 - front_end.patch_samples()
    for patch, start in enumerate((room // 4, room * 3 // 4)):
        mixture = magnitude(track.load_mixture(), start)
        scale = mixture.max() if normalization == "peak" else 1
        for got, waveform in (
            (mixtures, track.load_mixture()),
            (targets["vocals"], track.stems["vocals"]),
            (targets["accompaniment"], track.stems["drums"] + track.stems["bass"]),
        ):
            wanted = magnitude(waveform, start) / scale
            wanted = wanted if layout == "frames_bins" else wanted.swapaxes(0, 1)
            np.testing.assert_allclose(got[patch], wanted, atol=1e-3 / scale)


def test_stems_are_equalised_alike_in_both_channels_and_added_up():
    """Each stem's spectrum times its curve; the mixture is the magnitude of their sum."""
    songs = stereo_songs(3)
    remix = Remix(equalizer_db=6.0)
    rows = {"vocals": [0], "accompaniment": [1, 2]}
    bank = load_bank(songs, RATE, channels=2)
    maker = PatchMaker(bank, STEREO, rows, energy_weights=False)
    draws = {"key": tf.constant(3, tf.int64), "number": tf.constant(2, tf.int64)}
    mixture, targets = maker.remixed(remix, **draws, patches=6)
    draw = remix.draw(bank, maker.length, **draws, patches=6)
    waveforms = [waveform.numpy() for waveform in draw.waveforms(bank, maker.length)]
    curves = remix.equalizers(3, 33, **draws).numpy()[:, :24]
    spectra = [
        np.stack([spectrum(channel) * curve for channel in waveform.T], axis=-1)
        for waveform, curve in zip(waveforms, curves, strict=True)
    ]
    for got, wanted in (
        (mixture, sum(spectra)),
        (targets["vocals"], spectra[0]),
        (targets["accompaniment"], spectra[1] + spectra[2]),
    ):
        np.testing.assert_allclose(got, np.abs(wanted), atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize("remix", [SourceGains(), Remix()])
@pytest.mark.parametrize(
    ("transform", "ratio"), [(None, 0.25), (ChannelSwap(), 4.0), (RandomMono(), 1.0)]
)
def test_transforms_of_stereo_show_in_the_patches(remix, transform, ratio):
    """Vocals sit at one place between left and right, the others elsewhere."""
    songs = stereo_songs(2, pans={"vocals": 0.25, "drums": -1.0, "bass": 0.5})
    augment = () if transform is None else (transform,)
    dataset = spectrogram_patches(
        songs, STEREO, stems=TARGETS, remix=remix, augment=augment, batch_size=4, first_epoch=0
    )
    _, targets = next(iter(dataset))
    left, right = tf.unstack(targets["vocals"], axis=-1)
    assert np.max(left) > 0.1
    np.testing.assert_allclose(right, ratio * left, rtol=0.01, atol=2e-3)


def test_energy_weights_count_both_channels():
    dataset = spectrogram_patches(
        stereo_songs(2), STEREO, stems=TARGETS, batch_size=4, energy_weights=True
    )
    inputs, targets, weights = next(iter(dataset))
    assert weights.shape == (4, 1, 1)
    estimate = 0.5 * inputs
    loss = keras.losses.MeanSquaredError()(targets["vocals"], estimate, sample_weight=weights)
    errors = np.mean((targets["vocals"] - estimate) ** 2, axis=(1, 2, 3))
    energies = np.mean(inputs.numpy() ** 2, axis=(1, 2, 3))
    assert float(loss) == pytest.approx(np.mean(errors / energies), rel=1e-5)


@pytest.mark.parametrize("channels", [1, 4])
def test_songs_of_other_channels_give_both_their_average(channels):
    (track,) = stereo_songs(1, channels=channels)
    mixtures, _ = collect(spectrogram_patches([track], STEREO, **BOTH))
    np.testing.assert_array_equal(mixtures[..., 0], mixtures[..., 1])
    mono = track.load_mixture().mean(axis=1, keepdims=True)
    start = (1200 - STEREO.patch_samples()) // 4
    np.testing.assert_allclose(mixtures[0, ..., :1], magnitude(mono, start), atol=1e-3)


def test_a_front_end_of_one_channel_hears_the_average():
    (track,) = stereo_songs(1)
    mixtures, _ = collect(spectrogram_patches([track], replace(STEREO, channels=1), **BOTH))
    start = (1200 - STEREO.patch_samples()) // 4
    mono = track.load_mixture().mean(axis=1, keepdims=True)
    np.testing.assert_allclose(mixtures[0], magnitude(mono, start), atol=1e-3)


@pytest.fixture(scope="module")
def held_back():
    """Two songs to train on, and one held back."""
    songs = stereo_songs(3, samples=2400)
    splits = ("train", "train", "validation")
    return [replace(song, split=split) for song, split in zip(songs, splits, strict=True)]


def test_shards_of_audio_have_both_channels(held_back, tmp_path):
    settings = ShardSettings.of_front_end(STEREO, chunk_seconds=0.4)
    write_shards(held_back, tmp_path / "s", settings=settings, workers=1)
    shards = Shards(tmp_path / "s").of("validation")
    for got, wanted in zip(
        collect(spectrogram_patches(shards, STEREO, **BOTH)),
        collect(spectrogram_patches(held_back[2:], STEREO, **BOTH)),
        strict=True,
    ):
        tf.nest.map_structure(np.testing.assert_array_equal, got, wanted)
    with pytest.raises(InputError, match="made with channels=2, here 1 is needed"):
        spectrogram_patches(shards, replace(STEREO, channels=1))


def test_shards_of_spectrograms_have_both_channels(held_back, tmp_path):
    settings = ShardSettings.of_front_end(
        STEREO, content="spectrograms", targets=TARGETS, dtype="float16", chunk_seconds=0.4
    )
    write_shards(held_back, tmp_path / "s", settings=settings, workers=1)
    shards = Shards(tmp_path / "s").of("validation")
    front_end = replace(STEREO, layout="bins_frames", normalization="peak")
    mixtures, targets = collect(spectrogram_patches(shards, front_end, **BOTH))
    # 49 frames: patches begin at a quarter and at three quarters of 41.
    (_, _, track) = held_back
    for patch, frame in enumerate((41 // 4, 41 * 3 // 4)):
        mixture = magnitude(track.load_mixture(), 48 * frame)
        vocals = magnitude(track.stems["vocals"], 48 * frame)
        for got, wanted in ((mixtures, mixture), (targets["vocals"], vocals)):
            wanted = wanted.swapaxes(0, 1) / mixture.max()
            np.testing.assert_allclose(got[patch], wanted, atol=1e-3)
    batch, _ = next(iter(spectrogram_patches(Shards(tmp_path / "s"), STEREO, batch_size=4)))
    assert batch.shape == (4, 8, 24, 2)
    with pytest.raises(InputError, match="made with channels=2, here 1 is needed"):
        spectrogram_patches(shards, replace(STEREO, channels=1))


def test_settings_of_spectrograms_have_the_front_ends_channels():
    with pytest.raises(ValueError, match=r"the front end's 2 channels. Received: channels=1"):
        ShardSettings(
            RATE, 1, content="spectrograms", front_end=STEREO, targets=("vocals",), length=400
        )


def test_phase_sensitive_targets_are_what_a_mask_should_leave():
    random = np.random.default_rng(5)
    vocals, drums = random.normal(0, 0.1, (2, 9000, 2)).astype("float32")
    # Where drums cancel most of the voice, a mask cannot bring it back.
    drums[:, 1] -= 0.8 * vocals[:, 1]
    track = Track("noise", STEREO.sample_rate, None, {"vocals": vocals, "drums": drums})
    options = {"batch_size": 1, "patches_per_song": 1, "training": False}
    ((mixture, targets),) = spectrogram_patches([track], STEREO, phase_sensitive=True, **options)
    ((_, plain),) = spectrogram_patches([track], STEREO, **options)
    voice, magnitude = targets["vocals"].numpy(), plain["vocals"].numpy()
    assert np.all(np.abs(voice) <= magnitude + 1e-5) and voice.min() < 0
    assert voice[..., 1].sum() < 0.6 * magnitude[..., 1].sum()
    ((_, both),) = spectrogram_patches(
        [track], STEREO, stems=["vocals", "drums"], phase_sensitive=True, **options
    )
    np.testing.assert_allclose(both["vocals"] + both["drums"], mixture, atol=1e-5)

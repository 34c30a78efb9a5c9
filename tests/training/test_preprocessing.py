"""The steps of preprocessing, each on its own."""

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from training import Loader, LogSpectrogramExtractor, MinMaxNormaliser, Padder
from zoo.errors import InputError
from zoo.front_end import FrontEnd

DIGITS = FrontEnd(
    8000,
    frame_length=256,
    frame_step=80,
    bins=128,
    first_bin=0,
    frames=80,
    normalization="min_max",
)
COURSE = FrontEnd(
    22050,
    frame_length=512,
    frame_step=256,
    bins=256,
    first_bin=0,
    frames=64,
    normalization="min_max",
)


def noise(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, shape).astype("float32")


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_loader_decodes_the_beginning_only(tmp_path, suffix):
    path = tmp_path / f"noise.{suffix}"
    audio = noise(44100, 2)
    audio[22050:] = 0.9
    soundfile.write(path, audio, 44100)
    signal = Loader(44100, 0.25).load(path)
    assert signal.shape == (11025,) and signal.dtype == np.float32
    stereo = Loader(44100, 0.25, mono=False).load(path)
    assert stereo.shape == (11025, 2)
    np.testing.assert_allclose(signal, stereo.mean(axis=1), atol=1e-6)
    if suffix != "ogg":
        np.testing.assert_allclose(signal, audio[:11025].mean(axis=1), atol=1e-4)


def test_loader_converts_the_rate(tmp_path):
    path = tmp_path / "tone.wav"
    soundfile.write(path, np.sin(2 * np.pi * 440 * np.arange(8000) / 8000) / 2, 8000)
    signal = Loader(22050, 0.74).load(path)
    assert signal.shape == (16317,)
    truth = np.sin(2 * np.pi * 440 * np.arange(16317) / 22050) / 2
    # The filter rings where the tone begins and ends.
    np.testing.assert_allclose(signal[500:-500], truth[500:-500], atol=1e-3)


def test_loader_leaves_short_files_short(tmp_path):
    path = tmp_path / "short.wav"
    soundfile.write(path, noise(100), 8000)
    assert Loader(8000, 0.8).load(path).shape == (100,)
    with pytest.raises(InputError, match="no such file"):
        Loader(8000, 0.8).load(tmp_path / "absent.wav")


def test_padder_pads_the_side_it_is_asked_to():
    signal = np.float32([1, 2, 3])
    assert Padder().left_pad(signal, 2).tolist() == [0, 0, 1, 2, 3]
    assert Padder().right_pad(signal, 2).tolist() == [1, 2, 3, 0, 0]
    assert Padder("edge").right_pad(signal, 2).tolist() == [1, 2, 3, 3, 3]
    stereo = np.ones((3, 2), "float32")
    assert Padder().left_pad(stereo, 1).tolist() == [[0, 0], [1, 1], [1, 1], [1, 1]]


@pytest.mark.parametrize(
    ("front_end", "samples"), [(DIGITS, 6400), (DIGITS, 3000), (COURSE, 16317)]
)
def test_extractor_equals_librosa(front_end, samples):
    signals = noise(3, samples)
    signals[1] *= np.linspace(0, 1, samples) ** 8  # below the dynamic range at first
    got = LogSpectrogramExtractor(front_end).extract(signals)
    assert got.shape == (3, front_end.bins, front_end.frames)
    missing = front_end.clip_samples - samples
    for signal, decibels in zip(signals, got, strict=True):
        spectrum = librosa.stft(
            np.pad(signal, (0, missing)),
            n_fft=front_end.frame_length,
            hop_length=front_end.frame_step,
        )
        magnitude = np.abs(spectrum)[: front_end.bins, : front_end.frames]
        truth = librosa.amplitude_to_db(magnitude)
        assert truth.max() - truth.min() <= 80 + 1e-3
        # In single precision, what is near the floor differs by some of its last digits.
        np.testing.assert_allclose(decibels, truth, atol=0.02)
        assert np.abs(decibels - truth).mean() < 1e-4


def test_extractor_takes_one_signal_or_many():
    extractor = LogSpectrogramExtractor(DIGITS)
    signals = noise(4, 5000)
    many = extractor.extract(signals)
    np.testing.assert_allclose(extractor.extract(signals[2]), many[2], atol=1e-4)


def test_normaliser_between_other_numbers():
    normaliser = MinMaxNormaliser(-1.0, 1.0)
    scaled, decibel_range = normaliser.normalise(np.float32([[-60, -40, 20]]))
    assert scaled.tolist() == [[-1, -0.5, 1]] and decibel_range.tolist() == [-60, 20]
    assert normaliser.denormalise(scaled, decibel_range).tolist() == [[-60, -40, 20]]


@given(
    arrays("float32", (3, 4, 5), elements=st.floats(-100, 50, width=32, allow_subnormal=False)),
    st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.25, 3.0)]),
)
def test_denormalising_is_the_inverse(decibels, bounds):
    normaliser = MinMaxNormaliser(*bounds)
    scaled, ranges = normaliser.normalise(decibels)
    assert np.isfinite(scaled).all()
    assert scaled.min() >= bounds[0] and scaled.max() <= bounds[1] * (1 + 1e-6)
    np.testing.assert_array_equal(ranges[:, 0], decibels.min(axis=(1, 2)))
    np.testing.assert_array_equal(ranges[:, 1], decibels.max(axis=(1, 2)))
    np.testing.assert_allclose(normaliser.denormalise(scaled, ranges), decibels, atol=2e-4)


def test_silence_divides_nothing_by_nothing():
    decibels = LogSpectrogramExtractor(DIGITS).extract(np.zeros(6400, "float32"))
    scaled, decibel_range = MinMaxNormaliser().normalise(decibels)
    assert not scaled.any()
    np.testing.assert_allclose(decibel_range, [-100, -100], atol=1e-3)
    back = MinMaxNormaliser().denormalise(scaled, decibel_range)
    np.testing.assert_array_equal(back, decibels)


@pytest.mark.parametrize(
    ("make", "received"),
    [
        (lambda: Loader(8000, 0.0), "duration=0.0"),
        (lambda: Loader(0, 1.0), "sample_rate=0"),
        (lambda: Padder("zeros"), "mode='zeros'"),
        (lambda: LogSpectrogramExtractor(FrontEnd()), "front_end=FrontEnd"),
        (lambda: MinMaxNormaliser(1.0, 0.0), "minimum=1.0, maximum=0.0"),
    ],
)
def test_arguments_that_cannot_be(make, received):
    with pytest.raises(ValueError, match="Received: ") as raised:
        make()
    assert received in str(raised.value)

"""Separators around Spleeter's networks: the original's waveforms, channels, bands, stretches."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from zoo import Separator
from zoo.inference import separate_array
from zoo.spectral import hann

from .conftest import noise, tiny_network
from .small_spleeter import SMALL, TINY, fixture, original_spleeter, tiny_spleeter

FOLDER = "spleeter-2stems-waveform"
LEVELS = {"quiet": (2**-10, 3e-6), "loud": (2**-7, 2e-5)}


def arrays(stems):
    return {stem: np.asarray(signal) for stem, signal in stems.items()}


@pytest.fixture(scope="module")
def waveform():
    return fixture(f"{FOLDER}/input.npz")["waveform_int8"].astype("float32")


@pytest.fixture(scope="module")
def short():
    """Waveforms of up to 5000 samples, in the repository."""
    with np.load(SMALL / "short_waveforms.npz") as stored:
        arrays = dict(stored)
    arrays["waveform"] = arrays.pop("waveform_int8")[None] * np.float32(2**-10)
    return arrays


@pytest.fixture(scope="module")
def original():
    return Separator(original_spleeter("2stems"))


@pytest.fixture(scope="module")
def separator():
    return Separator(tiny_spleeter())


def test_waveforms_are_the_originals(original, waveform):
    expected = fixture(f"{FOLDER}/expected.npz")
    assert original.stems == ("vocals", "accompaniment") and original.residual is None
    for level, (gain, tolerance) in LEVELS.items():
        stems = separate_array(original, waveform * np.float32(gain), 44100)
        for stem, signal in stems.items():
            assert signal.shape == waveform.shape
            wanted = expected[f"{level}/{stem}"]
            assert np.abs(signal[expected["indices"]] - wanted).max() < tolerance


@pytest.mark.parametrize(("name", "samples"), [("n1", 1), ("n1000", 1000), ("n5000", 5000)])
def test_short_waveforms_are_the_originals(original, short, name, samples):
    for stem, signal in arrays(original(short["waveform"][:, :samples])).items():
        assert np.abs(signal[0] - short[f"{name}/{stem}"]).max() < 3e-6


def test_mono_is_heard_twice(original, short):
    """The original returns two channels of a mono waveform; here it is the mean of both."""
    mono = short["waveform"][..., :1]
    one, two = arrays(original(mono)), arrays(original(np.repeat(mono, 2, axis=2)))
    for stem in original.stems:
        wanted = short[f"mono5000/{stem}"]
        assert one[stem].shape == mono.shape
        assert np.abs(one[stem][0] - wanted.mean(axis=1, keepdims=True)).max() < 3e-6
        assert np.abs(two[stem][0] - wanted).max() < 3e-6


def test_spectra_and_masks_are_the_originals(original, waveform):
    known = fixture(f"{FOLDER}/intermediates_quiet.npz")
    quiet = waveform * np.float32(2**-10)
    masks = arrays(original.masks(quiet[None]))
    # The original's frames begin with a frame of silence; ours are centred on the signal.
    before = 2
    rows = [i for i, f in enumerate(known["frames"]) if 0 <= f - before < len(masks["vocals"][0])]
    assert len(rows) > 10
    frames = known["frames"][rows]
    for stem, mask in masks.items():
        wanted = known[f"mask/{stem}"][rows]
        assert np.abs(mask[0, frames - before, ::4] - wanted[:, :256]).max() < 1e-4
        assert not wanted[:, 256:].any()
    padded = np.pad(quiet.T, ((0, 0), (4096, 4096)))
    real, imaginary = map(np.asarray, original.front_end.stft(padded, center=False))
    spectrum = (real + 1j * imaginary)[:, frames].transpose(1, 2, 0)
    assert np.abs(spectrum - known["stft"][rows]).max() < 1e-4


def by_hand(network, waveform, *, extension):
    """Spleeter's way with a waveform `(samples, 2)`, by NumPy's transforms, frame by frame."""
    front_end = network.front_end
    length, step, size = front_end.frame_length, front_end.frame_step, front_end.frames
    frames = -(-(length + len(waveform)) // step)
    padded = np.zeros((frames * step + length, 2))
    padded[length : length + len(waveform)] = waveform
    window = hann(length)[:, None].astype("float64")
    pieces = [padded[i * step : i * step + length] * window for i in range(frames)]
    spectrum = np.fft.rfft(pieces, axis=1)  # (frames, all bins, 2)
    segments = -(-frames // size)
    magnitude = np.zeros((segments * size, front_end.bins, 2), "float32")
    magnitude[:frames] = np.abs(spectrum[:, : front_end.bins])
    masks = network.masks(magnitude.reshape(segments, size, front_end.bins, 2))
    stems = {}
    for stem, mask in masks.items():
        mask = np.asarray(mask).reshape(-1, front_end.bins, 2)[:frames]
        above = np.zeros((frames, front_end.spectrum_bins - front_end.bins, 2))
        if extension == "average":
            above += mask.mean(axis=1, keepdims=True)
        signal = np.zeros_like(padded)
        masked = np.fft.irfft(spectrum * np.concatenate((mask, above), axis=1), length, axis=1)
        for i, piece in enumerate(masked):
            signal[i * step : i * step + length] += piece * window * 2 / 3
        stems[stem] = signal[length : length + len(waveform)]
    return stems


@pytest.mark.parametrize("extension", ["zeros", "average"])
@pytest.mark.parametrize("samples", [1, 191, 192 * 2 - 64, 1234])
def test_every_step_by_hand(samples, extension):
    network = tiny_spleeter("4stems", mask_extension=extension)
    mixture = noise(samples, 2)
    expected = by_hand(network, mixture, extension=extension)
    stems = arrays(Separator(network)(mixture[None]))
    assert list(stems) == ["vocals", "drums", "bass", "other"]
    for stem, signal in stems.items():
        assert np.abs(signal[0] - expected[stem]).max() < 2e-6
    if extension == "average":
        assert np.abs(sum(stems.values())[0] - mixture).max() < 1e-5, "the whole band is shared out"


def test_a_separator_s_own_extension(tmp_path):
    mixture = noise(1, 700, 2)
    separator = Separator(tiny_spleeter(), mask_extension="average", overlap=4, residual="rest")
    wanted = by_hand(separator.networks["all"], mixture[0], extension="average")
    unlapped = Separator(tiny_spleeter(mask_extension="average"))
    assert np.abs(unlapped(mixture)["vocals"][0] - wanted["vocals"]).max() < 2e-6
    separator.save_to_preset(tmp_path / "preset")
    loaded = Separator.from_preset(tmp_path / "preset")
    assert loaded.stems == ("vocals", "accompaniment", "rest")
    assert (loaded.mask_extension, loaded.overlap) == ("average", 4)
    assert np.array_equal(loaded(mixture)["vocals"], separator(mixture)["vocals"])
    assert np.abs(loaded(mixture)["vocals"] - np.asarray(unlapped(mixture)["vocals"])).max() > 1e-3


def test_average_for_networks_of_one_stem():
    separator = Separator(tiny_network(), mask_extension="average", residual=None)
    plain = Separator(tiny_network(), residual=None)
    mixture = noise(1, 3000, 2)
    masks = np.asarray(separator.masks(mixture)["vocals"])
    assert np.array_equal(masks, plain.masks(mixture)["vocals"])
    # No bin lies above this band but one, which gets a share where it got nothing.
    shares = np.ones_like(masks[..., :1]) * masks.mean(axis=-1, keepdims=True)
    assert shares.min() > 0
    saved = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(separator))
    assert saved.mask_extension == "average" and plain.mask_extension == "zeros"


@pytest.mark.parametrize(("overlap", "channels"), [(0, 2), (5, 3)])
def test_chunks_do_not_change_the_output(overlap, channels):
    separator = Separator(tiny_spleeter(), overlap=overlap)
    song = noise(1001, channels, seed=channels)
    whole = arrays(separator(song[None]))
    for patches in (1, 2):
        seconds = patches * separator.step_samples / 8000
        got = separate_array(separator, song, 8000, chunk_seconds=seconds)
        for stem, signal in got.items():
            assert np.abs(signal - whole[stem][0]).max() < 1e-6


def test_streaming_gives_the_whole_signal(separator):
    signal = noise(1, 2000, 2)
    stream = separator.streaming()
    state, pieces = stream.initial_state(signal[:, : stream.prime_samples]), []
    size = stream.buffer_samples
    for start in range(stream.prime_samples, 2000 - size, size):
        outputs = stream({"waveform": signal[:, start : start + size], **state})
        pieces.append(np.asarray(outputs["vocals"]))
        state = {name: outputs[f"next_{name}"] for name in state}
    got = np.concatenate(pieces, axis=1)[:, stream.skip_samples :]
    assert got.shape[1] > 1000
    assert np.abs(got - np.asarray(separator(signal)["vocals"])[:, : got.shape[1]]).max() < 1e-6


def test_channels_go_in_groups(separator):
    mixture = noise(1, 900, 3)
    stems, masks = arrays(separator(mixture)), arrays(separator.masks(mixture))
    first = arrays(separator(mixture[..., :2]))
    last = arrays(separator(np.repeat(mixture[..., 2:], 2, axis=2)))
    for stem, signal in stems.items():
        assert np.abs(signal[..., :2] - first[stem]).max() < 1e-6
        assert np.abs(signal[..., 2:] - last[stem].mean(axis=2, keepdims=True)).max() < 1e-6
        assert masks[stem].shape == (1, -(-900 // 16) + 1, 16, 3)
    assert separator.channels == 2


def test_the_channels_have_masks_of_their_own(separator):
    mixture = noise(1, 900, 2)
    left, right = np.asarray(separator.masks(mixture)["vocals"]).transpose(3, 0, 1, 2)
    assert np.abs(left - right).max() > 0.05


@pytest.mark.parametrize("channels", [2, 3])
def test_the_spectrum_above_the_band_is_shared_out(separator, channels):
    """At twice the rate, by each mask's mean over the upper half of its band."""
    song = noise(3001, channels)
    stems = separate_array(separator, song, 16000, above_band="extend")
    plain = separate_array(separator, song, 16000)
    assert all(np.abs(stems[stem] - plain[stem]).max() > 0.01 for stem in stems)
    assert all(signal.shape == song.shape for signal in stems.values())


@pytest.mark.parametrize("rate", [8000, 12000, 16000])
def test_with_averages_above_both_bands_stems_add_up_to_the_first_and_last_sample(rate):
    separator = Separator(tiny_spleeter(mask_extension="average"))
    song = noise(3001, 2)
    stems = separate_array(separator, song, rate, above_band="extend")
    assert np.abs(sum(stems.values()) - song).max() < 1e-6


def test_stereo_networks_of_one_stem_each():
    joint = tiny_spleeter()

    class Single:
        """One stem of the joint network."""

        front_end, sample_rate = replace(TINY, floor_db=-90.0), 8000

        def __init__(self, stem):
            self.stem = stem

        def mask(self, x):
            return joint.masks(x)[self.stem]

    mixture = noise(1, 900, 2)
    separator = Separator({stem: Single(stem) for stem in joint.stems}, overlap=0)
    assert separator.stems == joint.stems and separator.grid.pad == 32
    masks, wanted = separator.masks(mixture), Separator(joint).masks(mixture)
    # The first patch begins two frames later.
    assert masks["vocals"].shape == wanted["vocals"].shape
    named = Separator(Single("vocals"), stem="singer")
    assert named.stems == ("singer", "accompaniment")
    assert np.abs(sum(named(mixture).values()) - mixture).max() < 1e-6


def test_what_cannot_be_is_refused():
    network = tiny_spleeter()
    for options, received in (
        ({"stem": "vocals"}, "stem=vocals"),
        ({"mask_extension": "mean"}, "mask_extension='mean'"),
        ({"overlap": 7}, "overlap=7"),
        ({"window": 64}, "window=64"),
        ({"downmix": True}, "downmix=True"),
    ):
        with pytest.raises(ValueError, match=f"Received: {received}"):
            Separator(network, **options)
    with pytest.raises(ValueError, match="one network of all stems that is not in a mapping"):
        Separator({"vocals": network})
    rest = Separator(network, residual="accompaniment")
    assert rest.stems == ("vocals", "accompaniment")
    mixture = noise(1, 500, 2)
    assert np.abs(sum(rest(mixture).values()) - mixture).max() < 1e-6

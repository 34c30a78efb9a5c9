"""The multichannel Wiener filter against the published formulas, bin by bin, and on songs."""

import librosa
import numpy as np
import pytest

from zoo import InputError, Separator, WienerFilter
from zoo.audio import read_audio
from zoo.inference import separate_array, separate_blocks
from zoo.separation_task import SeparateTask
from zoo.wiener_blocks import wiener_filtered

from .conftest import noise, tiny_network, tiny_wave_unet

LENGTH, STEP = 32, 8
STEMS = ("vocals", "drums", "other")


def small_filter(iterations=1, **settings):
    settings = {"window_frames": 40, "overlap": 10, **settings}
    return WienerFilter(iterations, frame_length=LENGTH, frame_step=STEP, **settings)


def arrays(stems):
    return {stem: np.asarray(signal) for stem, signal in stems.items()}


def estimates(mixture, names=STEMS, seed=5):
    """Stems that change over time and between channels, and do not add up to the mixture."""
    random = np.random.default_rng(seed)
    sizes = (len(names), 1, mixture.shape[1] // 50 + 1, mixture.shape[2])
    gains = np.repeat(random.uniform(0, 0.6, sizes), 50, axis=2)[:, :, : mixture.shape[1]]
    stems = gains * mixture + 0.1 * random.normal(size=(len(names), *mixture.shape))
    return dict(zip(names, stems.astype("float32"), strict=True))


def published(mixture, stems, iterations):
    """The algorithm as its papers write it, in double precision: one song `(samples, channels)`.

    The mixture is brought to a maximum of 10, as the programs of SiSEC do.
    """
    samples, channels = mixture.shape
    padded = -(-samples // STEP) * STEP

    def spectra(signal):
        signal = np.pad(signal, ((0, padded - samples), (0, 0))).T
        return librosa.stft(
            signal, n_fft=LENGTH, hop_length=STEP, pad_mode="constant", dtype="complex128"
        )

    x = spectra(mixture.astype("float64"))  # (channels, bins, frames)
    y = np.stack([spectra(signal.astype("float64")) for signal in stems.values()])
    scale = np.abs(x).max() / 10
    x, y = x / scale, y / scale
    for _ in range(iterations):
        density = (np.abs(y) ** 2).mean(axis=1)
        refined = np.zeros_like(y)
        for f in range(x.shape[1]):
            places = []
            for stem, v in zip(y, density, strict=True):
                outer = sum(np.outer(frame, frame.conj()) for frame in stem[:, f].T)
                places.append(outer / (v[f].sum() + 1e-10))
            for t in range(x.shape[2]):
                parts = [v[f, t] * place for v, place in zip(density, places, strict=True)]
                inverse = np.linalg.inv(sum(parts) + 1e-10 * np.eye(channels))
                for j, part in enumerate(parts):
                    refined[j, :, f, t] = part @ inverse @ x[:, f, t]
        y = refined
    signals = librosa.istft(y * scale, hop_length=STEP, length=padded)
    return {stem: signal.T[:samples] for stem, signal in zip(stems, signals, strict=True)}


@pytest.mark.parametrize("iterations", [1, 3])
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_every_bin_is_filtered_as_published(channels, iterations):
    mixture = noise(1, 301, channels)
    stems = estimates(mixture)
    refined = arrays(small_filter(iterations)(mixture, stems))
    expected = published(mixture[0], {stem: x[0] for stem, x in stems.items()}, iterations)
    for stem, signal in refined.items():
        assert np.abs(signal[0] - expected[stem]).max() < 1e-4 * np.abs(mixture).max()
    assert np.abs(refined["vocals"] - stems["vocals"]).max() > 0.05


def test_one_channel_is_the_classic_filter_of_powers():
    mixture = noise(1, 500, 1)
    refined = small_filter()(mixture, {"vocals": 0.3 * mixture, "other": 0.1 * mixture})
    assert np.allclose(refined["vocals"], 0.9 * mixture, atol=1e-6)


def test_places_tell_stems_apart_that_a_mask_of_the_mean_cannot():
    """Of stems at 6 dB, which masks of both channels give, places make 12 dB and then 26."""
    left, right = noise(4000, 1, seed=1), noise(4000, 1, seed=2)
    truth = {"left": left * [1.0, 0.1], "right": right * [0.1, 1.0]}
    truth = {stem: x[None].astype("float32") for stem, x in truth.items()}
    mixture = sum(truth.values())
    stems = {stem: x + 0.5 * (mixture - x) for stem, x in truth.items()}

    def ratio(estimate, stem):
        error = np.asarray(estimate) - truth[stem]
        return 10 * np.log10((truth[stem] ** 2).sum() / (error**2).sum())

    assert ratio(stems["left"], "left") == pytest.approx(6, abs=0.5)
    for iterations, limit in ((1, 12), (4, 26)):
        refined = small_filter(iterations)(mixture, stems)
        assert min(ratio(refined[stem], stem) for stem in truth) > limit


@pytest.mark.parametrize("level", [1e-4, 1, 1e4])
def test_the_level_does_not_matter_and_stems_add_up(level):
    mixture = noise(2, 700, 2)
    mixture[1, :, 1] = mixture[1, :, 0]
    stems = estimates(mixture)
    expected = arrays(small_filter()(mixture, stems))
    louder = {stem: np.float32(level) * x for stem, x in stems.items()}
    refined = arrays(small_filter()(np.float32(level) * mixture, louder))
    assert np.abs(sum(refined.values()) / level - mixture).max() < 1e-5
    for stem, signal in refined.items():
        assert np.abs(signal / level - expected[stem]).max() < 1e-5


def test_songs_of_a_batch_do_not_meet():
    mixture = noise(3, 300, 2) * [[[1.0]], [[1e-3]], [[0.1]]]
    mixture = mixture.astype("float32")
    stems = estimates(mixture)
    together = arrays(small_filter(2)(mixture, stems))
    for place in range(3):
        one = slice(place, place + 1)
        alone = small_filter(2)(mixture[one], {stem: x[one] for stem, x in stems.items()})
        for stem, signal in alone.items():
            limit = 1e-5 * np.abs(mixture[one]).max()
            assert np.abs(together[stem][one] - signal).max() <= limit


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("samples", [1, 2, 400])
def test_silence_stays_silence(channels, samples):
    silence = np.zeros((1, samples, channels), "float32")
    refined = small_filter(2)(silence, dict.fromkeys(STEMS, silence))
    assert all(not np.asarray(signal).any() for signal in refined.values())
    mixture = noise(1, samples, channels)
    mixture[:, samples // 2 + 1 :] = 0
    stems = {"vocals": mixture, "drums": silence, "other": 0.5 * mixture}
    refined = arrays(small_filter(2)(mixture, stems))
    assert not refined["drums"].any()
    assert np.abs(sum(refined.values()) - mixture).max() < 1e-6
    assert refined["vocals"][0, 0, 0] == pytest.approx(mixture[0, 0, 0] * 16 / 17, rel=1e-3)


def test_windows_of_a_song_are_cross_faded():
    """Windows of 320 samples every 240; the last one takes what is less than another 240."""
    mixture = noise(1, 1000, 2, seed=3)
    stems = estimates(mixture)
    wiener = small_filter(window_frames=40, overlap=10)
    fade = np.sin(np.pi / 2 * (np.arange(80) + 0.5) / 80)[:, None] ** 2
    expected = {stem: np.zeros((1000, 2)) for stem in stems}
    for start, end in ((0, 320), (240, 560), (480, 1000)):
        weights = np.ones((end - start, 1))
        if start:
            weights[:80] = fade
        if end < 1000:
            weights[-80:] = fade[::-1]
        here = {stem: x[:, start:end] for stem, x in stems.items()}
        for stem, x in wiener(mixture[:, start:end], here).items():
            expected[stem][start:end] += weights * np.asarray(x)[0]
    gains = np.arange(1000, dtype="float32")
    for size in (1000, 333, 7):
        pieces = [
            (mixture[0, i : i + size], {s: x[0, i : i + size] for s, x in stems.items()}, {"g": g})
            for i, g in ((i, gains[i : i + size]) for i in range(0, 1000, size))
        ]
        whole, refined, rest = zip(*wiener_filtered(wiener, pieces), strict=True)
        assert np.array_equal(np.concatenate(whole), mixture[0])
        assert np.array_equal(np.concatenate([part["g"] for part in rest]), gains)
        for stem, x in expected.items():
            signal = np.concatenate([part[stem] for part in refined])
            assert np.abs(signal - x).max() < 1e-6


def test_what_all_stems_leave_out_stays_out():
    """Of two tones the stems share the lower one; what they have of the other is rounding."""
    low, high = (
        np.sin(2 * np.pi * cycles / LENGTH * np.arange(2000))[None, :, None] * [1.0, 0.7]
        for cycles in (3, 11)
    )
    mixture = (low + high).astype("float32")
    faint = 1e-4 * noise(2, *high.shape, seed=7)
    stems = {"vocals": 0.8 * low + faint[0], "other": 0.4 * low + faint[1]}
    refined = small_filter()(mixture, {stem: x.astype("float32") for stem, x in stems.items()})
    for stem, share in (("vocals", 0.8), ("other", 0.2)):
        inside = slice(LENGTH, -LENGTH)
        assert np.abs(np.asarray(refined[stem]) - share * low)[:, inside].max() < 1e-3


@pytest.mark.parametrize(
    "above_band,channels", [("residual", 1), ("residual", 2), ("discard", 2), ("extend", 2)]
)
def test_songs_in_any_chunks(separator, above_band, channels):
    mixture = noise(9000, channels)
    options = {"wiener": small_filter(), "above_band": above_band}
    whole = separate_array(separator, mixture, 11025, **options)
    blocks = (mixture[i : i + 1999] for i in range(0, 9000, 1999))
    pieces = list(separate_blocks(separator, blocks, 11025, channels, chunk_seconds=0.1, **options))
    for stem, signal in whole.items():
        cut = np.concatenate([piece[stem] for piece in pieces])
        assert signal.shape == mixture.shape
        assert 20 * np.log10(np.abs(cut - signal).max() / np.abs(mixture).max() + 1e-9) < -60
    low = separate_array(separator, mixture, 11025, above_band="discard")
    expected = sum(low.values()) if above_band == "discard" else mixture
    assert np.abs(sum(whole.values()) - expected).max() < 1e-5
    unfiltered = separate_array(separator, mixture, 11025, above_band=above_band)
    assert np.abs(whole["vocals"] - unfiltered["vocals"]).max() > 0.01


@pytest.mark.parametrize("network", [tiny_network, tiny_wave_unet])
def test_at_the_model_s_rate_it_is_the_filter_of_the_separator_s_stems(network):
    model = Separator(network())
    mixture = noise(1, 3000, 2)
    wiener = small_filter(window_frames=400)
    expected = wiener(mixture, arrays(model(mixture)))
    refined = separate_array(model, mixture[0], model.sample_rate, wiener=wiener)
    for stem, signal in refined.items():
        assert np.abs(signal - np.asarray(expected[stem])[0]).max() < 1e-4


def test_a_single_stem_is_refused():
    vocals = Separator(tiny_network(), residual=None)
    with pytest.raises(InputError, match="^wiener: tells stems apart, of which this model has one"):
        separate_array(vocals, noise(100, 2), 8192, wiener=small_filter())


def test_the_command_filters_what_an_exported_file_separates(stemzoo, exported, tmp_path):
    import soundfile

    song = tmp_path / "song.wav"
    soundfile.write(song, noise(20_000, 2), 8192, subtype="FLOAT")
    command = ["separate", song, "--model", exported, "--manifest", tmp_path / "job.jsonl"]
    code, out, _ = stemzoo(*command, "-o", tmp_path / "out", "--wiener")
    assert code == 0 and "1 done" in out
    from export.file_separator import FileSeparator

    mixture, rate = read_audio(song)
    expected = separate_array(FileSeparator(exported), mixture, rate, wiener=WienerFilter())
    for stem, signal in expected.items():
        written, _ = read_audio(tmp_path / "out" / "song" / f"{stem}.wav")
        assert np.abs(written - signal).max() < 1e-6
    again = stemzoo(*command, "-o", tmp_path / "out", "--wiener-iterations", 2)
    assert again[0] == 2 and "wiener_iterations was 1, is 2" in again[2]


def test_jobs_without_a_filter_are_what_they_were_before_there_was_one():
    assert "wiener_iterations" not in SeparateTask("out", "model").describe()
    filtered = SeparateTask("out", "model", wiener_iterations=1)
    assert filtered.describe()["wiener_iterations"] == 1


@pytest.mark.parametrize(
    "settings,problem",
    [
        ({"iterations": 0}, "iterations must be at least 1. Received: iterations=0"),
        ({"window_frames": 4}, "window_frames must be at least 8. Received: window_frames=4"),
        ({"overlap": 21}, "half a window. Received: overlap=21, window_frames=40"),
        ({"overlap": 0}, "overlap=0"),
        ({"frame_length": 3}, "frame_length must be even"),
    ],
)
def test_bad_settings(settings, problem):
    settings = {"window_frames": 40, **settings}
    with pytest.raises(ValueError, match=problem):
        WienerFilter(**settings)


def test_settings_are_kept():
    wiener = small_filter(3, overlap=7)
    assert WienerFilter.from_config(wiener.get_config()).get_config() == wiener.get_config()

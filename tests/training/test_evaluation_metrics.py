"""Each metric against hand computation, mir_eval and museval itself."""

import numpy as np
import pytest

from training.evaluation.bsseval import (
    V4_SCORES,
    bsseval_v3_sources,
    bsseval_v4,
    museval_metrics,
    sixteen_bits,
)
from training.evaluation.metrics import METRICS, chosen_metrics
from training.evaluation.ratios import (
    scale_invariant_signal_to_distortion,
    signal_to_distortion,
)
from training.evaluation.scoring import score_track
from training.tracks import Track
from zoo.audio import AudioReader, read_audio
from zoo.errors import InputError
from zoo.front_end import FrontEnd
from zoo.inference import separate_array
from zoo.jansson_unet import JanssonUNet
from zoo.separator import Separator

RATE = 4000
MUSDB_STEMS = ("drums", "bass", "other", "vocals")


def test_sdr_of_known_errors():
    reference = np.random.default_rng(0).normal(size=(1000, 2))
    assert signal_to_distortion(reference, 0.9 * reference) == pytest.approx(20)
    assert signal_to_distortion(reference, 0 * reference) == pytest.approx(0)
    assert signal_to_distortion(reference, reference) == np.inf
    assert np.isnan(signal_to_distortion(0 * reference, reference))


def test_sdr_is_that_of_the_music_demixing_challenge():
    """Its formula, with 1e-7 added to the energies of all samples and channels."""
    rng = np.random.default_rng(0)
    reference = rng.normal(0, 0.1, (1000, 2))
    estimate = reference + rng.normal(0, 0.02, (1000, 2))
    energies = 1e-7 + np.array([(reference**2).sum(), ((reference - estimate) ** 2).sum()])
    challenge = 10 * np.log10(energies[0] / energies[1])
    assert signal_to_distortion(reference, estimate) == pytest.approx(challenge, abs=1e-5)


def test_si_sdr_of_known_errors():
    """The error is orthogonal to the reference, so that its level is the score."""
    reference = np.array([[3.0, 0.0], [4.0, 0.0]])
    error = np.array([[0.0, 0.3], [0.0, 0.4]])
    for scale in (0.1, 1, -50):
        score = scale_invariant_signal_to_distortion(reference, scale * (reference + error))
        assert score == pytest.approx(20)
    # What is not orthogonal counts as signal: half of (1, 1) lies along (1, 0).
    assert scale_invariant_signal_to_distortion([1.0, 0.0], [1.0, 1.0]) == pytest.approx(0)
    assert scale_invariant_signal_to_distortion([1.0, 0.0], [2.0, 0.0]) == np.inf
    assert scale_invariant_signal_to_distortion([1.0, 0.0], [0.0, 1.0]) == -np.inf
    for silent in ((0 * reference, reference), (reference, 0 * reference)):
        assert np.isnan(scale_invariant_signal_to_distortion(*silent))


def small_signals():
    time = np.arange(3000)
    tone = 0.3 * np.sin(2 * np.pi * (0.01 + 1e-6 * time) * time)
    random = np.random.RandomState(7)
    noise = 0.2 * random.uniform(-1, 1, 3000)
    references = np.stack([tone, noise])
    other = 0.9 * noise + 0.1 * np.roll(tone, 5) + 0.02 * random.uniform(-1, 1, 3000)
    return references[..., None], np.stack([0.8 * tone + 0.2 * noise, other])[..., None]


def test_nsdr_is_mir_eval_s():
    """Figures of mir_eval 0.7, bss_eval_sources without permutation, of these signals."""
    references, estimates = small_signals()
    scores = bsseval_v3_sources(references, estimates)
    np.testing.assert_allclose(scores["SDR"][:, 0], [17.57240447, 13.34904242], atol=1e-4)
    np.testing.assert_allclose(scores["SIR"][:, 0], [17.57240535, 14.38914906], atol=1e-4)
    np.testing.assert_allclose(scores["SAR"][1, 0], 20.22105457, atol=1e-4)
    mixture = np.repeat(references.sum(axis=0, keepdims=True), 2, axis=0)
    floor = bsseval_v3_sources(references, mixture)["SDR"][:, 0]
    np.testing.assert_allclose(floor, [5.58284314, -2.75406956], atol=1e-4)

    # Of stereo songs, the mean of the channels.
    apart = np.concatenate([references * 1.5, references * 0.5], axis=2)
    doubled = bsseval_v3_sources(apart, np.repeat(estimates, 2, axis=2))
    np.testing.assert_allclose(doubled["SDR"], scores["SDR"], atol=0.01)


def test_bsseval_of_one_frame_is_mir_eval_s():
    """Figures of mir_eval 0.7, bss_eval_images, which one frame of version 4 is."""
    scores = bsseval_v4(*small_signals(), 3000)
    for name, values in (
        ("SDR", [12.84533555, 12.6651576]),
        ("ISR", [13.89965728, 17.82764313]),
        ("SIR", [17.57240535, 14.38914906]),
    ):
        np.testing.assert_allclose(scores[name][:, 0], values, atol=1e-4)


def test_bsseval_of_independent_noise():
    """Noise that no filter of the references explains is an artifact of its own level."""
    rng = np.random.default_rng(0)
    references = rng.normal(0, 0.1, (2, 4 * RATE, 1))
    estimates = references + rng.normal(0, 0.01, references.shape)
    scores = bsseval_v4(references, estimates, RATE)
    assert scores["SDR"].shape == (2, 4)
    np.testing.assert_allclose(scores["SDR"], 20, atol=0.6)
    np.testing.assert_allclose(scores["SAR"], 20, atol=0.8)


def test_bsseval_of_band_limited_signals():
    """As decoded MP3 is: without the noise of 16 bits, ISR and SIR would be meaningless."""
    rng = np.random.default_rng(0)
    spectra = np.fft.rfft(rng.normal(0, 0.1, (2, 4 * RATE, 1)), axis=1)
    spectra[:, RATE:] = 0
    references = np.fft.irfft(spectra, axis=1).astype("float32")
    scores = bsseval_v4(references, references + 0.1 * references[::-1], RATE)
    np.testing.assert_allclose(scores["SIR"], 20, atol=1)
    np.testing.assert_allclose(scores["SDR"], 20, atol=1)
    assert scores["ISR"].min() > 25


@pytest.mark.slow
def test_published_scores_of_a_real_song(shared_data):
    """The mixture and the Wave-U-Net authors' estimates of a song of MUSDB18, by museval."""
    folder = shared_data / "songs" / "The Mountaineering Club - Mallory"

    def read(*names):
        signals = [read_audio(folder / f"{name}.mp3")[0] for name in names]
        length = min(map(len, signals))
        return np.stack([signal[:length] for signal in signals])

    references = read("vocals_true", "accompaniment_true")
    for estimates, published in (
        (read("mix", "mix"), (-6.15, 6.08)),
        (read("vocals_estimate", "accompaniment_estimate"), (8.95, 14.84)),
    ):
        length = min(references.shape[1], estimates.shape[1])
        scores = bsseval_v4(references[:, :length], estimates[:, :length], 44100)
        np.testing.assert_allclose(np.nanmedian(scores["SDR"], axis=1), published, atol=0.02)


def test_silence_changes_no_other_stem():
    rng = np.random.default_rng(0)
    references = rng.normal(0, 0.1, (3, 2 * RATE, 1))
    estimates = references + rng.normal(0, 0.01, references.shape) + 0.05 * references[::-1]
    whole = bsseval_v4(references, estimates, RATE)
    mute = np.array([1, 1, 0])[:, None, None]
    # A silent estimate: its reference still explains what the others got of it.
    scores = bsseval_v4(references, estimates * mute, RATE)
    assert np.isnan(scores["SIR"][2]).all()
    for name in V4_SCORES:
        np.testing.assert_allclose(scores[name][:2], whole[name][:2], atol=1e-6)
    # A silent reference: as if there was no such stem.
    scores = bsseval_v4(references * mute, estimates, RATE)
    pair = bsseval_v4(references[:2], estimates[:2], RATE)
    assert np.isnan(scores["SDR"][2]).all()
    for name in V4_SCORES:
        np.testing.assert_allclose(scores[name][:2], pair[name], atol=1e-6)
    # Channels that cancel out are silent to museval, which would refuse them.
    opposite = np.concatenate([references, -references], axis=2)
    assert np.isnan(bsseval_v4(opposite, opposite, RATE)["SDR"]).all()


def test_scores_of_the_stem_file_are_museval_s(shared_data):
    """museval's functions on what musdb reads of it: stems of 16 bits, added up afterwards."""
    path = shared_data / "songs" / "The Easton Ellises - Falcon 69.stem.mp4"
    signals = []
    for stream in range(5):
        with AudioReader.open(path, stream=stream) as reader:
            signals.append(np.concatenate(list(reader.blocks(1 << 18))))
            rate = reader.sample_rate
    mixture, *stems = signals
    track = Track(path.stem, rate, mixture, dict(zip(MUSDB_STEMS, stems, strict=True)))
    front_end = FrontEnd(sample_rate=2000, frame_length=64, frame_step=48, bins=32, frames=8)
    separator = Separator(JanssonUNet(filters=(2, 4), front_end=front_end))
    record = score_track(separator, track, ["bsseval_v4"])

    samples = min(map(len, signals))
    whole = [np.clip(np.round(x[:samples].astype("float64") * 32768), -32768, 32767) for x in stems]
    drums, bass, other, vocals = (signal / 32768 for signal in whole)
    references = np.stack([vocals, drums + bass + other])
    separated = separate_array(separator, mixture, rate)
    estimates = np.stack([separated[stem][:samples] for stem in ("vocals", "accompaniment")])
    theirs = museval_metrics().bss_eval(
        references, estimates.astype("float64"), window=rate, hop=rate
    )
    ours = record["scores"]["bsseval_v4"]["separator"]
    for name, values in zip(V4_SCORES, theirs[:4], strict=True):
        for stem, frames in zip(("vocals", "accompaniment"), values, strict=True):
            assert len(frames) == 6 and np.isfinite(frames).all()
            np.testing.assert_allclose(ours[stem][name], frames, atol=0.01)
            assert np.median(ours[stem][name]) == pytest.approx(np.median(frames), abs=0.01)


def test_sixteen_bits_are_those_of_a_file(tmp_path):
    import soundfile

    signal = np.random.default_rng(0).uniform(-0.9, 0.9, (500, 2))
    soundfile.write(tmp_path / "x.wav", sixteen_bits(signal), RATE, subtype="PCM_16")
    read = soundfile.read(tmp_path / "x.wav")[0]
    np.testing.assert_array_equal(sixteen_bits(signal), read)


def test_without_museval_the_other_metrics_are_left(monkeypatch):
    assert chosen_metrics(["all"]) == (tuple(METRICS), ())
    assert chosen_metrics(["nsdr", "sdr", "nsdr"]) == (("nsdr", "sdr"), ())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    names, (note,) = chosen_metrics(["all"])
    assert names == ("sdr", "si_sdr")
    assert note == (
        "metric nsdr, bsseval_v4: needs museval: pip install 'stemzoo[eval]'; "
        "only sdr, si_sdr computed"
    )
    with pytest.raises(InputError, match=r"metric nsdr: needs museval: pip install 'stemzoo\["):
        chosen_metrics(["nsdr"])
    with pytest.raises(InputError, match="needs museval"):
        bsseval_v4(np.ones((1, 9, 1)), np.ones((1, 9, 1)), 9)

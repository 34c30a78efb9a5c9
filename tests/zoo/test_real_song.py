"""The shipped presets on real music: a check, never training data."""

from importlib.util import find_spec

import numpy as np
import pytest
import soundfile

from zoo import load_preset, separate_file
from zoo.audio import read_audio
from zoo.inference import separate_array
from zoo.separator import Separator

SONG = "songs/The Mountaineering Club - Mallory"
# Metric, and what each preset must reach by it: SDR of vocals and accompaniment, in dB. museval
# takes ten times as long as the separation: once is enough.
PRESETS = {
    "jansson_unet_vocals": ("bsseval_v4", (5.4, 11.5)),
    "jansson_unet_fullband": ("sdr", (6.3, 12.1)),
    "jansson_unet_tiny": ("sdr", (4.9, 10.6)),
    "wave_unet_small": ("sdr", (3.0, 8.8)),
}
STEM_FILE = "songs/The Easton Ellises - Falcon 69.stem.mp4"
# What the mixture itself scores, by museval as published.
MIXTURE = {"bsseval_v4": (-6.15, 6.08), "sdr": (-5.99, 5.90)}


@pytest.fixture(scope="module", params=PRESETS)
def preset(request):
    return request.param


@pytest.fixture(scope="module")
def separator(preset):
    return Separator.from_model(load_preset(preset))


@pytest.fixture(scope="module")
def folder(shared_data):
    if not (shared_data / SONG).is_dir():
        pytest.skip(f"no {SONG} in the development data")
    return shared_data / SONG


def decibels(difference, reference):
    return 20 * np.log10(np.abs(difference).max() / np.abs(reference).max() + 1e-12)


def test_stems_fit_the_mixture(separator, folder, tmp_path):
    mixture, rate = read_audio(folder / "mix.mp3")
    files = separate_file(folder / "mix.mp3", tmp_path, separator=separator)
    stems = [soundfile.read(path, always_2d=True) for path in files.values()]
    assert [(stem.shape, written) for stem, written in stems] == [(mixture.shape, rate)] * 2
    assert decibels(sum(stem for stem, _ in stems) - mixture, mixture) < -60


def test_the_chunk_size_does_not_matter(separator, folder):
    mixture, rate = read_audio(folder / "mix.mp3")
    whole = separate_array(separator, mixture, rate, chunk_seconds=1000)
    for seconds in (5, 13):
        chunked = separate_array(separator, mixture, rate, chunk_seconds=seconds)
        for stem, expected in whole.items():
            assert decibels(chunked[stem] - expected, mixture) < -60


@pytest.mark.slow
def test_the_preset_separates_it(preset, separator, folder):
    metric, least = PRESETS[preset]
    if metric == "bsseval_v4" and find_spec("museval") is None:
        pytest.skip("museval, the extra eval, is not installed")
    from training.evaluation import evaluate
    from training.tracks import Track

    def source(name):
        return read_audio(folder / f"{name}.mp3")[0]

    stems = {"vocals": source("vocals_true"), "accompaniment": source("accompaniment_true")}
    track = Track("Mallory", 44100, source("mix"), stems)
    scores = {row["stem"]: row for row in evaluate(separator, [track], metric=metric).rows}
    for stem, mixture, needed in zip(stems, MIXTURE[metric], least, strict=True):
        assert scores[stem]["mixture"] == pytest.approx(mixture, abs=0.02)
        assert scores[stem]["SDR"] >= needed


@pytest.mark.slow
def test_the_preset_separates_synthetic_songs_that_it_was_not_trained_on(separator):
    from training.evaluation import evaluate
    from training.synthetic import synthetic_songs

    songs = synthetic_songs(1_000_000, 4, sample_rate=separator.sample_rate, channels=2)
    rows = evaluate(separator, songs).rows
    gains = [row["improvement"] for row in rows if row["stem"] == "vocals"]
    assert np.median(gains) >= 6.0


def test_the_full_band_reaches_16_khz():
    front_end = load_preset("jansson_unet_fullband").front_end
    top = front_end.first_bin + front_end.bins - 1
    assert top * front_end.sample_rate / front_end.frame_length > 16000


@pytest.mark.slow
def test_four_stems_of_a_real_song_are_closer_than_its_mixture(shared_data, tmp_path):
    from training import musdb18
    from training.evaluation import evaluate

    file = shared_data / STEM_FILE
    if not file.is_file():
        pytest.skip(f"no {STEM_FILE} in the development data")
    (tmp_path / file.name).symlink_to(file)
    separator = Separator.from_preset("jansson_unet_4stems")
    rows = evaluate(separator, musdb18(tmp_path)).rows
    gains = {row["stem"]: row["improvement"] for row in rows}
    assert list(gains) == ["vocals", "drums", "bass", "other"]
    assert min(gains.values()) > 6.0, gains

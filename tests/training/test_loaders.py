import numpy as np
import pytest
import soundfile

from training.loaders.stem_folder import stem_folder
from zoo.errors import InputError

RATE = 8000


def write(path, samples=2000, rate=RATE, channels=2, level=0.1):
    path.parent.mkdir(parents=True, exist_ok=True)
    audio = np.random.default_rng(len(str(path))).normal(0, level, (samples, channels))
    soundfile.write(path, audio, rate)
    return audio


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_songs_are_tracks_that_decode_when_asked(tmp_path, suffix):
    truth = write(tmp_path / "b" / f"vocals.{suffix}")
    write(tmp_path / "b" / f"drums.{suffix}")
    write(tmp_path / "a" / f"vocals.{suffix}", samples=100)
    write(tmp_path / "a" / f"drums.{suffix}", samples=100)
    (tmp_path / "b" / "notes.txt").write_text("not audio")
    first, second = stem_folder(tmp_path)
    assert (first.name, second.name) == ("a", "b")
    assert list(second.stems) == ["drums", "vocals"]
    assert second.sample_rate == RATE
    got = second.load_stem("vocals")
    assert got.shape == (2000, 2)
    if suffix != "ogg":
        np.testing.assert_allclose(got, truth, atol=4e-5)
    total = second.load_stem("vocals") + second.load_stem("drums")
    np.testing.assert_allclose(second.load_mixture(), total, atol=1e-6)


@pytest.mark.parametrize("name", ["mix", "mixture"])
def test_a_given_mixture_is_no_stem(tmp_path, name):
    write(tmp_path / "a" / "vocals.wav")
    mixture = write(tmp_path / "a" / f"{name}.wav", level=0.2)
    (track,) = stem_folder(tmp_path)
    assert list(track.stems) == ["vocals"]
    np.testing.assert_allclose(track.load_mixture(), mixture, atol=4e-5)


def test_tracks_can_be_resampled(tmp_path):
    write(tmp_path / "a" / "vocals.wav", samples=4000)
    (track,) = stem_folder(tmp_path, sample_rate=4000)
    assert track.sample_rate == 4000
    assert track.load_stem("vocals").shape == (2000, 2)


def broken_corpora():
    def one_level(folder):
        write(folder / "vocals.wav")

    def no_stem(folder):
        write(folder / "a" / "mix.wav")

    def rates(folder):
        write(folder / "a" / "vocals.wav")
        write(folder / "a" / "bass.wav", rate=4000)

    def lengths(folder):
        write(folder / "a" / "vocals.wav")
        write(folder / "a" / "bass.wav", samples=1999)

    def stems(folder):
        write(folder / "a" / "vocals.wav")
        write(folder / "b" / "bass.wav")

    def twice(folder):
        write(folder / "a" / "vocals.wav")
        write(folder / "a" / "vocals.flac")

    def two_mixtures(folder):
        write(folder / "a" / "vocals.wav")
        write(folder / "a" / "mix.wav")
        write(folder / "a" / "mixture.wav")

    def text(folder):
        (folder / "a").mkdir()
        (folder / "a" / "vocals.wav").write_text("not a WAV file")

    return [
        (lambda folder: None, "holds no folder with a song$"),
        (one_level, "put each song's stems into a folder of its own"),
        (no_stem, "a: holds no stem"),
        (rates, "a: files differ in sample rate: bass.wav 4000, vocals.wav 8000"),
        (lengths, "a: files differ in length: bass.wav 1999, vocals.wav 2000"),
        (stems, "songs differ in their stems: a has vocals; b has bass"),
        (twice, "vocals.flac and vocals.wav are one stem"),
        (two_mixtures, "a: holds both mixture.wav and mix.wav"),
        (text, "vocals.wav"),
    ]


@pytest.mark.parametrize(("make", "message"), broken_corpora())
def test_what_is_wrong_is_said(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(InputError, match=message):
        stem_folder(tmp_path)


def test_a_folder_is_needed(tmp_path):
    with pytest.raises(InputError, match="absent: no such folder"):
        stem_folder(tmp_path / "absent")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: not a folder"):
        stem_folder(tmp_path / "file")

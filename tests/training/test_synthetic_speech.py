"""Voices made from recordings: the analysis, what it refuses, and that it is used."""

import numpy as np
import pytest
import soundfile
from scipy import signal

from training.synthetic import synthetic_songs
from training.synthetic.clock import FREQUENCIES, Clock
from training.synthetic.dice import Dice
from training.synthetic.material import Material
from training.synthetic.song import Song
from training.synthetic.speech_bank import analyse, extend, load_bank
from training.synthetic.vocals import vocals
from zoo.errors import InputError

RATE = 8000


def spoken_vowel(pitch=120.0, formant=700.0, seconds=0.4) -> np.ndarray:
    """A pulse train through one resonance, after 0.1 s of hiss: a stand-in for a spoken digit."""
    samples = int(seconds * RATE)
    pulses = np.zeros(samples)
    pulses[:: round(RATE / pitch)] = 1
    radius, angle = np.exp(-np.pi * 80 / RATE), 2 * np.pi * formant / RATE
    vowel = signal.lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], pulses)
    hiss = np.random.default_rng(0).normal(0, 1, RATE // 10)
    return np.concatenate([0.3 * hiss, vowel / np.abs(vowel).max()]) * 0.5


@pytest.fixture
def folder(tmp_path):
    for speaker, pitch in (("ann", 220.0), ("bob", 110.0)):
        for index in range(4, 8):
            path = tmp_path / f"{index % 3}_{speaker}_{index}.wav"
            soundfile.write(path, spoken_vowel(pitch, 500 + 50 * index), RATE)
    (tmp_path / "README.md").write_text("not a recording")
    return tmp_path


def test_held_back_recordings_are_not_used(folder):
    found = Material(str(folder)).digits
    assert sorted(found) == ["ann", "bob"]
    names = [path.name for paths in found.values() for path in paths]
    assert len(names) == 6
    assert not any(name.endswith("_4.wav") for name in names)


def test_analysis_finds_formant_and_voicing():
    utterance = analyse(spoken_vowel(formant=700.0))
    frames = len(utterance.voicing)
    assert utterance.envelope.shape == (frames, 126)
    vowel = slice(frames // 2, frames - 8)
    peak = FREQUENCIES[utterance.envelope[vowel].mean(axis=0).argmax()]
    assert abs(peak - 700) < 100
    assert utterance.voicing[vowel].mean() > 0.8
    assert utterance.voicing[2:8].mean() < 0.3
    assert utterance.envelope.max() == pytest.approx(0, abs=1e-5)


def test_hiss_does_not_stop_where_the_recording_does():
    flat = np.zeros((1, 126), np.float32)
    (hiss,) = extend(flat, np.zeros(1, np.float32), FREQUENCIES, 116)
    (voice,) = extend(flat, np.ones(1, np.float32), FREQUENCIES, 116)
    at_7_khz = np.searchsorted(FREQUENCIES, 7000)
    assert hiss[at_7_khz] > -0.1
    assert -3 < voice[at_7_khz] < -0.7
    assert hiss[-1] < -1
    assert np.all(np.abs(np.diff(hiss)) < 0.3)


def test_speech_voices_sing_and_speak(folder):
    material = Material(str(folder))
    clock = Clock(4.0, 16000)
    highs = []
    for seed in range(6):
        dice = Dice(np.random.SeedSequence(seed))
        song = Song.draw(dice, clock.duration)
        voice = vocals(dice, song, clock, material, speech_share=1.0)
        assert voice.shape == (1, 64000)
        assert np.isfinite(voice).all()
        assert voice.std() > 0
        hertz, power = signal.welch(voice[0], 16000)
        highs.append(power[hertz > 4200].max() / power.max())
    assert np.median(highs) > 1e-7, "the voices go on above the recordings' band"


def test_a_speech_folder_changes_two_voices_in_five(folder):
    options = {"duration": 2.0, "sample_rate": 8000, "channels": 1}
    plain = synthetic_songs(1, 20, **options)
    spoken = synthetic_songs(1, 20, material=folder, **options)
    changed = [
        not np.array_equal(a.load_stem("vocals"), b.load_stem("vocals"))
        for a, b in zip(plain, spoken, strict=True)
    ]
    assert 4 <= sum(changed) <= 12
    np.testing.assert_array_equal(plain[0].load_stem("bass"), spoken[0].load_stem("bass"))


def test_folders_without_recordings_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        synthetic_songs(material=tmp_path / "missing")
    soundfile.write(tmp_path / "0_ann_2.wav", spoken_vowel(), RATE)
    with pytest.raises(InputError, match="holds no material"):
        synthetic_songs(material=tmp_path)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_text("not audio"), "not a readable WAV"),
        (lambda path: soundfile.write(path, spoken_vowel(), 16000), "16000 Hz"),
        (lambda path: soundfile.write(path, np.zeros(4000), RATE), "silent or shorter"),
        (lambda path: soundfile.write(path, np.zeros(0), RATE), "silent or shorter"),
    ],
)
def test_unusable_recordings_are_named(tmp_path, write, message):
    write(tmp_path / "3_ann_9.wav")
    with pytest.raises(InputError, match=message):
        load_bank(str(tmp_path))

"""Voices made from whole sentences: how they are recorded, cut into syllables and sung."""

import stat
import sys

import numpy as np
import pytest
import soundfile
from scipy import signal

from training.synthetic import sentences, synthetic_songs
from training.synthetic.clock import FREQUENCIES, Clock
from training.synthetic.dice import Dice
from training.synthetic.melody import draw_rap, draw_syllables
from training.synthetic.sentence_voice import Speaker
from training.synthetic.song import Song
from training.synthetic.speech_bank import Recordings, analyse, load_voices
from training.synthetic.studio import HeavyEffects
from zoo.errors import InputError

RATE = 32000
VOWEL, HISS = 0.16, 0.09


def dice(seed=0) -> Dice:
    return Dice(np.random.SeedSequence(seed))


def spoken(syllables=4, pitch=120.0, noisy_highs=False) -> np.ndarray:
    """Hiss and a vowel with formants at 700 and 6000 Hz, `syllables` times over, at 32 kHz."""
    random = np.random.default_rng(0)
    samples = int(VOWEL * RATE)
    pulses = np.zeros(samples)
    pulses[:: round(RATE / pitch)] = 1
    vowel = resonance(pulses, 700)
    highs = random.normal(0, 0.1, samples) if noisy_highs else pulses
    vowel = vowel / vowel.std() + 0.3 * resonance(highs, 6000) / resonance(highs, 6000).std()
    hiss = 0.15 * random.normal(0, 1, int(HISS * RATE))
    return np.tile(np.concatenate([hiss, vowel * np.hanning(samples)]), syllables)


def resonance(source, hertz) -> np.ndarray:
    radius, angle = np.exp(-np.pi * 150 / RATE), 2 * np.pi * hertz / RATE
    return signal.lfilter([1], [1, -2 * radius * np.cos(angle), radius**2], source)


@pytest.fixture
def material(tmp_path):
    for voice, pitch in (("ann", 220.0), ("bob", 110.0)):
        folder = tmp_path / "speech" / voice
        folder.mkdir(parents=True)
        for number in range(3):
            path = folder / f"{number}.wav"
            soundfile.write(path, 0.1 * spoken(3 + number, pitch), RATE)
    return tmp_path


def test_analysis_keeps_what_the_rate_holds():
    clear, breathy = analyse(spoken(), RATE), analyse(spoken(noisy_highs=True), RATE)
    voiced = clear.voicing > 0.9
    level = clear.envelope[voiced].mean(axis=0)
    above = np.flatnonzero(FREQUENCIES[: clear.known] > 3000)
    assert FREQUENCIES[clear.known - 1] > 12000
    assert abs(FREQUENCIES[above[level[above].argmax()]] - 6000) < 400
    assert abs(np.median(clear.pitch[voiced]) - 120) < 6
    assert clear.high_voicing[voiced].mean() > 0.8
    assert breathy.high_voicing[breathy.voicing > 0.9].mean() < 0.4


def test_syllables_are_one_vowel_each_and_vowels_stretch():
    utterance = analyse(spoken(4), RATE)
    nuclei = utterance.nuclei
    assert len(nuclei) == 4
    assert [n.begin for n in nuclei] == [0, *(n.end for n in nuclei[:-1])]
    assert nuclei[-1].end == utterance.frames
    stretched = np.concatenate([n.weight for n in nuclei]) > 0.5
    assert 0.15 < stretched.mean() < 0.8
    assert utterance.voicing[stretched].min() > 0.5


def test_a_sentence_is_sung_when_the_notes_are(material):
    clock, song = Clock(6.0, 16000), Song.draw(dice(1), 6.0)
    speaker = Speaker.draw(dice(2), load_voices(str(material)))
    syllables = draw_syllables(dice(3), song, "song")
    lines = speaker.plan(dice(4), syllables)
    following = [
        (a, b) for a, b in zip(lines[:-1], lines[1:], strict=True) if a.utterance is b.utterance
    ]
    assert any(a.nucleus.end == b.nucleus.begin for a, b in following), "words stay whole"
    take = speaker.say(dice(5), clock, lines)
    sounds = (take.harmonic + take.noise).max(axis=1) > 0
    sung = np.zeros(clock.points, bool)
    for line in lines:
        sung[clock.point(line.start) : clock.point(line.start + line.duration)] = True
    assert (sounds == sung).mean() > 0.97
    assert np.isfinite(take.tone).all()


def test_songs_with_sentences_are_the_same_at_every_rate(material):
    def loudness(rate, channels) -> list[np.ndarray]:
        songs = synthetic_songs(
            2, 6, duration=4.0, sample_rate=rate, channels=channels, material=material
        )
        stems = [song.load_stem("vocals").mean(axis=1) for song in songs]
        assert all(np.isfinite(stem).all() and stem.std() > 0 for stem in stems)
        return [np.square(stem).reshape(40, -1).mean(axis=1) ** 0.5 for stem in stems]

    alike = [
        np.corrcoef(a, b)[0, 1] for a, b in zip(loudness(8000, 1), loudness(16000, 2), strict=True)
    ]
    assert np.median(alike) > 0.9


def test_rap_keeps_to_the_beat():
    song = Song.draw(dice(1), 20.0)
    syllables = draw_rap(dice(2), song)
    starts = np.array([syllable.start for syllable in syllables])
    ends = np.array([syllable.start + syllable.duration for syllable in syllables])
    assert len(syllables) > 20
    assert (ends[:-1] <= starts[1:] + 1e-9).all()
    assert ends[-1] <= song.duration
    on_beat = np.abs(starts / song.beat - np.rint(starts / song.beat)) < 1e-6
    assert on_beat.mean() > 0.2


def test_heavy_effects_are_rare_and_stay_finite():
    song, clock = Song.draw(dice(1), 4.0), Clock(4.0, 8192)
    voice = dice(3).white(clock.samples)
    drawn = [HeavyEffects.draw(dice(seed), song) for seed in range(100)]
    assert 1 <= sum(effects.telephone is not None for effects in drawn) <= 15
    (thrown,) = [effects for effects in drawn if effects.throws][0].apply(dice(4), clock, [voice])
    assert np.isfinite(thrown).all()
    assert not np.array_equal(thrown, voice)


def test_unusable_sentences_are_named(material):
    path = material / "speech" / "ann" / "9.wav"
    path.write_text("not audio")
    with pytest.raises(InputError, match=r"9\.wav: not a readable WAV or FLAC"):
        Recordings([path])[0]
    soundfile.write(path, np.zeros(RATE), RATE)
    with pytest.raises(InputError, match=r"9\.wav: silent"):
        Recordings([path])[0]


def test_sentences_are_recorded_with_what_is_installed(tmp_path, monkeypatch, capsys):
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    with pytest.raises(InputError, match="no speech synthesiser is installed"):
        sentences.main([str(tmp_path / "speech")])
    # A stand-in for flite that knows two of the three voices and copies one recording.
    soundfile.write(tmp_path / "spoken.wav", 0.1 * spoken(), RATE)
    flite = programs / "flite"
    flite.write_text(
        f"#!{sys.executable}\nimport shutil, sys\n"
        f"if 'rms' not in sys.argv: shutil.copy({str(tmp_path / 'spoken.wav')!r}, sys.argv[-1])\n"
    )
    flite.chmod(flite.stat().st_mode | stat.S_IXUSR)
    sentences.main([str(tmp_path / "speech"), "--sentences", "2"])
    told = capsys.readouterr().out.splitlines()
    assert sum("is not installed" in line for line in told) == 2
    assert told[-1].endswith("4 recordings of 2 voices")
    assert sorted(load_voices(str(tmp_path))) == ["flite-awb", "flite-slt"]
    assert "| flite-awb | english | 2 |" in (tmp_path / "speech" / "LICENCES.md").read_text()
    with pytest.raises(InputError, match="--sentences: 0"):
        sentences.record_sentences(tmp_path, 0)

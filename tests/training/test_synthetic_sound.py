"""The synthesizer's parts against independent arithmetic."""

import numpy as np
import pytest
from scipy import signal

from training.synthetic.clock import CONTROL_RATE, FREQUENCIES, Clock
from training.synthetic.dice import Dice
from training.synthetic.effects import compress, echo, normalize, saturate
from training.synthetic.formants import VOWELS, Throat, formant_envelopes
from training.synthetic.instrument import KINDS, Instrument
from training.synthetic.melody import Syllable, draw_pitch, draw_syllables
from training.synthetic.mixing import STEMS, Level, draw_levels, set_level
from training.synthetic.notes import render_note
from training.synthetic.song import MAJOR, Song
from training.synthetic.sources import pulse_train, shape, white_noise
from training.synthetic.space import Equalizer, Reverb, place


def dice(seed=0) -> Dice:
    return Dice(np.random.SeedSequence(seed))


def spectrum(samples, sample_rate):
    """Returns frequencies and amplitudes of sinusoids."""
    window = np.blackman(len(samples))
    return (
        np.fft.rfftfreq(len(samples), 1 / sample_rate),
        np.abs(np.fft.rfft(samples * window)) * 2 / window.sum(),
    )


@pytest.mark.parametrize("sample_rate", [8192, 11025, 44100])
def test_pulse_train_is_all_harmonics_and_nothing_else(sample_rate):
    clock = Clock(2.0, sample_rate)
    train = pulse_train(np.full(clock.points, 410.0), clock)
    hertz, amplitude = spectrum(train, sample_rate)
    harmonics = 410 * np.arange(1, int(0.44 * sample_rate / 410))
    found = [amplitude[np.abs(hertz - h).argmin() + np.arange(-2, 3)].max() for h in harmonics]
    np.testing.assert_allclose(found, 1, atol=0.02)
    nearest = np.abs(hertz[:, None] - 410 * np.arange(1, 60)).min(axis=1)
    assert amplitude[(nearest > 5) & (hertz > 5)].max() < 1e-3


def test_gliding_pulse_train_does_not_alias():
    clock = Clock(2.0, 8192)
    train = pulse_train(np.linspace(1000, 2000, clock.points), clock)
    # Only harmonics above the fundamental sound; folded ones would come down below it.
    below = signal.sosfilt(signal.butter(8, 500, output="sos", fs=8192), train)[2000:]
    assert below.std() < 2e-3 * train.std()


@pytest.mark.parametrize("sample_rate", [8192, 22050, 44100])
def test_shape_filters_with_the_envelope(sample_rate):
    clock = Clock(2.0, sample_rate)
    train = pulse_train(np.full(clock.points, 200.0), clock)
    gains = np.interp(clock.frequencies, [0, 1000, 2000, 24000], [1, 1, 0.1, 0.1])
    envelope = np.tile(gains, (clock.points, 1)).astype(np.float32)
    envelope[clock.points // 2 :] = 0
    shaped = shape(clock, (train, envelope))
    quarter = clock.samples // 4
    hertz, amplitude = spectrum(shaped[quarter // 4 : quarter + quarter // 2], sample_rate)
    for harmonic in (400, 1000, 2000, 3000):
        found = amplitude[np.abs(hertz - harmonic) < 20].max()
        assert found == pytest.approx(
            np.interp(harmonic, FREQUENCIES[: len(gains)], gains), rel=0.05
        )
    assert np.abs(shaped[clock.samples * 5 // 8 :]).max() < 1e-6


def test_noise_has_the_same_density_at_every_rate():
    densities = []
    for sample_rate in (8192, 44100):
        clock = Clock(4.0, sample_rate)
        envelope = np.ones((clock.points, len(clock.frequencies)), np.float32)
        noise = shape(clock, (white_noise(dice(), clock), envelope))
        hertz, power = signal.welch(noise, sample_rate, nperseg=sample_rate // 8)
        densities.append(power[(hertz > 200) & (hertz < 3500)].mean())
    assert densities[0] == pytest.approx(densities[1], rel=0.05)


def test_long_notes_are_sung_at_the_melodys_pitch():
    """A dry voice's period, by autocorrelation, is the one that was asked for."""
    clock = Clock(4.0, 16000)
    throws = dice(5)
    song = Song.draw(throws, clock.duration)
    syllables = [Syllable(n * 0.9, 0.8, first=True, last=True) for n in range(4)]
    pitch = draw_pitch(
        throws, song, clock, syllables=syllables, spoken=False, lowest=48, highest=60, exact=0.0
    )
    throat = Throat(np.ones(5), 0.02, 0.0, tilt=1.0, ring=1.0, width=1.0, color=0.0)
    harmonic, _ = formant_envelopes(throws, clock, syllables, throat)
    voice = shape(clock, (pulse_train(pitch, clock), harmonic))
    for syllable in syllables:
        middle = syllable.start + 0.4
        frame = voice[int(middle * 16000) - 480 : int(middle * 16000) + 480]
        correlation = np.correlate(frame, frame, "full")[959:]
        lags = np.arange(16000 // 400, 16000 // 80)
        found = 16000 / lags[correlation[lags].argmax()]
        wanted = pitch[round(middle * CONTROL_RATE)]
        assert abs(1200 * np.log2(found / wanted)) < 60
    in_register = 440 * 2 ** ((np.array([48 - 3, 60 + 3]) - 69) / 12)
    sung = np.concatenate([pitch[clock.point(s.start + 0.25) :][:40] for s in syllables])
    assert in_register[0] < sung.min() < sung.max() < in_register[1]


def test_vowels_resonate_at_their_formants():
    clock = Clock(2.0, 16000)
    throat = Throat(np.ones(5), 0.0, 0.0, tilt=0.0, ring=0.0, width=1.0, color=0.0)
    harmonic, _ = formant_envelopes(dice(3), clock, [Syllable(0, 1.9, True, False)], throat)
    frame = np.log(harmonic[40])
    tops = clock.frequencies[signal.argrelmax(frame)[0]]
    distances = [np.abs(tops[:, None] - vowel[:3]).min(axis=0).max() for vowel in VOWELS]
    assert min(distances) < 80


@pytest.mark.parametrize("phrasing", ["song", "long", "speech"])
def test_syllables_follow_each_other_and_rest(phrasing):
    song = Song.draw(dice(1), 30.0)
    syllables = draw_syllables(dice(2), song, phrasing)
    ends = [s.start + s.duration for s in syllables]
    gaps = np.array([b.start - end for b, end in zip(syllables[1:], ends, strict=False)])
    assert gaps.min() > -1e-9
    assert gaps.max() > 0.15
    assert ends[-1] <= 30.0


def test_chords_are_thirds_of_the_scale():
    song = Song(30.0, 2, MAJOR, (0, 2, 4, 7, 9), 120.0, (0, 4), 4, 0.0)
    assert song.chord(0) == [2, 6, 9, 13]
    assert song.chord(5) == [9, 13, 16, 19]
    assert song.chord(8) == song.chord(0)
    assert song.step_time(2, 1, 4) == pytest.approx(1.125)


@pytest.mark.parametrize("kind", list(KINDS))
def test_notes_are_in_tune_and_band_limited(kind):
    clock = Clock(2.0, 22050)
    for seed in range(2):
        instrument = Instrument.draw(dice(seed), kind)
        instrument.ratio, instrument.tremolo, instrument.knock = 2, (1.0, 0.0), 0.0
        instrument.detune, instrument.vibrato, instrument.inharmonicity = [0.0], 0.0, 0.0
        note = render_note(dice(seed), instrument, clock, 57, 1.0)
        assert np.isfinite(note).all()
        hertz, amplitude = spectrum(note[: 22050 // 2], 22050)
        partial = hertz / 220
        if kind == "bell":  # only its first partial is in tune
            partial[hertz > 300] = 1
        strong = amplitude > 0.1 * amplitude.max()
        assert np.abs(partial - np.maximum(np.rint(partial), 1))[strong].max() < 0.05
        assert amplitude[hertz > 10900].max() < 0.01 * amplitude.max()


def test_decaying_partials_are_the_plain_sum():
    clock = Clock(2.0, 8192)
    instrument = Instrument.draw(dice(4), "pluck")
    instrument.knock = 0.0
    instrument.tremolo = (1.0, 0.0)
    note = render_note(dice(9), instrument, clock, 60, 0.5)
    phases = dice(9).uniform(0, 2 * np.pi, 100)
    fundamental, time = 440 * 2 ** (-9 / 12), np.arange(2000) / 8192
    plain = np.zeros(2000)
    for n in range(1, int(0.48 * 8192 / fundamental) + 1):
        level = abs(np.sin(np.pi * n * instrument.pick)) / n * instrument.unevenness[n - 1] ** 0.5
        speed = (0.6 + fundamental / 600) / instrument.decay
        fall = np.exp(-time * (1 + instrument.brightness_decay * n) * speed)
        plain += (
            (level > 3e-3)
            * level
            * fall
            * np.sin(2 * np.pi * n * fundamental * time + phases[n - 1])
        )
    plain *= np.minimum(1, time / 0.004)
    scale = np.dot(plain, note[:2000]) / np.dot(plain, plain)
    np.testing.assert_allclose(note[:2000], scale * plain, atol=2e-4)


def test_equalizer_response_has_the_drawn_curve():
    for seed in range(3):
        equalizer = Equalizer.draw(dice(seed), low_cut=(70, 180))
        response = equalizer.response(44100)
        hertz, found = signal.freqz(response, worN=4096, fs=44100)
        within = (hertz > 60) & (hertz < 20000)
        wanted = equalizer.decibels(hertz[within])
        np.testing.assert_allclose(20 * np.log10(np.abs(found[within])), wanted, atol=1.5)
        assert abs(response.sum()) < 1e-2 * np.abs(found).max()
        assert np.abs(response[: len(response) // 2]).max() == np.abs(response).max()


def test_place_is_a_convolution_with_pan():
    clock = Clock(2.0, 8192, 2)
    noise = dice(1).white(clock.samples)
    equalizer = Equalizer.draw(dice(2))
    dry = Reverb(0.5, 0.3, 0.0, wet=0.0)
    placed = place(dice(), clock, [(noise, -1.0)], equalizer=equalizer, reverb=dry)
    wanted = np.sqrt(2) * signal.oaconvolve(noise, equalizer.response(8192))[: clock.samples]
    np.testing.assert_allclose(placed[0], wanted, atol=1e-4 * np.abs(wanted).max())
    assert np.abs(placed[1]).max() < 1e-4
    parts = [(noise, 0.0), (noise, 0.0)]
    double = place(dice(), clock, parts, equalizer=equalizer, reverb=dry)
    np.testing.assert_allclose(double[0], double[1], atol=1e-4)
    np.testing.assert_allclose(double[0], np.sqrt(2) * wanted, atol=2e-3)


def test_reverb_decays_in_its_time():
    clock = Clock(3.0, 8192)
    click = np.zeros(clock.samples, np.float32)
    click[0] = 1
    flat = Equalizer(np.zeros(10), [], (0.0, 0.0), (0.0, 0.0))
    reverb = Reverb(time=1.0, damping=0.0, delay=0.01, wet=0.5)
    (tail,) = place(dice(), clock, [(click, 0.0)], equalizer=flat, reverb=reverb)
    energy = np.cumsum(tail[::-1].astype(float) ** 2)[::-1]
    decibels = 10 * np.log10(energy[82] / energy[82 + 4096])
    assert decibels == pytest.approx(30, abs=2)


def test_effects_do_what_their_names_say():
    clock = Clock(2.0, 8192)
    tone = np.sin(2 * np.pi * 300 * np.arange(clock.samples) / 8192).astype(np.float32)
    tone[clock.samples // 2 :] *= 0.1
    even = compress(normalize(tone), clock, 0.5)
    loud, soft = even[2000:8000].std(), even[10000:16000].std()
    assert loud / soft == pytest.approx(np.sqrt(10), rel=0.1)
    assert np.abs(saturate(tone, 50.0, 8192)).max() < 1.2
    repeated = echo(tone[:100], Clock(1.0, 8192), 50 / 8192, 0.5)
    np.testing.assert_allclose(repeated[50:], tone[50:100] + 0.5 * tone[:50], atol=1e-6)


def test_levels_leave_room_for_every_peak():
    ratios = []
    for seed in range(50):
        levels = draw_levels(dice(seed))
        assert tuple(levels) == STEMS
        assert sum(level.peak for level in levels.values()) < 1
        band = np.sqrt(sum(levels[stem].rms ** 2 for stem in STEMS if stem != "vocals"))
        ratios.append(20 * np.log10(levels["vocals"].rms / band))
    assert -9 <= min(ratios) < -6
    assert 3 < max(ratios) <= 6


def test_set_level_reaches_the_level_and_keeps_the_peak():
    noise = dice().white(16000)[None] * 3
    noise[:, 8000:] = 0
    level = Level(rms=0.05, peak=0.3)
    quiet = set_level(noise, 8000, level)
    assert quiet.shape == (16000, 1)
    assert quiet[:8000].std() == pytest.approx(0.05, rel=0.02)
    noise[:, 4000:4010] = 400.0
    limited = set_level(noise, 8000, level)
    assert np.abs(limited).max() <= 0.3
    assert not set_level(np.zeros((2, 100), np.float32), 8000, level).any()

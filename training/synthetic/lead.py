"""Melodic instruments that move like a voice but keep one spectral envelope.

They glide, drift and vibrate as the singer does, often in the singer's range: what remains to tell
them apart is that their spectrum does not speak.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.effects import normalize, saturate, tremolo
from training.synthetic.material import COMPUTED, Material
from training.synthetic.melody import Syllable, draw_pitch, draw_syllables
from training.synthetic.sampled_lead import sampled_lead
from training.synthetic.sampler import SAMPLED_SHARE
from training.synthetic.song import Song
from training.synthetic.sources import pulse_train, shape, white_noise
from training.synthetic.space import Equalizer, Reverb, place


def lead(dice: Dice, song: Song, clock: Clock, material: Material = COMPUTED) -> np.ndarray:
    """Returns a melodic instrument, float32 `(channels, samples)`."""
    if material.sound_fonts and dice.chance(SAMPLED_SHARE):
        return sampled_lead(dice, song, clock, material)
    lowest = dice.uniform(48, 74)
    slope = dice.uniform(0.4, 2.2)
    signal = melodic_line(
        dice, song, clock, lowest=lowest, span=dice.uniform(7, 22), slope=slope, second=0.35
    )
    equalizer, reverb = Equalizer.draw(dice, tilt=-1.0), Reverb.draw(dice, chance=0.8)
    return place(
        dice, clock, [(signal, dice.uniform(-0.6, 0.6))], equalizer=equalizer, reverb=reverb
    )


def melodic_line(
    dice: Dice,
    song: Song,
    clock: Clock,
    *,
    lowest: float,
    span: float,
    slope: float,
    second: float,
) -> np.ndarray:
    """Returns a melody on an instrument of one spectral envelope, `(samples,)`.

    Args:
        dice: what to draw from.
        song: key and tempo.
        clock: the grids.
        lowest: bottom of the range, a MIDI note number.
        span: the range in semitones.
        slope: the spectrum falls as frequency to the power of `-slope`.
        second: chance of a second voice in parallel.
    """
    phrasing = "long" if dice.chance(0.3) else "song"
    syllables = draw_syllables(dice, song, phrasing)
    pitch = draw_pitch(
        dice,
        song,
        clock,
        syllables=syllables,
        spoken=False,
        lowest=lowest,
        highest=lowest + span,
        exact=0.5,
    )
    loudness = _loudness(dice, clock, syllables)
    envelope = np.outer(loudness, _spectrum(dice, clock, slope)).astype(np.float32)
    if dice.chance(0.2):
        envelope = envelope * _sweeping_filter(dice, clock)
    breath = dice.log_uniform(0.001, 0.15) if dice.chance(0.5) else 0.0
    interval = dice.pick([0.1, -0.12, 3, 4, 5, 7, 12, -12])
    level = dice.uniform(0.3, 1)
    source = pulse_train(pitch, clock)
    if dice.chance(second):
        source += pulse_train(pitch * 2 ** (interval / 12), clock) * np.float32(level)
    sources = [(source, envelope)]
    if breath:
        # Blown air has no rumble below the lowest notes.
        hiss = np.minimum(1, (clock.frequencies / 400) ** 2) * breath
        sources.append((white_noise(dice, clock), envelope * hiss.astype(np.float32)))
    signal = normalize(shape(clock, *sources))
    drive = dice.log_uniform(0.5, 12)
    if dice.chance(0.35):
        signal = saturate(signal, drive, clock.sample_rate)
    rate, depth = dice.uniform(2, 9), dice.uniform(0.3, 1)
    return tremolo(signal, clock, rate, depth) if dice.chance(0.15) else signal


def _loudness(dice: Dice, clock: Clock, syllables: list[Syllable]) -> np.ndarray:
    """Returns held or plucked notes: a level for each control point."""
    decay = dice.log_uniform(0.2, 3) if dice.chance(0.5) else 1e3
    loudness = np.zeros(clock.points)
    for syllable in syllables:
        begin = clock.point(syllable.start)
        end = min(clock.points - 1, clock.point(syllable.start + syllable.duration))
        note = np.exp(-(clock.times[begin:end] - clock.times[begin]) / decay)
        fade = min(end - begin, 6)
        note[len(note) - fade :] *= np.linspace(1, dice.uniform(0, 0.8), fade)
        loudness[begin:end] = note * dice.uniform(0.6, 1)
    return gaussian_filter1d(loudness, dice.uniform(0.5, 3))


def _spectrum(dice: Dice, clock: Clock, slope: float) -> np.ndarray:
    """Returns a falling spectrum with up to three resonances, over the clock's frequencies."""
    hertz = np.maximum(clock.frequencies, 50)
    spectrum = (hertz / 200) ** -slope * np.minimum(1, 6000 / hertz)
    for _ in range(dice.integer(0, 4)):
        height, center = dice.log_uniform(0.5, 6), dice.log_uniform(200, 4000)
        width = dice.log_uniform(80, 500)
        spectrum = spectrum * (1 + height * np.exp(-0.5 * ((hertz - center) / width) ** 2))
    return spectrum


def _sweeping_filter(dice: Dice, clock: Clock) -> np.ndarray:
    """Returns the gains `(points, frequencies)` of a resonance that wanders up and down."""
    center, rate = dice.log_uniform(400, 1500), dice.uniform(0.2, 3)
    octaves = dice.uniform(0.3, 1.2) * np.sin(2 * np.pi * rate * clock.times + 1)
    offset = clock.frequencies - (center * 2**octaves)[:, None]
    return (0.15 + 3 * np.exp(-0.5 * (offset / 250) ** 2)).astype(np.float32)

"""Solo instruments from sound fonts, which bend, slide and swell."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from training.synthetic.clock import CONTROL_RATE, Clock
from training.synthetic.dice import Dice
from training.synthetic.effects import echo, normalize, saturate
from training.synthetic.general_midi import BENDING, FIXED
from training.synthetic.material import Material
from training.synthetic.melody import Syllable, draw_pitch, draw_syllables
from training.synthetic.sampler import RATE, Voice, at_clock, render, spread
from training.synthetic.song import Song
from training.synthetic.space import Equalizer, Reverb, place

_GUITARS = range(24, 32)
_SHORTEST = 0.06


def sampled_lead(dice: Dice, song: Song, clock: Clock, material: Material) -> np.ndarray:
    """Returns a sampled solo instrument, float32 `(channels, samples)`."""
    font = dice.pick(material.sound_fonts)
    bending = dice.chance(0.75)
    families = BENDING if bending else FIXED
    family = dice.pick([f for f, _ in families], [weight for _, weight in families])
    program = dice.pick(family.programs)
    lowest = dice.uniform(*family.lowest)
    voices = melody_voices(
        dice, song, clock, program, lowest=lowest, span=dice.uniform(7, 20), bending=bending
    )
    guitar = program[1] in _GUITARS
    drive = dice.log_uniform(0.5, 20)
    driven = dice.chance(0.6 if guitar else 0.1)
    cabinet = (np.log2(dice.uniform(60, 160)), np.log2(dice.uniform(3000, 5500)))
    equalizer, reverb = Equalizer.draw(dice, tilt=-0.3), Reverb.draw(dice, chance=0.8)
    if guitar and driven:
        equalizer = equalizer.through_cabinet(*cabinet)
    pan, width = dice.uniform(-0.6, 0.6), dice.uniform(0, 0.6)
    delayed, delay = dice.chance(0.25), song.beat * dice.pick([0.5, 0.75, 1.0])
    feedback = dice.uniform(0.15, 0.4)
    stereo = render(font, voices, clock.duration)
    if driven:
        signal = saturate(normalize(stereo.mean(axis=0)), drive, RATE)
        parts = [(at_clock(signal, clock), pan)]
    else:
        parts = spread(stereo, clock, pan, width)
    if delayed:
        parts = [(echo(signal, clock, delay, feedback), place_) for signal, place_ in parts]
    return place(dice, clock, parts, equalizer=equalizer, reverb=reverb)


def melody_voices(
    dice: Dice,
    song: Song,
    clock: Clock,
    program: tuple[int, int],
    *,
    lowest: float,
    span: float,
    bending: bool,
) -> list[Voice]:
    """Returns a melody on two voices in turn, so that a note's end does not bend with the next.

    Args:
        dice: what to draw from.
        song: key and tempo.
        clock: the control points.
        program: bank and program.
        lowest: bottom of the range, a MIDI note number.
        span: the range in semitones.
        bending: whether the pitch may glide between keys.
    """
    syllables = draw_syllables(dice, song, "long" if dice.chance(0.3) else "song")
    hertz = draw_pitch(
        dice,
        song,
        clock,
        syllables=syllables,
        spoken=False,
        lowest=lowest,
        highest=lowest + span,
        exact=0.3 if bending else 1.0,
    )
    pitch = 69 + 12 * np.log2(hertz / 440)
    reach = dice.pick([1.2, 2.4, 4.0]) if bending else 0.5
    swell = dice.uniform(0, 0.5) if dice.chance(0.6) else 0.0
    gap = dice.pick([1.0, 1.0, 0.9, 0.6])
    interval = dice.pick([3, 4, 5, 7, 12, -12]) if dice.chance(0.15) else 0
    base = dice.uniform(0.5, 0.8)
    expression = _expression(dice, clock, syllables, swell)
    pair = [Voice(*program, bend=np.zeros(clock.points), expression=expression) for _ in range(2)]
    number = 0
    for syllable in syllables:
        begin = clock.point(syllable.start)
        end = min(clock.point(syllable.start + syllable.duration), clock.points)
        level = base + dice.uniform(-0.1, 0.2) + (0.05 if syllable.first else 0)
        for left, right, key in _keys(pitch, begin, end, reach):
            voice = pair[number % 2]
            if bending:
                voice.bend[left:] = 0
                voice.bend[left:right] = pitch[left:right] - key
                voice.bend[right:] = voice.bend[right - 1]
            duration = (right - left) / CONTROL_RATE * (gap if right == end else 1.0)
            for offset in (0, interval) if interval else (0,):
                voice.play(key + offset, duration, left / CONTROL_RATE, level)
            number += 1
    return pair


def _keys(pitch: np.ndarray, begin: int, end: int, reach: float) -> list[tuple[int, int, int]]:
    """Returns first point, end and MIDI key of the notes between two control points.

    A note lasts while the pitch keeps within `reach` semitones of its key.
    """
    shortest = round(_SHORTEST * CONTROL_RATE)
    notes: list[tuple[int, int, int]] = []
    left = begin
    while left < end:
        # The key is that of the pitch which the note settles at.
        settled = pitch[left : min(end, left + 4 * shortest)]
        key = round(float(np.median(settled)))
        away = np.flatnonzero(np.abs(pitch[left:end] - key) > max(reach, 0.5))
        away = away[away >= shortest]
        right = left + int(away[0]) if len(away) else end
        if end - right < shortest:
            right = end
        if notes and notes[-1][2] == key:
            left = notes.pop()[0]
        notes.append((left, right, key))
        left = right
    return notes


def _expression(
    dice: Dice, clock: Clock, syllables: list[Syllable], swell: float
) -> np.ndarray | None:
    """Returns how the player leans into the notes, between `1 - swell` and 1."""
    wander = dice.wander(clock.points, 30)
    wander = np.clip(0.5 + 0.25 * wander / (wander.std() + 1e-9), 0, 1)
    shape = np.zeros(clock.points)
    for syllable in syllables:
        begin = clock.point(syllable.start)
        end = min(clock.point(syllable.start + syllable.duration), clock.points)
        shape[begin:end] = np.sin(np.linspace(0.3, np.pi - 0.3, end - begin))
    smooth = gaussian_filter1d(0.5 * (wander + shape), 4)
    return 1 - swell * (1 - smooth) if swell else None

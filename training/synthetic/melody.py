"""Melodies: phrases of syllables, and the pitch that glides through them."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from training.synthetic.clock import CONTROL_RATE, Clock
from training.synthetic.dice import Dice
from training.synthetic.song import Song


@dataclass(frozen=True)
class Syllable:
    """One sung or played unit; `first` and `last` tell its place in the phrase."""

    start: float
    duration: float
    first: bool
    last: bool


_BASE_DURATION = {"song": (0.18, 0.5), "speech": (0.12, 0.24), "long": (0.5, 1.5)}


def draw_syllables(dice: Dice, song: Song, phrasing: str) -> list[Syllable]:
    """Returns the syllables of a whole song: phrases of some seconds with rests between them.

    Args:
        dice: what to draw from.
        song: the song; half the sung syllables keep to its eighth notes.
        phrasing: `"song"`, `"long"` (long notes) or `"speech"`.
    """
    speech = phrasing == "speech"
    base = dice.log_uniform(*_BASE_DURATION[phrasing])
    time = dice.uniform(0, 2.5) if dice.chance(0.6) else 0.0
    syllables = []
    while time < song.duration - 0.5:
        phrase = dice.uniform(1, 7) if speech else dice.uniform(1.2, 6)
        end = min(time + phrase, song.duration - 0.2)
        first = True
        while time < end:
            if speech:
                duration = base * dice.uniform(0.6, 1.6)
            else:
                duration = base * dice.pick([0.5, 1, 1, 1, 1.5, 2, 3])
                if phrasing == "song" and dice.chance(0.5):
                    eighth = song.beat / 2
                    duration = max(0.1, round(duration / eighth) * eighth)
            last = time + duration >= end
            if last and not speech:
                duration = max(duration, dice.uniform(0.4, 1.8))
            duration = min(duration, song.duration - time - 0.05)
            if duration < 0.08:
                break
            syllables.append(Syllable(time, duration, first, last))
            first = False
            time += duration
            if dice.chance(0.06):
                time += dice.uniform(0.03, 0.2)
        time += dice.log_uniform(0.15, 3.0) if dice.chance(0.85) else dice.uniform(2, 6)
    if not syllables:
        syllables.append(Syllable(0.0, max(0.08, song.duration - 0.05), True, True))
    return syllables


def draw_rap(dice: Dice, song: Song) -> list[Syllable]:
    """Returns the syllables of rhythmic speech: lines of one or two bars on the beat's grid."""
    # About five syllables a second at any tempo.
    steps = 4 if song.beat > 0.4 else 2
    density = dice.uniform(0.6, 0.95)
    syllables = []
    beat = dice.integer(0, 5)
    while beat < song.beats:
        beats = dice.pick([3, 4, 4, 4, 7, 8])
        places = range(beats * steps)
        sounds = dice.pattern(len(places), density)
        times = [
            song.step_time(beat + place // steps, place % steps, steps)
            for place in places
            if sounds[place] or place % steps == 0
        ]
        end = (beat + beats) * song.beat
        syllables += _spaced(dice, song, times, end)
        beat += beats + dice.pick([0, 1, 1, 4], [0.5, 0.3, 0.1, 0.1])
    return syllables or [Syllable(0.0, max(0.08, song.duration - 0.05), True, True)]


def _spaced(dice: Dice, song: Song, times: list[float], end: float) -> list[Syllable]:
    """Returns a line of syllables from their onsets; each lasts to the next, but not long."""
    times = [time for time in times if time < song.duration - 0.15]
    edges = [*times, min(end, song.duration - 0.02)]
    return [
        Syllable(
            start,
            min(following - start, dice.uniform(0.25, 0.45)),
            start == times[0],
            start == times[-1],
        )
        for start, following in zip(edges[:-1], edges[1:], strict=True)
        if following - start > 0.05
    ]


def draw_pitch(
    dice: Dice,
    song: Song,
    clock: Clock,
    *,
    syllables: list[Syllable],
    spoken: bool,
    lowest: float,
    highest: float,
    exact: float,
) -> np.ndarray:
    """Returns the pitch of a melody in Hz at every control point.

    Args:
        dice: what to draw from.
        song: gives the key.
        clock: gives the control points.
        syllables: when there are notes.
        spoken: pitch that falls through each phrase instead of notes in key.
        lowest: bottom of the register, a MIDI note number.
        highest: top of the register.
        exact: chance that the notes are hit without glide, drift or vibrato, as by a machine.
    """
    contour = np.full(clock.points, np.nan)
    vibrato = np.zeros(clock.points)
    if spoken:
        _speak(dice, clock, contour, syllables, lowest, highest)
    else:
        notes = _notes_in_key(dice, song, lowest, highest)
        _sing(dice, clock, contour, vibrato, syllables, notes)
    known = np.flatnonzero(~np.isnan(contour))
    contour = np.interp(np.arange(clock.points), known, contour[known])
    if spoken or not dice.chance(exact):
        contour = gaussian_filter1d(contour, dice.uniform(1.5, 7)) + vibrato
        drift = dice.wander(clock.points, dice.uniform(12, 40)) * dice.uniform(0.5, 2.5)
        jitter = dice.wander(clock.points, 1.2) * dice.log_uniform(0.03, 0.25)
        contour += drift + jitter
    return 440 * 2 ** ((contour - 69) / 12)


def _notes_in_key(dice: Dice, song: Song, lowest: float, highest: float) -> list[int]:
    scale = song.scale if dice.chance(0.6) else song.pentatonic
    notes = range(int(lowest), int(highest) + 1)
    return [note for note in notes if (note - song.key) % 12 in scale]


def _sing(dice, clock, contour, vibrato, syllables, notes) -> None:
    place = dice.integer(0, len(notes))
    rate = dice.uniform(4.3, 7.2)
    depth = dice.uniform(0.1, 1.1) if dice.chance(0.7) else 0.0
    onset = dice.uniform(0.1, 0.5)

    def move(steps: int) -> int:
        return int(np.clip(place + steps, 0, len(notes) - 1))

    for syllable in syllables:
        begin = clock.point(syllable.start)
        end = min(clock.point(syllable.start + syllable.duration) + 1, clock.points)
        if dice.chance(0.8):
            place = move(dice.pick([-3, -2, -1, -1, 0, 0, 1, 1, 2, 3]))
        contour[begin:end] = notes[place]
        if syllable.duration > 0.5 and dice.chance(0.25):
            # A melisma: several notes on one syllable.
            edges = np.linspace(begin, end, dice.integer(2, 6) + 1).astype(int)
            for left, right in zip(edges[:-1], edges[1:], strict=True):
                place = move(dice.integer(-2, 3))
                contour[left:right] = notes[place]
        if syllable.first and dice.chance(0.5):
            scoop = begin + clock.length(dice.uniform(0.02, 0.14))
            contour[begin : min(scoop, end)] -= dice.uniform(0.5, 4)
        if syllable.last and dice.chance(0.35):
            fall = min(end - begin, clock.length(dice.uniform(0.04, 0.2)))
            contour[end - fall : end] -= np.linspace(0, dice.uniform(1, 6), fall)
        time = np.arange(end - begin) / CONTROL_RATE
        swell = depth * np.clip((time - onset) / 0.3, 0, 1)
        vibrato[begin:end] = swell * np.sin(2 * np.pi * (rate * time + dice.uniform(0, 1)))


def _speak(dice, clock, contour, syllables, lowest, highest) -> None:
    declination = 0.0
    for syllable in syllables:
        begin = clock.point(syllable.start)
        end = min(clock.point(syllable.start + syllable.duration) + 1, clock.points)
        if syllable.first:
            declination = dice.uniform(2, 6)
        else:
            declination -= dice.uniform(0, 0.8)
        middle = (lowest + highest) / 2 - 3 + declination + dice.normal(0, 1.6)
        glide = np.linspace(0, dice.uniform(-3, 2), end - begin)
        contour[begin:end] = np.clip(middle, lowest - 5, highest) + glide

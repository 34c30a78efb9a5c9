"""Guitars: chords as they lie on six strings, strummed, picked, or as power chords."""

import numpy as np

from training.synthetic.dice import Dice
from training.synthetic.general_midi import MUTED
from training.synthetic.sampler import Voice
from training.synthetic.song import Song

_STRINGS = (40, 45, 50, 55, 59, 64)
_REACH = 4
_STROKES = (
    "D.DU.UDU",
    "D.D.D.D.",
    "D.DUD.DU",
    "D..U.UD.",
    "DUDUDUDU",
    "D.DU.UD.",
    "D...D...",
    "D..D..D.",
    "D.UD.UDU",
    "..D...D.",
    ".U.U.U.U",
)
_PICKED = ("0.3.4.5.", "03453543", "0.453.45", "0435.435", "05343534", "0.4.3.4.")


def chord_shape(chord: list[int], position: int) -> list[int]:
    """Returns the keys of a chord from low to high: at most one on each string, the root lowest.

    Args:
        chord: notes as `Song.chord` gives them; three or four.
        position: lowest fret; 0 is open strings.

    Example:
        >>> chord_shape([7, 11, 14], 0)
        [43, 47, 50, 55, 59, 67]
    """
    classes = {note % 12 for note in chord}
    root = chord[0] % 12
    keys: list[int] = []
    for string in _STRINGS:
        frets = [string + position + fret for fret in range(_REACH + 1)]
        wanted = classes if keys else {root}
        fitting = [key for key in frets if key % 12 in wanted and key not in keys]
        if fitting:
            keys.append(fitting[0])
    return keys


def play_strummed(dice: Dice, song: Song, voice: Voice) -> None:
    """Strums or picks the song's chords."""
    position = dice.pick([0, 0, 0, 2, 4, 5, 7])
    tones = 4 if dice.chance(0.3) else 3
    late = dice.uniform(-0.005, 0.012)
    if dice.chance(0.35):
        _pick(dice, song, voice, position=position, tones=tones, late=late)
        return
    strokes = dice.pick(_STROKES)
    variation = dice.pick(_STROKES) if dice.chance(0.5) else strokes
    # Eighths at most tempi; sixteenths where the song is slow.
    steps = 4 if song.tempo < 100 and dice.chance(0.6) else 2
    slowness = dice.log_uniform(0.004, 0.016)
    damped = dice.uniform(0, 0.5) if dice.chance(0.4) else 0.0
    strings = dice.pick([6, 6, 6, 4, 3])
    for beat in range(song.beats):
        shape = chord_shape(song.chord(beat)[:tones], position)[-strings:]
        for step in range(steps):
            index = beat * steps + step
            pattern = variation if index // 8 % 4 == 3 else strokes
            stroke = pattern[index % 8]
            if stroke == ".":
                continue
            time = song.step_time(beat, step, steps) + late + dice.normal(0, 0.006)
            accent = 1.0 if index % 8 in (0, 4) else 0.85
            level = accent * dice.uniform(0.55, 0.8)
            short = dice.chance(damped)
            length = dice.uniform(0.04, 0.09) if short else _ringing(song, pattern, index, steps)
            keys = shape if stroke == "D" else shape[::-1][: dice.integer(2, 5)]
            speed = slowness * dice.uniform(0.6, 1.5)
            for number, key in enumerate(keys):
                soft = dice.uniform(0.8, 1) * (1 if stroke == "D" else 0.85)
                voice.play(key, length, time + number * speed, level * soft)


def _ringing(song: Song, pattern: str, index: int, steps: int) -> float:
    """Returns the seconds until the next stroke."""
    waited = 1
    while waited < 8 and pattern[(index + waited) % 8] == ".":
        waited += 1
    return waited * song.beat / steps + 0.02


def _pick(dice: Dice, song: Song, voice: Voice, *, position: int, tones: int, late: float) -> None:
    figure = dice.pick(_PICKED)
    steps = 4 if song.tempo < 110 else 2
    for beat in range(song.beats):
        shape = chord_shape(song.chord(beat)[:tones], position)
        end = (beat // song.beats_per_chord + 1) * song.beats_per_chord * song.beat
        for step in range(steps):
            place = figure[(beat * steps + step) % 8]
            if place == ".":
                continue
            string = 0 if place == "0" else int(place) - 6
            time = song.step_time(beat, step, steps) + late + dice.normal(0, 0.006)
            level = dice.uniform(0.5, 0.75) + (0.12 if place == "0" else 0)
            voice.play(shape[max(string, -len(shape))], max(0.2, end - time), time, level)


def play_rock(dice: Dice, song: Song, takes: list[list[Voice]]) -> None:
    """Plays power chords and riffs, the same on every take but for the hands.

    Args:
        dice: what to draw from.
        song: chords and tempo.
        takes: for each take two voices, the open strings and the palm-muted ones.
    """
    style = dice.pick(["hold", "chug", "rhythm", "riff", "chord"], [0.25, 0.25, 0.2, 0.15, 0.15])
    lowest = dice.pick([36, 38, 40, 40, 40, 45])
    tones = dice.pick([2, 2, 3])
    steps = dice.pick([2, 2, 4]) if song.tempo < 130 else 2
    rhythm = dice.pattern(16, dice.uniform(0.3, 0.8))
    rhythm[0] = True
    open_steps = dice.pattern(16, dice.uniform(0.1, 0.6))
    open_steps[0] = True
    figure = [dice.integer(0, 6) for _ in range(16)]
    muted_share = dice.uniform(0, 0.8)
    jitter = dice.uniform(0.003, 0.012)
    for beat in range(song.beats):
        chord = song.chord(beat)
        root = lowest + (chord[0] - lowest) % 12
        power = [root, root + 7, root + 12][:tones]
        if style == "chord":
            power = [root + note - chord[0] for note in chord[:3]]
        for step in range(steps):
            index = (beat * steps + step) % 16
            time, length = song.step_time(beat, step, steps), song.beat / steps
            muted, keys = False, power
            if style == "hold":
                if beat % song.beats_per_chord or step:
                    continue
                length = song.beat * song.beats_per_chord
            elif style == "chug":
                muted = not open_steps[index]
            elif not rhythm[index]:
                continue
            elif style == "riff":
                degree = figure[index]
                tonic = lowest + (song.key - lowest) % 12
                keys = [tonic + song.pentatonic[degree % 5] + 12 * (degree // 5)]
                muted = dice.chance(muted_share * 0.5)
            else:
                muted = dice.chance(muted_share)
            level = dice.uniform(0.7, 0.95)
            _strike(dice, takes, keys, length, time, level, muted, jitter)


def _strike(dice, takes, keys, length, time, level, muted, jitter) -> None:
    for open_strings, muted_strings in takes:
        begin = time + dice.normal(0, jitter)
        loud = level * dice.uniform(0.9, 1.05)
        voice = muted_strings if muted else open_strings
        hold = min(length, dice.uniform(0.08, 0.16)) if muted else length * dice.uniform(0.9, 1)
        for number, key in enumerate(keys[:2] if muted else keys):
            voice.play(key, hold, begin + 0.003 * number, loud)


def muted_voice(program: tuple[int, int], sampled: bool) -> Voice:
    """Returns the voice of palm-muted strings: the sampled ones, or shorter notes."""
    return Voice(*(MUTED if sampled else program))


def draw_pans(dice: Dice, takes: int) -> np.ndarray:
    """Returns the pan of each take: two stand far left and right."""
    if takes == 1:
        return np.array([dice.uniform(-0.7, 0.7)])
    return dice.uniform(0.6, 1) * np.array([-1.0, 1.0])

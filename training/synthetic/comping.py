"""Keyboards, sections and pads: chords led smoothly from one to the next."""

from training.synthetic.dice import Dice
from training.synthetic.sampler import Voice
from training.synthetic.song import Song


def voicing(chord: list[int], lowest: int) -> list[int]:
    """Returns a chord's notes within the octave above a key, so that chords lie close together.

    Example:
        >>> voicing([9, 12, 16], 60)
        [60, 64, 69]
    """
    return sorted(lowest + (note - lowest) % 12 for note in chord)


def play_chords(dice: Dice, song: Song, voice: Voice, *, style: str, lowest: int) -> None:
    """Plays the song's chords.

    Args:
        dice: what to draw from.
        song: chords and tempo.
        voice: what plays.
        style: `"hold"` (long chords), `"pulse"` (every step), `"rhythm"` (some steps), `"broken"`
            (arpeggios) or `"hands"` (a bass note in the left hand, a rhythm in the right).
        lowest: MIDI key.
    """
    tones = dice.pick([3, 3, 4])
    steps = dice.pick([1, 2, 2]) if style == "pulse" else dice.pick([2, 2, 4])
    rhythm = dice.pattern(16, dice.uniform(0.2, 0.65))
    rhythm[0] = True
    hold = dice.uniform(0.3, 1) if style in ("pulse", "rhythm") else 1.0
    figure = _figure(dice)
    pedal = dice.chance(0.6)
    base, swing = dice.uniform(0.45, 0.8), dice.uniform(0.05, 0.2)
    loose, late = dice.uniform(0.001, 0.01), dice.uniform(-0.005, 0.01)
    doubled = dice.chance(0.3)
    for beat in range(song.beats):
        chord = song.chord(beat)
        notes = voicing(chord[:tones], lowest)
        if doubled:
            notes = [notes[0] - 12, *notes]
        first = beat % song.beats_per_chord == 0
        rest = (song.beats_per_chord - beat % song.beats_per_chord) * song.beat

        def strike(keys, time, duration):
            level = base + swing * dice.uniform(-1, 1)
            for key in keys:
                moment = time + late + abs(dice.normal(0, loose))
                voice.play(key, duration, moment, level * dice.uniform(0.9, 1.1))

        if style == "hold":
            if first:
                strike(notes, beat * song.beat, rest * 0.98)
            continue
        if style == "hands" and beat % 2 == 0:
            root = 36 + chord[0] % 12
            fifth = beat % 4 == 2 and dice.chance(0.5)
            left = [root + 7] if fifth else [root, root - 12][: dice.integer(1, 3)]
            strike(left, beat * song.beat, rest if pedal else 1.8 * song.beat)
        for step in range(steps):
            index = (beat * steps + step) % 16
            time, length = song.step_time(beat, step, steps), song.beat / steps
            if style == "broken":
                place = figure[index]
                if place is not None:
                    octaves, note = divmod(place, len(notes))
                    duration = min(rest, 2.0) if pedal else length
                    strike([notes[note] + 12 * octaves], time, duration)
            elif style == "pulse" or rhythm[index]:
                duration = max(length, rest - step * length) if pedal and steps < 4 else length
                strike(notes, time, duration if style == "hands" else hold * length)


def _figure(dice: Dice) -> list[int | None]:
    """Returns sixteen steps of an arpeggio: up, down, both, or at random, with or without rests."""
    shape = dice.pick(["up", "down", "both", "random"])
    size = dice.pick([3, 4, 4, 6])
    up = list(range(size))
    runs = {"up": up, "down": up[::-1], "both": up + up[-2:0:-1]}
    run = runs.get(shape) or [dice.integer(0, size) for _ in range(16)]
    rests = dice.pattern(16, dice.uniform(0, 0.4))
    return [None if rests[i] and i else run[i % len(run)] for i in range(16)]

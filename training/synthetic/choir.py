"""A choir behind the singer: the chord's notes on one vowel, and several people to a note."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.effects import normalize
from training.synthetic.formants import Throat, formant_envelopes
from training.synthetic.melody import Syllable
from training.synthetic.song import Song
from training.synthetic.sources import pulse_train, shape, white_noise


def choir(dice: Dice, song: Song, clock: Clock) -> list[np.ndarray]:
    """Returns two halves of a choir, each `(samples,)`, that hold the song's chords."""
    throat = Throat.draw(dice, dice.uniform(0.95, 1.25))
    syllables, chords = _held_chords(dice, song)
    if not syllables:
        return []
    harmonic, noise = formant_envelopes(dice, clock, syllables, throat)
    lowest = dice.integer(45, 62)
    halves = []
    for half in range(2):
        source = np.zeros(clock.samples, np.float32)
        for voice in range(half, 4, 2):
            notes = [
                lowest + (chord[voice % 3] - lowest) % 12 + 12 * (voice // 3) for chord in chords
            ]
            source += pulse_train(_pitch(dice, clock, syllables, notes), clock)
        sources = [(source, harmonic), (white_noise(dice, clock), noise)]
        halves.append(normalize(shape(clock, *sources)))
    return halves


def _held_chords(dice: Dice, song: Song) -> tuple[list[Syllable], list[list[int]]]:
    share = dice.uniform(0.25, 0.7)
    length = song.beats_per_chord
    syllables, chords = [], []
    sings = False
    for beat in range(0, song.beats, length):
        if beat // length % 4 == 0:
            sings = dice.chance(share)
        start = beat * song.beat
        duration = min(length * song.beat, song.duration - 0.05 - start)
        if sings and duration > 0.3:
            syllables.append(Syllable(start, duration * dice.uniform(0.8, 1), True, True))
            chords.append(song.chord(beat))
    return syllables, chords


def _pitch(dice: Dice, clock: Clock, syllables: list[Syllable], notes: list[int]) -> np.ndarray:
    contour = np.full(clock.points, float(notes[0]))
    for syllable, note in zip(syllables, notes, strict=True):
        contour[clock.point(syllable.start) :] = note
    vibrato = dice.uniform(0.05, 0.4) * np.sin(
        2 * np.pi * (dice.uniform(4.5, 6.5) * clock.times + dice.uniform(0, 1))
    )
    drift = dice.wander(clock.points, 20) * dice.uniform(0.5, 2)
    contour = gaussian_filter1d(contour, dice.uniform(2, 6)) + vibrato + drift
    return 440 * 2 ** ((contour - 69) / 12)

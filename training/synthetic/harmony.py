"""Chord instruments: held chords, stabs, arpeggios, strums and riffs."""

import numpy as np

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.effects import draw_chorus, normalize, saturate
from training.synthetic.instrument import Instrument
from training.synthetic.material import COMPUTED, Material
from training.synthetic.notes import render_note
from training.synthetic.sampled_harmony import sampled_harmony
from training.synthetic.sampler import SAMPLED_SHARE
from training.synthetic.song import Song
from training.synthetic.space import Equalizer, Reverb, place


class NoteTrack:
    """A signal that notes are added to; a note that returns is rendered once.

    Args:
        dice: for the notes' phases.
        instrument: what plays.
        clock: the grids.
    """

    def __init__(self, dice: Dice, instrument: Instrument, clock: Clock):
        self._dice, self._instrument, self._clock = dice, instrument, clock
        self._notes: dict[tuple[float, float], np.ndarray] = {}
        self.signal = np.zeros(clock.samples, np.float32)

    def play(self, midi: float, duration: float, time: float, level: float) -> None:
        """Adds a note: pitch, seconds, when it begins, and how loud."""
        key = (midi, round(duration, 3))
        if key not in self._notes:
            self._notes[key] = render_note(
                self._dice, self._instrument, self._clock, midi, duration
            )
        begin = round(time * self._clock.sample_rate)
        note = self._notes[key][: max(0, len(self.signal) - begin)]
        self.signal[begin : begin + len(note)] += note * np.float32(level)


def harmony(dice: Dice, song: Song, clock: Clock, material: Material = COMPUTED) -> np.ndarray:
    """Returns a chord instrument, float32 `(channels, samples)`."""
    if material.sound_fonts and dice.chance(SAMPLED_SHARE):
        return sampled_harmony(dice, song, clock, material)
    instrument = Instrument.draw(dice)
    track = NoteTrack(dice, instrument, clock)
    _play_chords(dice, song, instrument, track)
    signal = track.signal
    driven = dice.chance(0.2) and instrument.kind in ("guitar", "synth", "organ")
    drive = dice.log_uniform(0.8, 20)
    cabinet = (np.log2(dice.uniform(60, 200)), np.log2(dice.uniform(2200, 4500)))
    equalizer = Equalizer.draw(dice, tilt=-1.0)
    if instrument.kind == "distorted" or driven:
        signal = saturate(normalize(signal), drive, clock.sample_rate)
        equalizer = equalizer.through_cabinet(*cabinet)
    signal = draw_chorus(dice, signal, clock, 0.15)
    pan = dice.uniform(-0.7, 0.7)
    return place(
        dice, clock, [(signal, pan)], equalizer=equalizer, reverb=Reverb.draw(dice, chance=0.7)
    )


def _play_chords(dice: Dice, song: Song, instrument: Instrument, track: NoteTrack) -> None:
    distorted = instrument.kind == "distorted"
    style = dice.pick(["hold", "stab", "arpeggio", "strum", "riff"], [0.3, 0.2, 0.2, 0.2, 0.1])
    if instrument.kind in ("pad", "strings"):
        style = dice.pick(["hold", "hold", "stab", "arpeggio"])
    if distorted:
        style = dice.pick(["strum", "hold", "stab", "riff"])
    octave = dice.pick([36, 48] if distorted else [36, 48, 48, 60, 60, 72])
    voices = dice.integer(2, 5)
    inversion = [12 * dice.integer(-1, 2) for _ in range(4)]
    rhythm = dice.pattern(16, dice.uniform(0.2, 0.7))
    rhythm[0] = True
    steps = dice.pick([2, 2, 4, 4, 3])
    figure = [dice.integer(0, 2 * voices) for _ in range(16)]
    ringing = dice.chance(0.5)
    for beat in range(song.beats):
        chord = song.chord(beat)
        notes = [chord[n] + octave + inversion[n] for n in range(voices)]
        if distorted:
            notes = [chord[0] + octave, chord[0] + octave + 7]
        if style == "hold":
            if beat % song.beats_per_chord == 0:
                duration = song.beat * song.beats_per_chord * 0.98
                for note in notes:
                    late = abs(dice.normal(0, 0.01))
                    track.play(note, duration, beat * song.beat + late, dice.uniform(0.7, 1))
            continue
        for step in range(steps):
            index = (beat * steps + step) % 16
            if not rhythm[index]:
                continue
            time = song.step_time(beat, step, steps) + abs(dice.normal(0, 0.006))
            level = dice.uniform(0.6, 1)
            length = song.beat / steps
            if style == "arpeggio":
                octaves, voice = divmod(figure[index], len(notes))
                duration = 2 * length if ringing else length
                track.play(notes[voice] + 12 * octaves, duration, time, level)
            elif style == "riff":
                degree = song.pentatonic[figure[index] % 5]
                track.play(song.key + octave + degree, length, time, level)
            else:
                delay = dice.uniform(0, 0.02) if style == "strum" else 0.0
                duration = 2 * length if style == "strum" else 0.9 * length
                for number, note in enumerate(notes):
                    track.play(note, duration, time + number * delay, level)

"""The bass: a pattern on the chords' roots, a walking line, or a gliding melody."""

import numpy as np

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.effects import normalize, saturate
from training.synthetic.harmony import NoteTrack
from training.synthetic.instrument import Instrument
from training.synthetic.lead import melodic_line
from training.synthetic.material import COMPUTED, Material
from training.synthetic.sampled_bass import sampled_bass
from training.synthetic.sampler import SAMPLED_SHARE
from training.synthetic.song import Song
from training.synthetic.space import Equalizer, Reverb, place

_DRY = Reverb(time=0.2, damping=0.5, delay=0.0, wet=0.0)


def bass(dice: Dice, song: Song, clock: Clock, material: Material = COMPUTED) -> np.ndarray:
    """Returns the bass, float32 `(channels, samples)`."""
    if material.sound_fonts and dice.chance(SAMPLED_SHARE):
        return sampled_bass(dice, song, clock, material)
    equalizer = Equalizer.draw(dice, tilt=-1.0, low_cut=(25, 40))
    if dice.chance(0.4):
        lowest, slope = dice.uniform(26, 36), dice.uniform(1.2, 3)
        span = dice.uniform(7, 16)
        signal = melodic_line(dice, song, clock, lowest=lowest, span=span, slope=slope, second=0.0)
        room = Reverb.draw(dice, chance=0.8, wettest=0.3)
        return place(dice, clock, [(signal, 0.0)], equalizer=equalizer, reverb=room)
    signal = _pattern(dice, song, clock)
    drive = dice.log_uniform(0.5, 5)
    if dice.chance(0.3):
        signal = saturate(normalize(signal), drive, clock.sample_rate)
    return place(dice, clock, [(signal, 0.0)], equalizer=equalizer, reverb=_DRY)


def _pattern(dice: Dice, song: Song, clock: Clock) -> np.ndarray:
    instrument = _draw_bass(dice)
    track = NoteTrack(dice, instrument, clock)
    steps = dice.pick([1, 2, 2, 4])
    rhythm = dice.pattern(16, dice.uniform(0.3, 1))
    rhythm[0] = True
    walking = dice.chance(0.35)
    walk = [dice.pick([0, 0, 0, 0, 12, 7, 5, -5, 10]) for _ in range(16)]
    duration = song.beat / steps * 0.95
    for beat in range(song.beats):
        root = song.chord(beat)[0] % 12 + 28
        for step in range(steps):
            index = (beat * steps + step) % 16
            if not rhythm[index]:
                continue
            time = song.step_time(beat, step, steps) + abs(dice.normal(0, 0.005))
            note = root + (walk[index] if walking else 0)
            track.play(note, duration, time, dice.uniform(0.7, 1))
    return track.signal


def _draw_bass(dice: Dice) -> Instrument:
    kind = dice.pick(["synth", "pluck", "square", "guitar", "pad", "epiano"])
    instrument = Instrument.draw(dice, kind)
    instrument.cutoff = dice.log_uniform(150, 1500)
    instrument.roll_off = dice.uniform(1, 2.5)
    instrument.detune = [0.0]
    if kind == "pad":
        instrument.attack, instrument.release = 0.01, 0.05
    instrument.unevenness = np.sqrt(instrument.unevenness)
    return instrument

"""Basses from sound fonts: fingers, picks, slaps and synthesizers."""

import numpy as np

from training.synthetic.clock import CONTROL_RATE, Clock
from training.synthetic.dice import Dice
from training.synthetic.effects import normalize, saturate
from training.synthetic.general_midi import BASSES, SYNTH_BASSES
from training.synthetic.material import Material
from training.synthetic.sampled_lead import melody_voices
from training.synthetic.sampler import RATE, Voice, at_clock, render
from training.synthetic.song import Song
from training.synthetic.space import Equalizer, Reverb, place

_LOWEST = 28


def sampled_bass(dice: Dice, song: Song, clock: Clock, material: Material) -> np.ndarray:
    """Returns a sampled bass, float32 `(channels, samples)`."""
    font = dice.pick(material.sound_fonts)
    program = dice.pick(BASSES if dice.chance(0.75) else SYNTH_BASSES)
    equalizer = Equalizer.draw(dice, tilt=-0.5, low_cut=(25, 40))
    if dice.chance(0.15):
        lowest, span = dice.uniform(28, 34), dice.uniform(7, 16)
        voices = melody_voices(
            dice, song, clock, program, lowest=lowest, span=span, bending=dice.chance(0.5)
        )
    else:
        voices = [_pattern(dice, song, clock, program)]
    driven, drive = dice.chance(0.3), dice.log_uniform(0.4, 5)
    reverb = Reverb.draw(dice, chance=0.3, wettest=0.15)
    signal = render(font, voices, clock.duration).mean(axis=0)
    if driven:
        signal = saturate(normalize(signal), drive, RATE)
    parts = [(at_clock(signal, clock), 0.0)]
    return place(dice, clock, parts, equalizer=equalizer, reverb=reverb)


def _pattern(dice: Dice, song: Song, clock: Clock, program: tuple[int, int]) -> Voice:
    """Returns roots and what leads from one to the next."""
    voice = Voice(*program, bend=np.zeros(clock.points))
    style = dice.pick(["roots", "groove", "walk", "octaves", "long"], [0.3, 0.35, 0.12, 0.1, 0.13])
    steps = {"walk": 1, "octaves": 2, "long": 1}.get(style) or dice.pick([2, 2, 4])
    rhythm = np.ones(16, bool) if style != "groove" else dice.pattern(16, dice.uniform(0.3, 0.8))
    rhythm[0] = True
    offsets = [dice.pick([0, 0, 0, 0, 0, 12, 7, 5, -5, 10]) for _ in range(16)]
    hold, slides = dice.pick([0.95, 0.95, 0.7, 0.4]), dice.uniform(0, 0.12)
    late, loose = dice.uniform(-0.005, 0.012), dice.uniform(0.002, 0.008)
    fills, base = dice.chance(0.4), dice.uniform(0.6, 0.8)
    for beat in range(song.beats):
        root = _LOWEST + (song.chord(beat)[0] - _LOWEST) % 12
        following = _LOWEST + (song.chord(beat + 1)[0] - _LOWEST) % 12
        changes = (beat + 1) % song.beats_per_chord == 0
        for step in range(steps):
            index = (beat * steps + step) % 16
            if not rhythm[index] or (style == "long" and beat % song.beats_per_chord):
                continue
            key = root + (offsets[index] if style == "groove" and index else 0)
            if style == "octaves":
                key = root + 12 * (step % 2)
            elif style == "walk":
                walked = dice.pick([0, 3, 4, 5, 7, 9, 12]) if beat % song.beats_per_chord else 0
                key = following + dice.pick([-1, 1, 2, -2]) if changes else root + walked
            elif fills and changes and step == steps - 1 and dice.chance(0.5):
                key = following + dice.pick([-2, -1, 2, -5, 7])
            time = song.step_time(beat, step, steps) + late + dice.normal(0, loose)
            length = song.beat / steps * hold
            if style == "long":
                length = song.beat * song.beats_per_chord * 0.97
            level = base + dice.uniform(-0.08, 0.12) + (0.08 if index % 4 == 0 else 0)
            slid = dice.chance(slides)
            depth, seconds = dice.pick([-5, -3, -2, -2, 2]), dice.uniform(0.05, 0.16)
            voice.play(max(key, 24), length, time, level)
            if slid:
                _slide(voice.bend, time, depth, min(seconds, length))
    return voice


def _slide(bend: np.ndarray, time: float, depth: float, seconds: float) -> None:
    """Lets the pitch come from `depth` semitones away within `seconds`."""
    begin = max(0, round(time * CONTROL_RATE))
    way = np.linspace(depth, 0, max(2, round(seconds * CONTROL_RATE)))
    end = min(len(bend), begin + len(way))
    bend[begin:end] = way[: max(0, end - begin)]

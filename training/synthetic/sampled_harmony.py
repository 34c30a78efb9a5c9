"""Chord instruments from sound fonts: guitars, keyboards, sections and pads."""

import numpy as np

from training.synthetic.clock import Clock
from training.synthetic.comping import play_chords
from training.synthetic.dice import Dice
from training.synthetic.effects import draw_chorus, normalize, saturate
from training.synthetic.general_midi import AMPLIFIED, COMPING, SAMPLED_DISTORTION, STRUMMED
from training.synthetic.guitar import draw_pans, muted_voice, play_rock, play_strummed
from training.synthetic.material import Material
from training.synthetic.sampler import RATE, Voice, at_clock, render, spread
from training.synthetic.song import Song
from training.synthetic.space import Equalizer, Reverb, place

_STRUMMED_SHARE, _AMPLIFIED_SHARE = 0.25, 0.25


def sampled_harmony(dice: Dice, song: Song, clock: Clock, material: Material) -> np.ndarray:
    """Returns a sampled chord instrument, float32 `(channels, samples)`."""
    font = dice.pick(material.sound_fonts)
    kind = dice.uniform(0, 1)
    if kind < _AMPLIFIED_SHARE:
        return _amplified(dice, song, clock, font)
    if kind < _AMPLIFIED_SHARE + _STRUMMED_SHARE:
        voice = Voice(*dice.pick(STRUMMED.programs))
        play_strummed(dice, song, voice)
    else:
        family = dice.pick([f for f, _ in COMPING], [weight for _, weight in COMPING])
        voice = Voice(*dice.pick(family.programs))
        lowest = dice.integer(family.lowest[0], family.lowest[1] + 1)
        play_chords(dice, song, voice, style=dice.pick(family.styles), lowest=lowest)
    pan, width = dice.uniform(-0.7, 0.7), dice.uniform(0, 1)
    equalizer, reverb = Equalizer.draw(dice, tilt=-0.3), Reverb.draw(dice, chance=0.6)
    parts = spread(render(font, [voice], clock.duration), clock, pan, width)
    return place(dice, clock, parts, equalizer=equalizer, reverb=reverb)


def _amplified(dice: Dice, song: Song, clock: Clock, font) -> np.ndarray:
    """Returns an electric guitar through an amplifier, often recorded twice."""
    takes = 2 if dice.chance(0.5) else 1
    program = dice.pick(AMPLIFIED.programs)
    sampled_mutes = dice.chance(0.6)
    voices = [[Voice(*program), muted_voice(program, sampled_mutes)] for _ in range(takes)]
    play_rock(dice, song, voices)
    distorted = program in SAMPLED_DISTORTION
    drive = dice.log_uniform(0.3, 2) if distorted else dice.log_uniform(0.5, 30)
    cabinet = (np.log2(dice.uniform(60, 140)), np.log2(dice.uniform(3000, 5500)))
    equalizer = Equalizer.draw(dice, tilt=-0.3)
    if drive > 2 or dice.chance(0.5):
        equalizer = equalizer.through_cabinet(*cabinet)
    pans = draw_pans(dice, takes)
    reverb = Reverb.draw(dice, chance=0.5, wettest=0.3)
    parts = []
    for take, pan in zip(voices, pans, strict=True):
        guitar = normalize(render(font, take, clock.duration).mean(axis=0))
        # At the sound font's rate, so that the amplifier's harmonics are those of the whole sound.
        parts.append((at_clock(saturate(guitar, drive, RATE), clock), float(pan)))
    parts = [(draw_chorus(dice, signal, clock, 0.1), pan) for signal, pan in parts]
    return place(dice, clock, parts, equalizer=equalizer, reverb=reverb)

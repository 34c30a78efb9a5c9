"""The singer: a register, a phrasing, a throat or a speaker, and a studio's treatment."""

import numpy as np

from training.synthetic.choir import choir
from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.effects import normalize, roughen
from training.synthetic.formants import Throat, formant_envelopes
from training.synthetic.material import COMPUTED, Material
from training.synthetic.melody import draw_pitch, draw_syllables
from training.synthetic.sentence_singer import perform_sentences, phrases_elsewhere
from training.synthetic.song import Song
from training.synthetic.sources import phonate
from training.synthetic.space import Equalizer, Reverb, place
from training.synthetic.speech_bank import load_bank, load_voices
from training.synthetic.speech_voice import Bank, speech_envelopes, spoken_phrases
from training.synthetic.studio import HeavyEffects, treat

REGISTERS = {
    "male": {"weight": 0.36, "tract": (0.92, 1.08), "lowest": (42, 51)},
    "female": {"weight": 0.42, "tract": (1.1, 1.24), "lowest": (53, 60)},
    "child": {"weight": 0.08, "tract": (1.25, 1.45), "lowest": (58, 66)},
    "falsetto": {"weight": 0.14, "tract": (0.95, 1.15), "lowest": (50, 56)},
}
"""Chance, formant factor and lowest note (a MIDI number) of each register."""


SHARES = {"sentences": 0.5, "digits": 0.15, "computed": 0.35}
"""Chance of each kind of voice where there are recorded sentences."""
CHOIR = 0.07
"""Chance of a choir behind the singer where there are recorded sentences."""
AD_LIBS = 0.1
"""Chance of further phrases, by any voice, where there are recorded sentences."""


def vocals(
    dice: Dice,
    song: Song,
    clock: Clock,
    material: Material = COMPUTED,
    *,
    speech_share: float = 0.4,
) -> np.ndarray:
    """Returns a voice with its effects, float32 `(channels, samples)`.

    Args:
        dice: what to draw from.
        song: key and tempo.
        clock: the grids.
        material: with recorded speech; without it every voice is a formant synthesis.
        speech_share: chance that the voice is made from digits where there is no other speech.
    """
    from_digits = dice.chance(speech_share) and bool(material.digits)
    from_sentences = False
    if material.sentences:
        kinds = [kind for kind in SHARES if kind != "digits" or material.digits]
        kind = dice.pick(kinds, [SHARES[kind] for kind in kinds])
        from_digits, from_sentences = kind == "digits", kind == "sentences"
    bank = load_bank(material.folder) if from_digits else None
    doubles: list[np.ndarray] = []
    if from_sentences:
        voices = load_voices(material.folder)
        lead, doubles = perform_sentences(dice, song, clock, voices)
    elif bank and dice.chance(0.25):
        lead = normalize(spoken_phrases(dice, song, clock, bank))
    else:
        lead, doubles = _sing(dice, song, clock, bank)
    if material.sentences:
        doubles = doubles + _others(dice, song, clock, material)
    spread, pan = dice.uniform(0.2, 0.9), dice.normal(0, 0.08)
    # In mono everything is one bus; in stereo doubles stand beside the singer.
    buses = [lead + sum(doubles)] if clock.channels == 1 else [lead, *doubles]
    sides = [0.0] + [spread * (-1) ** number for number in range(1, len(buses))]
    pans = np.clip(pan + np.array(sides), -1, 1)
    treated = treat(dice, song, clock, buses)
    equalizer = Equalizer.draw(dice, tilt=0.7, low_cut=(70, 180))
    reverb = Reverb.draw(dice, chance=0.85, wettest=0.8)
    if material.sentences:
        heavy = HeavyEffects.draw(dice, song)
        treated = heavy.apply(dice, clock, treated)
        equalizer, reverb = heavy.color(equalizer), heavy.room(reverb)
    parts = list(zip(treated, pans, strict=True))
    return place(dice, clock, parts, equalizer=equalizer, reverb=reverb)


def _others(dice: Dice, song: Song, clock: Clock, material: Material) -> list[np.ndarray]:
    """Returns voices that sing something else than the singer does."""
    others = []
    if dice.chance(CHOIR):
        level = np.float32(dice.log_uniform(0.1, 0.5))
        others += [half * level for half in choir(dice, song, clock)]
    if dice.chance(AD_LIBS):
        level = np.float32(dice.uniform(0.25, 0.9))
        others.append(level * phrases_elsewhere(dice, song, clock, load_voices(material.folder)))
    return others


def _sing(
    dice: Dice, song: Song, clock: Clock, bank: Bank | None
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Returns the singer and any doubles, each `(samples,)`."""
    phrasing = dice.pick(["song", "speech", "long"], [0.72, 0.15, 0.13])
    register = REGISTERS[
        dice.pick(list(REGISTERS), [register["weight"] for register in REGISTERS.values()])
    ]
    tract = dice.uniform(*register["tract"])
    lowest = dice.uniform(*register["lowest"])
    highest = lowest + dice.uniform(9, 19)
    throat = Throat.draw(dice, tract)
    syllables = draw_syllables(dice, song, phrasing)
    pitch = draw_pitch(
        dice,
        song,
        clock,
        syllables=syllables,
        spoken=phrasing == "speech",
        lowest=lowest,
        highest=highest,
        exact=0.12,
    )
    if bank:
        harmonic, noise = speech_envelopes(dice, clock, syllables, bank, breath=throat.breath)
    else:
        harmonic, noise = formant_envelopes(dice, clock, syllables, throat)
    if dice.chance(0.4):
        noise = noise + _air(dice, clock, harmonic)
    rasp = dice.uniform(0.2, 0.8) if dice.chance(0.12) else 0.0

    def perform(pitch: np.ndarray) -> np.ndarray:
        return normalize(phonate(dice, clock, pitch, harmonic, noise))

    lead = perform(pitch)
    if rasp:
        lead = roughen(lead, pitch, clock, rasp)
    doubles = []
    for _ in range(dice.integer(1, 3) if dice.chance(0.25) else 0):
        interval = dice.pick([0, 0, 0, 4, 3, 5, 7, 12, -12]) + dice.normal(0, 0.08)
        drift = dice.wander(clock.points, 20) * dice.uniform(0.3, 1.2)
        late = int(dice.uniform(-0.04, 0.04) * clock.sample_rate)
        level = np.float32(dice.uniform(0.3, 1))
        double = perform(pitch * 2 ** ((interval + drift) / 12))
        doubles.append(_shift(double, late) * level)
    return lead, doubles


def _air(dice: Dice, clock: Clock, harmonic: np.ndarray) -> np.ndarray:
    """Returns the envelope of broad noise that follows the voice's loudness."""
    loudness = np.sqrt(np.square(harmonic).mean(axis=1))
    colour = 1 / (1 + (clock.frequencies / 5000) ** 2)
    return np.outer(loudness * dice.log_uniform(0.1, 1.5), colour).astype(np.float32)


def _shift(signal: np.ndarray, samples: int) -> np.ndarray:
    """Returns a signal that comes `samples` later (earlier where negative)."""
    shifted = np.zeros_like(signal)
    if samples >= 0:
        shifted[samples:] = signal[: len(signal) - samples]
    else:
        shifted[:samples] = signal[-samples:]
    return shifted

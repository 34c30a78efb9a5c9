"""A singer, rapper or speaker made from recorded sentences, with other takes of the same lines."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.effects import normalize, roughen
from training.synthetic.melody import draw_pitch, draw_rap, draw_syllables
from training.synthetic.sentence_voice import Speaker, Spoken, Take
from training.synthetic.song import Song
from training.synthetic.sources import phonate, shape, white_noise
from training.synthetic.speech_bank import Recordings
from training.synthetic.speech_voice import spoken_phrases

DELIVERIES = {"song": 0.56, "long": 0.13, "rap": 0.13, "speech": 0.05, "recording": 0.13}
"""Chance of each way to deliver sentences; `recording` plays them as they are."""
DOUBLES = 0.22
"""Chance of one or two more takes of the same lines, in unison, an octave apart or in harmony."""
WHISPER = 0.05
"""Chance of a whispered take of the same lines."""
_EXACT = 0.2


def perform_sentences(
    dice: Dice, song: Song, clock: Clock, voices: dict[str, Recordings]
) -> tuple[np.ndarray, list[np.ndarray]]:
    """Returns the voice and further takes of it, each `(samples,)`.

    Args:
        dice: what to draw from.
        song: key and tempo.
        clock: the grids.
        voices: recorded sentences of each voice.
    """
    delivery = dice.pick(list(DELIVERIES), list(DELIVERIES.values()))
    if delivery == "recording":
        name = dice.pick(sorted(voices))
        return normalize(spoken_phrases(dice, song, clock, {name: voices[name]})), []
    speaker = Speaker.draw(dice, voices)
    rap = delivery == "rap"
    syllables = draw_rap(dice, song) if rap else draw_syllables(dice, song, delivery)
    lines = speaker.plan(dice, syllables)
    take = speaker.say(dice, clock, lines)
    if delivery in ("rap", "speech"):
        pitch = _natural_pitch(dice, clock, take.tone, speaker.lowest)
    else:
        pitch = draw_pitch(
            dice,
            song,
            clock,
            syllables=syllables,
            spoken=False,
            lowest=speaker.lowest,
            highest=speaker.lowest + dice.uniform(9, 19),
            exact=_EXACT,
        )
    lead = _voice(dice, clock, take, pitch)
    if dice.chance(0.12):
        lead = roughen(lead, pitch, clock, dice.uniform(0.2, 0.8))
    return lead, _other_takes(dice, clock, speaker, lines, pitch)


def phrases_elsewhere(
    dice: Dice, song: Song, clock: Clock, voices: dict[str, Recordings]
) -> np.ndarray:
    """Returns a few sung phrases of any voice, `(samples,)`: ad-libs and answers."""
    speaker = Speaker.draw(dice, voices)
    syllables = draw_syllables(dice, song, "song")
    kept, keep = [], False
    for syllable in syllables:
        keep = dice.chance(0.4) if syllable.first else keep
        if keep:
            kept.append(syllable)
    if not kept:
        return np.zeros(clock.samples, np.float32)
    take = speaker.say(dice, clock, speaker.plan(dice, kept))
    lowest = speaker.lowest + dice.uniform(0, 6)
    pitch = draw_pitch(
        dice,
        song,
        clock,
        syllables=kept,
        spoken=False,
        lowest=lowest,
        highest=lowest + 14,
        exact=_EXACT,
    )
    return _voice(dice, clock, take, pitch)


def _natural_pitch(dice: Dice, clock: Clock, tone: np.ndarray, lowest: float) -> np.ndarray:
    """Returns the speaker's own pitch in Hz, shifted and scaled."""
    contour = lowest + dice.uniform(1, 9) + tone * dice.uniform(0.7, 1.8)
    contour += dice.wander(clock.points, 60) * dice.uniform(2, 12)
    contour = gaussian_filter1d(contour, 1.5) + dice.wander(clock.points, 1.2) * 0.1
    return 440 * 2 ** ((np.clip(contour, 33, 84) - 69) / 12)


def _voice(dice: Dice, clock: Clock, take: Take, pitch: np.ndarray) -> np.ndarray:
    return normalize(phonate(dice, clock, pitch, take.harmonic, take.noise))


def _other_takes(
    dice: Dice, clock: Clock, speaker: Speaker, lines: list[Spoken], pitch: np.ndarray
) -> list[np.ndarray]:
    takes = []
    for _ in range(dice.integer(1, 3) if dice.chance(DOUBLES) else 0):
        scale = dice.log_uniform(0.95, 1.12)
        take = speaker.say(dice, clock, lines, scale=scale, loose=dice.uniform(0.005, 0.035))
        interval = dice.pick([0, 0, 0, 4, 3, 5, 7, 12, -12, -5, 9]) + dice.normal(0, 0.08)
        drift = dice.wander(clock.points, 20) * dice.uniform(0.3, 1.5)
        other = _voice(dice, clock, take, pitch * 2 ** ((interval + drift) / 12))
        takes.append(other * np.float32(dice.uniform(0.3, 1)))
    if dice.chance(WHISPER):
        take = speaker.say(dice, clock, lines, loose=0.02)
        whisper = shape(clock, (white_noise(dice, clock), take.harmonic + take.noise))
        takes.append(normalize(whisper) * np.float32(dice.uniform(0.15, 0.6)))
    return takes

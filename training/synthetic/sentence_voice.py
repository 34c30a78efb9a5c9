"""Sentences on a melody: the syllables of a recording on consecutive notes, words kept whole."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.melody import Syllable
from training.synthetic.speech_bank import Recordings, Utterance, extend, frames_at
from training.synthetic.syllables import Nucleus

_FROM_THE_START = 0.6
_MELISMA = 0.1
_GAIN = 1.5


@dataclass(frozen=True)
class Spoken:
    """A note and the syllable that is sung on it.

    Args:
        start: in seconds.
        duration: in seconds.
        utterance: the recording.
        nucleus: the syllable in it.
        last: whether the phrase ends here.
        accent: gain.
    """

    start: float
    duration: float
    utterance: Utterance
    nucleus: Nucleus
    last: bool
    accent: float


@dataclass(frozen=True)
class Take:
    """A performance without its melody.

    Args:
        harmonic: envelope of the voice, `(points, frequencies)`.
        noise: envelope of breath and consonants.
        tone: the speaker's own pitch in semitones around its middle, `(points,)`.
    """

    harmonic: np.ndarray
    noise: np.ndarray
    tone: np.ndarray


@dataclass(frozen=True)
class Speaker:
    """What stays the same while one recorded voice sings a song.

    Args:
        recordings: its sentences.
        scale: factor of all formants.
        breath: the least level of noise, as the voice's own.
        clarity: how periodic the voice is above 4 kHz where it is voiced: 0 as recorded, 1 wholly.
        evenness: how far syllables are as loud as each other: 0 as recorded, 1 wholly.
        lowest: bottom of its register, a MIDI note number.
        brightness: rise above 2.5 kHz in nepers per octave: singers are brighter than speakers.
    """

    recordings: Recordings
    scale: float
    breath: float
    clarity: float
    evenness: float
    lowest: float
    brightness: float

    @classmethod
    def draw(cls, dice: Dice, voices: dict[str, Recordings]) -> "Speaker":
        """Draws a speaker: larger or smaller than the recorded one, and lower or higher with it."""
        recordings = voices[dice.pick(sorted(voices))]
        scale = dice.log_uniform(0.87, 1.3)
        pitch = _middle_pitch(recordings[0]) * scale
        lowest = 69 + 12 * np.log2(pitch / 440) + dice.uniform(-4, 6)
        return cls(
            recordings=recordings,
            scale=scale,
            breath=dice.log_uniform(0.02, 1.0) if dice.chance(0.8) else dice.uniform(1, 2.5),
            clarity=dice.uniform(0.2, 0.95),
            evenness=dice.uniform(0.2, 0.9),
            lowest=float(np.clip(lowest, 40, 65)),
            brightness=dice.uniform(-0.2, 0.9),
        )

    def plan(self, dice: Dice, syllables: list[Syllable]) -> list[Spoken]:
        """Returns what is sung on each note: a phrase runs through one sentence after another."""
        lines: list[Spoken] = []
        utterance, following = self.recordings[0], 0
        position = 0
        while position < len(syllables):
            syllable = syllables[position]
            duration, last = syllable.duration, syllable.last
            position += 1
            if dice.chance(_MELISMA) and not last and position < len(syllables):
                # One syllable on two notes.
                duration, last = duration + syllables[position].duration, syllables[position].last
                position += 1
            if syllable.first or following >= len(utterance.nuclei):
                utterance = dice.pick(self.recordings)
                count = len(utterance.nuclei)
                following = 0 if dice.chance(_FROM_THE_START) else dice.integer(0, count)
            nucleus = utterance.nuclei[following]
            following += 1
            accent = dice.uniform(0.6, 1)
            lines.append(Spoken(syllable.start, duration, utterance, nucleus, last, accent))
        return lines

    def say(
        self, dice: Dice, clock: Clock, lines: list[Spoken], *, scale: float = 1.0, loose: float = 0
    ) -> Take:
        """Returns the envelopes of some lines.

        Args:
            dice: what to draw from.
            clock: the grids.
            lines: what to sing.
            scale: further factor of all formants.
            loose: how far the notes begin too early or too late, in seconds (deviation).
        """
        frequencies = clock.frequencies / (self.scale * scale)
        high = np.clip((frequencies - 3000) / 2500, 0, 1).astype(np.float32)
        octaves = np.log2(np.maximum(clock.frequencies / 2500, 1))
        bright = (self.brightness * octaves).astype(np.float32)
        harmonic = np.zeros((clock.points, len(frequencies)), np.float32)
        noise = np.zeros_like(harmonic)
        tone = np.full(clock.points, np.nan)
        starts = np.array([line.start for line in lines])
        shifts = dice.normal(0, 1, len(lines)) * loose
        for number, line in enumerate(lines):
            begin = clock.point(starts[number] + shifts[number])
            end = line.start + line.duration
            joined = number + 1 < len(lines) and starts[number + 1] < end + 0.01
            end += shifts[number + 1] if joined else shifts[number]
            length = min(clock.points, clock.point(end)) - begin
            if length < 4:
                continue
            span = slice(begin, begin + length)
            utterance = line.utterance
            places = _places(line.nucleus, length, utterance.frames)
            voicing = frames_at(utterance.voicing[:, None], places)
            above = frames_at(utterance.high_voicing[:, None], places)
            above = above + self.clarity * (voicing - above)
            level = extend(
                frames_at(utterance.envelope, places), above[:, 0], frequencies, utterance.known
            )
            level += bright + self._gain(line)
            envelope = np.exp(level)
            if line.last:
                _fade(envelope, dice, clock)
            periodic = voicing + (above - voicing) * high
            harmonic[span] = envelope * periodic
            noise[span] = envelope * (0.5 * np.maximum(1 - periodic, np.float32(0.4 * self.breath)))
            spoken = voicing[:, 0] > 0.5
            middle = _middle_pitch(utterance)
            deviation = 12 * np.log2(frames_at(utterance.pitch[:, None], places)[:, 0] / middle)
            tone[span] = np.where(spoken, np.clip(deviation, -9, 9), tone[span])
        dynamics = np.clip(1 + 2.4 * dice.wander(clock.points, 60), 0.3, 1.8)[:, None]
        harmonic *= dynamics.astype(np.float32)
        noise *= dynamics.astype(np.float32)
        return Take(harmonic, noise, _fill(tone))

    def _gain(self, line: Spoken) -> np.float32:
        others = np.median([nucleus.loudness for nucleus in line.utterance.nuclei])
        even = np.clip(others - line.nucleus.loudness, -_GAIN, _GAIN) * self.evenness
        return np.float32(even + np.log(line.accent))


def _middle_pitch(utterance: Utterance) -> float:
    voiced = utterance.pitch[utterance.voicing > 0.7]
    return float(np.median(voiced)) if len(voiced) else 150.0


def _places(nucleus: Nucleus, length: int, frames: int) -> np.ndarray:
    """Returns which frame of the utterance is heard at each of `length` points.

    A note that is longer than the syllable stretches the vowel; one that is shorter hurries.
    """
    count = nucleus.end - nucleus.begin
    durations = np.full(count, min(1.0, length / count))
    if length > count:
        durations += (length - count) * nucleus.weight / nucleus.weight.sum()
    edges = np.concatenate([[0], np.cumsum(durations)])
    places = np.interp(np.arange(length) + 0.5, edges, np.arange(count + 1)) - 0.5
    return np.clip(nucleus.begin + places, 0, frames - 1)


def _fade(envelope: np.ndarray, dice: Dice, clock: Clock) -> None:
    fade = min(len(envelope), clock.length(dice.uniform(0.03, 0.3)))
    envelope[len(envelope) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)[:, None]


def _fill(tone: np.ndarray) -> np.ndarray:
    known = np.flatnonzero(~np.isnan(tone))
    if not len(known):
        return np.zeros(len(tone))
    return gaussian_filter1d(np.interp(np.arange(len(tone)), known, tone[known]), 2)

"""Spectral envelopes of an invented language: vowels, glides, nasals and consonants."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.melody import Syllable

VOWELS = np.array(
    [
        [730, 1090, 2440, 3400, 4100],
        [270, 2290, 3010, 3500, 4200],
        [300, 870, 2240, 3300, 4100],
        [530, 1840, 2480, 3400, 4200],
        [570, 840, 2410, 3300, 4100],
        [660, 1720, 2410, 3400, 4100],
        [640, 1190, 2390, 3400, 4100],
        [490, 1350, 1690, 3200, 4000],
        [390, 1990, 2550, 3500, 4200],
        [440, 1020, 2240, 3300, 4100],
    ],
    dtype=float,
)
GLIDES = np.array(
    [
        [360, 1300, 2700, 3400, 4100],
        [300, 700, 2200, 3300, 4100],
        [280, 2200, 3000, 3500, 4200],
        [350, 1200, 1600, 3200, 4000],
    ],
    dtype=float,
)
NASALS = np.array(
    [
        [260, 1050, 2200, 3200, 4000],
        [270, 1500, 2500, 3300, 4100],
        [270, 1900, 2600, 3300, 4100],
    ],
    dtype=float,
)
_BANDWIDTHS = np.array([60, 90, 130, 180, 250], dtype=float)


@dataclass(frozen=True)
class Throat:
    """What stays the same while a voice sings.

    Args:
        stretch: factor of each of the five formant frequencies.
        breath: level of the breath noise that goes with the voice.
        consonants: chance that a syllable begins with a consonant.
        tilt: the source falls as frequency to the power of `-tilt`.
        ring: height of the singer's formant near 2.9 kHz.
        width: factor of the formants' bandwidths.
        color: exponent of the breath noise's spectrum.
    """

    stretch: np.ndarray
    breath: float
    consonants: float
    tilt: float
    ring: float
    width: float
    color: float

    @classmethod
    def draw(cls, dice: Dice, tract: float) -> "Throat":
        """Draws a throat whose formants lie about `tract` times as high as a man's."""
        breath = dice.log_uniform(0.02, 1.0) if dice.chance(0.8) else dice.uniform(1, 3)
        return cls(
            stretch=tract * dice.normal(1, 0.04, 5),
            breath=breath,
            consonants=dice.uniform(0.35, 0.9),
            tilt=dice.uniform(0.55, 1.7),
            ring=dice.uniform(0, 3),
            width=dice.log_uniform(0.7, 1.8),
            color=dice.uniform(-0.5, 0.4),
        )


class Articulation:
    """Curves of what mouth and glottis do, one value per control point.

    Attributes:
        formants: `(points, 5)` in Hz, before the throat's stretch.
        voice: level of the harmonic source.
        breath: level of the noise that passes the formants.
        friction: level of the noise that does not.
        center: of the friction's band, in Hz.
        width: of the friction's band, in Hz.
        nasal: 1 where the nose is open.
    """

    def __init__(self, points: int):
        self.formants = np.tile(VOWELS[6], (points, 1))
        self.voice = np.zeros(points)
        self.breath = np.zeros(points)
        self.friction = np.zeros(points)
        self.center = np.full(points, 2500.0)
        self.width = np.full(points, 800.0)
        self.nasal = np.zeros(points)


def articulate(dice: Dice, clock: Clock, syllables: list[Syllable], throat: Throat) -> Articulation:
    """Returns the movements for a melody of invented syllables."""
    mouth = Articulation(clock.points)
    vowels = VOWELS[dice.subset(range(len(VOWELS)), dice.integer(3, 11))]
    for syllable in syllables:
        begin = clock.point(syllable.start)
        end = min(clock.points - 1, clock.point(syllable.start + syllable.duration))
        accent = dice.uniform(0.5, 1.0)
        mouth.formants[begin:end] = dice.pick(vowels)
        if dice.chance(0.3):
            mouth.formants[(begin + end) // 2 + int((end - begin) * 0.2) : end] = dice.pick(vowels)
        mouth.voice[begin:end] = accent
        mouth.breath[begin:end] = accent * throat.breath
        if dice.chance(throat.consonants):
            _consonant(dice, clock, mouth, begin, max(2, (end - begin) // 2), accent)
        if dice.chance(throat.consonants * 0.4):
            coda = max(begin, end - clock.length(dice.uniform(0.06, 0.14)))
            _consonant(dice, clock, mouth, coda, max(2, (end - begin) // 2), accent)
        if syllable.last:
            fade = min(end - begin, clock.length(dice.uniform(0.04, 0.3)))
            mouth.voice[end - fade : end] *= np.linspace(1, 0, fade)
            mouth.breath[end - fade : end] *= np.linspace(1, 0.3, fade)
            if dice.chance(0.4):
                _inhale(dice, clock, mouth, end)
    return mouth


def _consonant(dice, clock, mouth, begin, longest, accent) -> None:
    end = begin + min(clock.length(dice.uniform(0.04, 0.13)), longest)
    span = slice(begin, end)
    kind = dice.integer(0, 7)
    if kind == 0:  # voiceless stop: silence, then a burst
        mouth.voice[span] = mouth.breath[span] = 0
        burst = max(begin, end - clock.length(dice.uniform(0.01, 0.04)))
        mouth.friction[burst:end] = accent * dice.log_uniform(0.2, 1.5)
        mouth.center[span], mouth.width[span] = dice.uniform(500, 3800), dice.uniform(500, 2500)
    elif kind == 1:  # voiced stop
        mouth.voice[span] = accent * 0.15
        mouth.formants[span, 0] = 250
        mouth.friction[end - 2 : end] = accent * dice.log_uniform(0.1, 0.8)
        mouth.center[span], mouth.width[span] = dice.uniform(500, 3800), dice.uniform(500, 2000)
    elif kind == 2:  # voiceless fricative
        mouth.voice[span] = mouth.breath[span] = 0
        mouth.friction[span] = accent * dice.log_uniform(0.15, 1.5)
        mouth.center[span], mouth.width[span] = dice.uniform(2000, 4300), dice.uniform(400, 1800)
    elif kind == 3:  # voiced fricative
        mouth.voice[span] = accent * 0.3
        mouth.friction[span] = accent * dice.log_uniform(0.08, 0.5)
        mouth.center[span], mouth.width[span] = dice.uniform(1500, 4200), dice.uniform(500, 1800)
    elif kind == 4:
        mouth.formants[span] = dice.pick(NASALS)
        mouth.voice[span] = accent * dice.uniform(0.3, 0.7)
        mouth.nasal[span] = 1
    elif kind == 5:
        mouth.formants[span] = dice.pick(GLIDES)
        mouth.voice[span] = accent * dice.uniform(0.5, 0.9)
    else:  # h
        mouth.voice[span] = accent * 0.05
        mouth.breath[span] = accent * dice.uniform(0.2, 1)


def _inhale(dice, clock, mouth, after) -> None:
    begin = min(after + clock.length(dice.uniform(0.08, 0.3)), clock.points - 1)
    end = min(clock.points - 1, begin + clock.length(dice.uniform(0.15, 0.45)))
    level = dice.uniform(0.03, 0.25)
    mouth.breath[begin:end] = level * np.hanning(end - begin)


def formant_envelopes(
    dice: Dice, clock: Clock, syllables: list[Syllable], throat: Throat
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the envelopes of voice and noise, each float32 `(points, frequencies)`."""
    mouth = articulate(dice, clock, syllables, throat)
    formants = gaussian_filter1d(mouth.formants * throat.stretch, dice.uniform(2, 5), axis=0)
    dynamics = np.clip(1 + 2.4 * dice.wander(clock.points, 60), 0.3, 1.8)
    voice = gaussian_filter1d(mouth.voice, dice.uniform(0.7, 1.6)) * dynamics
    breath = gaussian_filter1d(mouth.breath, 0.8)
    friction = gaussian_filter1d(mouth.friction, 0.6)
    tract = _resonances(clock.frequencies, formants, throat, mouth.nasal)
    hertz = clock.frequencies
    hiss = (np.maximum(hertz, 200) / 1000) ** throat.color * np.minimum(1, 9000 / (hertz + 1))
    harmonic = tract * _glottis(hertz, voice, throat) * voice[:, None].astype(np.float32)
    noise = (tract + np.float32(0.03)) * hiss * (0.12 * breath[:, None]).astype(np.float32)
    noise += _friction_band(hertz, mouth) * (0.35 * friction[:, None]).astype(np.float32)
    return harmonic, noise.astype(np.float32)


def _glottis(hertz, voice, throat) -> np.ndarray:
    """The source's spectrum as it leaves the lips: softer where the voice is soft."""
    tilt = throat.tilt + 0.3 * (1 - np.clip(voice, 0, 1))
    octaves = np.log2(np.maximum(hertz, 60) / 150)
    ring = 1 + throat.ring * np.exp(-0.5 * ((hertz - 2900) / 350) ** 2)
    # Five resonances fall too steeply near the fifth: the missing higher ones add 15 dB.
    higher = 10 ** (0.75 * np.clip((hertz - 3600) / 1000, 0, 1))
    color = ring * higher * np.minimum(1, 9000 / (hertz + 1))
    return np.exp2(-np.outer(tilt, octaves).astype(np.float32)) * color.astype(np.float32)


def _resonances(hertz, formants, throat, nasal) -> np.ndarray:
    """The product of five second-order resonances, flat above the highest."""
    hertz = np.minimum(hertz, 4100 * throat.stretch[-1]).astype(np.float32)
    widths = throat.width * _BANDWIDTHS * (1 + 0.8 * nasal[:, None])
    power = np.ones((len(formants), len(hertz)), np.float32)
    for number in range(formants.shape[1]):
        center = formants[:, number : number + 1]
        ratio = np.square(hertz * (1 / center).astype(np.float32))
        damping = ((widths[:, number : number + 1] / center) ** 2).astype(np.float32)
        power *= np.square(1 - ratio) + ratio * damping + np.float32(1e-6)
    return np.minimum(1 / np.sqrt(power), np.float32(np.exp(6)))


def _friction_band(hertz, mouth) -> np.ndarray:
    """A bell; a hiss that is centered above 2.5 kHz goes on to about 9 kHz."""
    offset = hertz - mouth.center[:, None].astype(np.float32)
    bell = np.exp(-0.5 * np.square(offset / mouth.width[:, None].astype(np.float32)))
    hiss = np.exp(-0.5 * np.square(np.maximum(hertz - 7500, 0) / 2500)) * (hertz / 4096)
    sharp = (mouth.center[:, None] > 2500) & (offset > 0)
    return np.where(sharp, np.maximum(bell, np.clip(hiss, 0, 1.5)), bell)

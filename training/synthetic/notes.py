"""Single notes: sums of decaying partials, frequency modulation, and a vibrating wavetable."""

from dataclasses import dataclass, field

import numpy as np

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice

_MOST_PARTIALS = 100
SUSTAINED = ("pad", "strings", "organ", "brass", "synth", "square")
KINDS = {
    "piano": 0.14,
    "pluck": 0.12,
    "pad": 0.1,
    "organ": 0.08,
    "epiano": 0.08,
    "strings": 0.1,
    "synth": 0.1,
    "square": 0.04,
    "bell": 0.03,
    "brass": 0.05,
    "guitar": 0.08,
    "distorted": 0.08,
}
"""The instruments and how often each is drawn."""
_DRAWBARS = np.array([1, 0.8, 0.6, 0.5, 0.1, 0.3, 0.1, 0.4])


@dataclass
class Instrument:
    """The timbre of a part; one draw sounds the same for all its notes.

    Args:
        kind: a key of `KINDS`.
        decay: seconds in which the first partial of a struck note falls by 8.7 dB.
        brightness_decay: how much faster each higher partial dies.
        roll_off: partial h of a piano has level `h ** -roll_off`.
        inharmonicity: stiffness of the string.
        attack, release: in seconds.
        detune: offsets in semitones of the unison voices.
        cutoff: of the low-pass of synthesizers, in Hz.
        odd: 1 leaves a square wave without even partials.
        pick: where a string is plucked, as a share of its length.
        modulation: index of frequency modulation.
        ratio: modulator to carrier.
        sustained: holds until released instead of decaying.
        vibrato: in semitones.
        unevenness: random factor of each partial, `(100,)`.
        knock: level of the noise of the attack.
        sweep: how slowly the upper partials of a held note open.
        tremolo: rate in Hz and depth.
    """

    kind: str
    decay: float
    brightness_decay: float
    roll_off: float
    inharmonicity: float
    cutoff: float
    odd: float
    pick: float
    modulation: float
    ratio: float
    unevenness: np.ndarray
    knock: float
    sweep: float
    tremolo: tuple[float, float]
    attack: float = 0.004
    release: float = 0.08
    detune: list[float] = field(default_factory=lambda: [0.0])
    sustained: bool = False
    vibrato: float = 0.0

    @classmethod
    def draw(cls, dice: Dice, kind: str | None = None) -> "Instrument":
        kind = kind or dice.pick(list(KINDS), list(KINDS.values()))
        stiffness = dice.log_uniform(1e-5, 6e-4)
        trembles = dice.chance(0.25)
        tremolo = (dice.uniform(3, 8), dice.uniform(0, 0.4))
        instrument = cls(
            kind=kind,
            decay=dice.log_uniform(0.3, 4),
            brightness_decay=dice.log_uniform(0.02, 0.6),
            roll_off=dice.uniform(0.6, 2.0),
            inharmonicity=stiffness if kind in ("piano", "bell") else 0.0,
            cutoff=dice.log_uniform(300, 4000),
            odd=dice.uniform(0, 1),
            pick=dice.uniform(0.08, 0.5),
            modulation=dice.log_uniform(0.5, 5),
            ratio=dice.pick([1, 1, 2, 3, 4, 5, 7, 0.5, 1.41, 3.5]),
            unevenness=np.exp(dice.normal(0, 0.5, _MOST_PARTIALS)),
            knock=dice.log_uniform(0.002, 0.1),
            sweep=dice.uniform(0, 3),
            tremolo=tremolo if trembles else (1.0, 0.0),
        )
        if kind in ("pad", "strings"):
            instrument.attack = dice.log_uniform(0.03, 0.6)
            instrument.release = dice.log_uniform(0.1, 0.8)
            instrument.sustained = True
            instrument.detune = list(dice.normal(0, 0.07, dice.integer(2, 4)))
            instrument.vibrato = dice.uniform(0, 0.25) if kind == "strings" else 0.0
        elif kind in SUSTAINED:
            instrument.attack = dice.log_uniform(0.004, 0.06)
            instrument.release = dice.log_uniform(0.03, 0.2)
            instrument.sustained = dice.chance(0.8)
            instrument.detune = list(dice.normal(0, 0.06, dice.integer(1, 3)))
        return instrument

    def levels(self, fundamental: float, partials: np.ndarray) -> np.ndarray:
        """Returns the level of each partial (1, 2, ...) of a note."""
        uneven = self.unevenness[partials - 1]
        hertz = partials * fundamental
        match self.kind:
            case "pluck" | "guitar" | "distorted":
                plucked = np.abs(np.sin(np.pi * partials * self.pick))
                return plucked / partials * np.sqrt(uneven)
            case "organ":
                drawbars = np.zeros(len(partials))
                drawbars[: len(_DRAWBARS)] = _DRAWBARS[: len(partials)]
                return drawbars * uneven
            case "square":
                return np.where(partials % 2, 1, (1 - self.odd) * 0.3) / partials
            case "synth":
                return 1 / partials / np.sqrt(1 + (hertz / self.cutoff) ** 4)
            case "strings":
                return uneven / partials
            case "pad":
                return uneven / partials / (1 + (hertz / self.cutoff) ** 2)
            case "brass":
                return np.exp(-1.2 * np.abs(np.log(hertz / 900)))
        return partials**-self.roll_off

    def frequencies(self, fundamental: float, partials: np.ndarray) -> np.ndarray:
        """Returns the frequency of each partial in Hz."""
        if self.kind == "bell":
            stretched = partials * (1 + 0.03 * self.unevenness[partials - 1])
            return fundamental * np.where(partials == 1, 1, stretched)
        return fundamental * partials * np.sqrt(1 + self.inharmonicity * partials**2)


def render_note(
    dice: Dice, instrument: Instrument, clock: Clock, midi: float, duration: float
) -> np.ndarray:
    """Returns one note, float32 `(samples,)`, with an RMS of about a half.

    Args:
        dice: phases and the attack's noise.
        instrument: the timbre.
        clock: the sample rate.
        midi: the pitch.
        duration: seconds until the key is released.
    """
    fundamental = 440 * 2 ** ((midi - 69) / 12)
    seconds = duration + instrument.release
    if not instrument.sustained:
        seconds = min(seconds, 2.5 * instrument.decay)
    samples = max(64, int(seconds * clock.sample_rate))
    if instrument.kind == "epiano":
        note = _modulated(instrument, clock, fundamental, samples)
    else:
        note = np.zeros(samples, np.float32)
        for offset in instrument.detune:
            phases = dice.uniform(0, 2 * np.pi, _MOST_PARTIALS)
            pitch = fundamental * 2 ** (offset / 12)
            voice = _vibrating if instrument.vibrato else _decaying
            note += voice(instrument, clock, pitch, phases, samples)
    time = np.arange(samples, dtype=np.float32) / clock.sample_rate
    note *= np.minimum(1, time / np.float32(instrument.attack))
    released = int(duration * clock.sample_rate)
    if released < samples:
        after = time[released:] - time[released]
        note[released:] *= np.exp(-after / np.float32(instrument.release * 0.3))
    fade = min(samples, clock.sample_rate // 100)
    note[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    if instrument.kind in ("piano", "pluck", "guitar", "distorted"):
        _knock(dice, instrument, clock, note)
    rate, depth = instrument.tremolo
    if depth:
        note *= 1 + np.float32(depth) * np.sin(np.float32(2 * np.pi * rate) * time)
    return note / np.float32(note.std() * 2 + 1e-3)


def _partials(instrument, clock, fundamental) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    partials = np.arange(1, min(_MOST_PARTIALS, int(clock.top / fundamental)) + 1)
    levels = instrument.levels(fundamental, partials)
    hertz = instrument.frequencies(fundamental, partials)
    kept = (levels > 3e-3) & (hertz < clock.top)
    return partials[kept], levels[kept], hertz[kept]


def _decaying(instrument, clock, fundamental, phases, samples) -> np.ndarray:
    """Damped sinusoids, as one matrix product.

    A damped sinusoid is z^n. With n = block * length + place, z^n is a product of two short
    sequences, and the sum over partials a product of two small matrices.
    """
    partials, levels, hertz = _partials(instrument, clock, fundamental)
    damping = np.zeros(len(partials))
    if not instrument.sustained:
        speed = (0.6 + fundamental / 600) / instrument.decay
        damping = (1 + instrument.brightness_decay * partials) * speed
    amplitudes = levels * np.exp(1j * phases[partials - 1])
    if instrument.sustained and instrument.kind in ("brass", "synth") and instrument.sweep:
        # 1 - exp(-t): the same partials again, negative and damped.
        opening = 25 / (1 + instrument.sweep * partials * 0.5)
        hertz, damping = np.tile(hertz, 2), np.concatenate([damping, damping + opening])
        amplitudes = np.concatenate([amplitudes, -amplitudes])
    pole = (2j * np.pi * hertz - damping) / clock.sample_rate
    length = max(1, int(np.sqrt(samples)))
    blocks = -(-samples // length)
    coarse = amplitudes * np.exp(np.outer(np.arange(blocks) * length, pole))
    fine = np.exp(np.outer(pole, np.arange(length)))
    left = np.concatenate([coarse.imag, coarse.real], axis=1).astype(np.float32)
    right = np.concatenate([fine.real, fine.imag]).astype(np.float32)
    return (left @ right).ravel()[:samples]


def _vibrating(instrument, clock, fundamental, phases, samples) -> np.ndarray:
    """One period of the sum of partials, read at a speed that swings 5.5 times per second."""
    partials, levels, _ = _partials(instrument, clock, fundamental)
    size = 4096
    spectrum = np.zeros(size // 2 + 1, complex)
    spectrum[partials] = levels * np.exp(1j * phases[partials - 1]) * (size / 2)
    table = np.fft.irfft(spectrum, size).astype(np.float32)
    time = np.arange(samples) / clock.sample_rate
    swing = instrument.vibrato * 0.0578 / (2 * np.pi * 5.5)
    position = fundamental * (time + swing * np.sin(2 * np.pi * 5.5 * time + phases[-1]))
    position = (position % 1) * size
    whole = position.astype(np.int32)
    following = table[(whole + 1) % size]
    return table[whole] + (following - table[whole]) * (position - whole).astype(np.float32)


def _modulated(instrument, clock, fundamental, samples) -> np.ndarray:
    """Frequency modulation whose index falls, and fades with the note's height."""
    time = np.arange(samples, dtype=np.float64) / clock.sample_rate
    modulator = fundamental * instrument.ratio
    # Carson's rule keeps the sidebands below the highest allowed frequency.
    widest = max(0.0, (clock.top - fundamental) / modulator - 1)
    index = min(instrument.modulation, widest) * np.exp(-2 * time / instrument.decay)
    phase = 2 * np.pi * fundamental * time
    phase += index * np.sin(2 * np.pi * modulator * time)
    return (np.sin(phase) * np.exp(-time / instrument.decay)).astype(np.float32)


def _knock(dice, instrument, clock, note) -> None:
    length = min(len(note), int(0.024 * clock.sample_rate))
    noise = np.convolve(dice.white(length), np.ones(max(1, clock.sample_rate // 8000)), "same")
    fade = np.linspace(1, 0, length) ** 2
    level = 3 * instrument.knock * np.abs(note).max(initial=0)
    note[:length] += (noise * fade * level).astype(np.float32)

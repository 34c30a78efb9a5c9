"""The timbres of the band's instruments."""

from dataclasses import dataclass, field

import numpy as np

from training.synthetic.dice import Dice

MOST_PARTIALS = 100
"""No note has more partials than this."""
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

    Example:
        >>> Instrument.draw(Dice(np.random.SeedSequence(1)), "organ").kind
        'organ'
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
            unevenness=np.exp(dice.normal(0, 0.5, MOST_PARTIALS)),
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

"""Who plays when: intros, verses, choruses and breaks of a song."""

import numpy as np

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.song import Song

ARRANGED_SHARE = 0.6
"""Chance that parts of a song with sampled instruments stop and enter."""
_PLAYED = {
    "intro": {"drums": 0.35, "bass": 0.4, "harmony": 0.85, "harmony_2": 0.4, "lead": 0.4},
    "verse": {"drums": 0.9, "bass": 0.92, "harmony": 0.9, "harmony_2": 0.5, "lead": 0.3},
    "chorus": {"drums": 0.97, "bass": 0.97, "harmony": 0.97, "harmony_2": 0.85, "lead": 0.6},
    "break": {"drums": 0.3, "bass": 0.5, "harmony": 0.8, "harmony_2": 0.5, "lead": 0.4},
}
"""Chance that a stem plays in each kind of section."""
_QUIETER = {"intro": (-6.0, 0.0), "verse": (-4.0, 0.0), "chorus": (0.0, 0.0), "break": (-6.0, 0.0)}
_EARLY = 0.03
_FADE_IN, _FADE_OUT = 0.02, 0.25


def draw_gains(dice: Dice, song: Song, clock: Clock) -> dict[str, np.ndarray]:
    """Returns the gain of stems at every control point, `(points,)`, 0 to 1.

    Sections are two to eight bars long, as are the drummer's. Every stem plays in one at least.

    Args:
        dice: what to draw from.
        song: tempo and duration.
        clock: the control points.
    """
    length = dice.pick([8, 16, 16, 32])
    count = -(-song.beats // length)
    kinds = [dice.pick(["verse", "chorus", "break"], [4, 4, 1]) for _ in range(count)]
    if dice.chance(0.5):
        kinds[0] = "intro"
    levels = [10 ** (dice.uniform(*_QUIETER[kind]) / 20) for kind in kinds]
    gains = {}
    for stem in _PLAYED["verse"]:
        played = [dice.chance(_PLAYED[kind][stem]) for kind in kinds]
        played[dice.integer(0, count)] = True
        sections = np.array([p * level for p, level in zip(played, levels, strict=True)])
        gains[stem] = _curve(sections, length * song.beat, clock)
    return gains


def _curve(sections: np.ndarray, seconds: float, clock: Clock) -> np.ndarray:
    """Returns a curve that rises just before a section begins, and lets the one before ring."""
    starts = np.arange(1, len(sections)) * seconds - _EARLY
    fades = np.where(np.diff(sections) > 0, _FADE_IN, _FADE_OUT)
    nodes = np.stack([starts, starts + fades], axis=1).ravel()
    return np.interp(clock.times, np.append(0.0, nodes), np.repeat(sections, 2)[:-1])

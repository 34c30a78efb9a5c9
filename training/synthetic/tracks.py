"""Synthetic songs as tracks whose stems are rendered when they are loaded."""

import math
import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from training.synthetic.arrangement import ARRANGED_SHARE, draw_gains
from training.synthetic.bass import bass
from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.drums import drums
from training.synthetic.harmony import harmony
from training.synthetic.lead import lead
from training.synthetic.material import Material
from training.synthetic.mixing import draw_levels, set_level
from training.synthetic.noise_effects import noise_effects
from training.synthetic.song import Song
from training.synthetic.vocals import vocals
from training.tracks import Track

_PLAYERS: dict[str, Callable[[Dice, Song, Clock, Material], np.ndarray]] = {
    "vocals": vocals,
    "drums": drums,
    "bass": bass,
    "harmony": harmony,
    "harmony_2": harmony,
    "lead": lead,
    "effects": noise_effects,
}


@dataclass(frozen=True)
class _StemSource:
    """Renders one stem from the song's seed alone; can be sent to another process."""

    stem: str
    seed: tuple[int, int]
    clock: Clock
    material: Material

    def __call__(self) -> np.ndarray:
        plan = _dice(self.seed, 0)
        song = Song.draw(plan, self.clock.duration)
        level = draw_levels(plan)[self.stem]
        dice = _dice(self.seed, 1 + list(_PLAYERS).index(self.stem))
        signal = _PLAYERS[self.stem](dice, song, self.clock, self.material)
        arranger = _dice(self.seed, 1 + len(_PLAYERS))
        if self.material.sound_fonts and arranger.chance(ARRANGED_SHARE):
            gains = draw_gains(arranger, song, self.clock)
            if self.stem in gains:
                signal = signal * self.clock.upsample(gains[self.stem])
        return set_level(signal, self.clock.sample_rate, level)


def _dice(seed: tuple[int, int], number: int) -> Dice:
    return Dice(np.random.SeedSequence(seed, spawn_key=(number,)))


def synthetic_songs(
    seed: int = 0,
    count: int = 1,
    *,
    duration: float = 30.0,
    sample_rate: int = 44100,
    channels: int = 2,
    material: str | os.PathLike | None = None,
) -> list[Track]:
    """Returns songs made by rule, each with seven stems that sum to its mixture.

    Stems are rendered one by one, and only when they are loaded. The same seed gives the same
    song: notes and timbres do not depend on the sample rate or the channels.

    Args:
        seed: which songs; not negative.
        count: number of songs. Song `i` does not depend on `count`.
        duration: of each song, in seconds, at least 2.
        sample_rate: in Hz, 8000 to 48000.
        channels: 1 or 2.
        material: folder of recorded speech and sampled instruments as `Material.read` takes it,
            with which part of the voices and instruments are made; `None` for computed ones only.

    Returns:
        Tracks `synthetic-<seed>-<index>` with the stems vocals, drums, bass, harmony, harmony_2,
        lead and effects (silent in four songs of five), float32 in [-1, 1].

    Raises:
        ValueError: an argument is out of its range.
        InputError: the folder of material is missing or holds none.

    Example:
        >>> (track,) = synthetic_songs(seed=1, duration=4.0, sample_rate=8192, channels=1)
        >>> track.load_stem("drums").shape
        (32768, 1)
    """
    limits = {
        "seed": (seed, 0, math.inf),
        "count": (count, 0, math.inf),
        "duration": (duration, 2, 3600),
        "sample_rate": (sample_rate, 8000, 48000),
        "channels": (channels, 1, 2),
    }
    for name, (value, lowest, highest) in limits.items():
        if not lowest <= value <= highest:
            raise ValueError(
                f"`{name}` must be between {lowest} and {highest}. Received: {name}={value}"
            )
    found = Material(None if material is None else os.fspath(material))
    found.check()
    clock = Clock(float(duration), int(sample_rate), int(channels))
    return [
        Track(
            name=f"synthetic-{seed}-{index}",
            sample_rate=clock.sample_rate,
            mixture=None,
            stems={stem: _StemSource(stem, (seed, index), clock, found) for stem in _PLAYERS},
        )
        for index in range(count)
    ]

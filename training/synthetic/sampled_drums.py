"""A drummer on sampled kits: grooves, ghost notes, rides, crashes, fills and percussion."""

import numpy as np

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.effects import saturate
from training.synthetic.general_midi import (
    CLAP,
    CLOSED_HAT,
    CRASHES,
    ELECTRONIC_KITS,
    KICKS,
    KITS,
    OPEN_HAT,
    PEDAL_HAT,
    QUIET_KITS,
    RIDE_BELL,
    RIDES,
    SHAKEN,
    SIDE_STICK,
    SNARES,
    STRUCK,
    TOMS,
)
from training.synthetic.material import Material
from training.synthetic.sampler import PERCUSSION_BANK, RATE, Voice, render, spread
from training.synthetic.song import Song
from training.synthetic.space import Equalizer, Reverb, place

_LENGTH = 0.1
_BARS = 4


class _Set:
    """A drum set whose parts have volumes of their own, and a hand that never strikes alike."""

    def __init__(self, dice: Dice):
        kind = dice.uniform(0, 1)
        kits = KITS if kind < 0.75 else ELECTRONIC_KITS if kind < 0.87 else QUIET_KITS
        kit = dice.pick(kits)
        volumes = {
            "kick": dice.uniform(0.6, 1),
            "snare": dice.uniform(0.45, 1),
            "hat": dice.log_uniform(0.25, 1),
            "cymbal": dice.log_uniform(0.3, 1),
            "tom": dice.uniform(0.5, 1),
            "percussion": dice.log_uniform(0.15, 0.7),
        }
        self.voices = {
            name: Voice(PERCUSSION_BANK, kit, volume=volume) for name, volume in volumes.items()
        }
        if dice.chance(0.2):
            self.voices["snare"].program = dice.pick(KITS + ELECTRONIC_KITS)
        self._dice = dice
        self._loose = dice.uniform(0.001, 0.009)
        self._late = {name: dice.uniform(-0.006, 0.008) for name in volumes}
        self._touch = dice.uniform(0.03, 0.12)

    def hit(self, part: str, key: int, time: float, level: float) -> None:
        moment = time + self._late[part] + self._dice.normal(0, self._loose)
        force = level * (1 + self._dice.normal(0, self._touch))
        self.voices[part].play(key, _LENGTH, moment, max(0.05, force))


def sampled_drums(dice: Dice, song: Song, clock: Clock, material: Material) -> np.ndarray:
    """Returns sampled drums, float32 `(channels, samples)`."""
    font = dice.pick(material.sound_fonts)
    drums = _Set(dice)
    _play(dice, song, drums)
    _percussion(dice, song, drums)
    width, saturated = dice.uniform(0.2, 1), dice.chance(0.4)
    drive = dice.log_uniform(0.1, 0.8)
    equalizer = Equalizer.draw(dice, tilt=0.2, low_cut=(25, 40))
    reverb = Reverb.draw(dice, chance=0.5, wettest=0.3)
    stereo = render(font, list(drums.voices.values()), clock.duration)
    if saturated:
        level = np.float32(np.sqrt(np.mean(stereo**2)) + 1e-6)
        stereo = np.stack([saturate(side / level, drive, RATE) for side in stereo])
    parts = spread(stereo, clock, 0.0, width)
    return place(dice, clock, parts, equalizer=equalizer, reverb=reverb)


def _play(dice: Dice, song: Song, drums: _Set) -> None:
    """Plays a groove in sections of four bars; each has its own cymbal and its own fill."""
    kicks, snares = _backbone(dice)
    ghosts = dice.pattern(16, dice.uniform(0, 0.2))
    kick, snare = dice.pick(KICKS), dice.pick(SNARES)
    if dice.chance(0.12):
        snare = dice.pick([CLAP, SIDE_STICK])
    crash, ride = dice.pick(CRASHES), dice.pick(RIDES)
    cymbals = [_timekeeper(dice) for _ in range(2)]
    fill_chance, crash_chance = dice.uniform(0.3, 1), dice.uniform(0.3, 1)
    opens = dice.pattern(16, 0.12) if dice.chance(0.5) else np.zeros(16, bool)
    pedal = dice.chance(0.25)
    section, keeper, filling = -1, cymbals[0], 0
    for beat in range(song.beats):
        if beat // (4 * _BARS) != section:
            section = beat // (4 * _BARS)
            keeper = cymbals[section % 2]
            filling = dice.pick([1, 2, 2, 4]) if dice.chance(fill_chance) else 0
            if (section or dice.chance(0.5)) and dice.chance(crash_chance):
                drums.hit("cymbal", crash, beat * song.beat, dice.uniform(0.7, 1))
        if pedal:
            drums.hit("hat", PEDAL_HAT, beat * song.beat, 0.5)
        if 4 * _BARS - beat % (4 * _BARS) <= filling:
            _fill(dice, song, drums, beat, kick, snare)
            continue
        for step in range(4):
            index = beat % 4 * 4 + step
            time = song.step_time(beat, step, 4)
            if kicks[index]:
                drums.hit("kick", kick, time, 0.85 if step % 2 == 0 else 0.75)
            if snares[index]:
                drums.hit("snare", snare, time, 0.88)
            elif ghosts[index]:
                drums.hit("snare", snare, time, 0.3)
            struck, name = keeper
            if not struck[index]:
                continue
            accent = 0.8 if step == 0 else 0.65 if step == 2 else 0.5
            if name == "hat":
                drums.hit("hat", OPEN_HAT if opens[index] else CLOSED_HAT, time, accent)
            elif name == "open":
                drums.hit("hat", OPEN_HAT, time, accent)
            elif name == "ride":
                bell = step == 0 and dice.chance(0.2)
                drums.hit("cymbal", RIDE_BELL if bell else ride, time, accent)
            else:
                drums.hit("cymbal", crash, time, accent)


def _timekeeper(dice: Dice) -> tuple[np.ndarray, str]:
    """Returns in which of sixteen steps a cymbal keeps the time, and which cymbal."""
    every = dice.pick([1, 2, 2, 2, 4])
    steps = (np.arange(16) % every == 0) & dice.pattern(16, 0.95)
    if dice.chance(0.1):
        steps = np.arange(16) % 4 == 2
    if dice.chance(0.08):
        steps = np.zeros(16, bool)
    return steps, dice.pick(["hat", "open", "ride", "crash"], [0.6, 0.12, 0.22, 0.06])


def _backbone(dice: Dice) -> tuple[np.ndarray, np.ndarray]:
    """Returns in which of sixteen steps the kick and the snare sound."""
    kicks = dice.pattern(16, 0.2) & (np.arange(16) % dice.pick([1, 2]) == 0)
    kicks[0] = True
    kicks[8] |= dice.chance(0.7)
    if dice.chance(0.25):
        kicks[:] = np.arange(16) % 4 == 0
    snares = np.zeros(16, bool)
    beats = dice.pick([[4, 12], [8], [4, 12, 14], [0, 4, 8, 12], [4, 10]], [8, 2, 1, 0.5, 1])
    snares[beats] = True
    return kicks, snares


def _fill(dice: Dice, song: Song, drums: _Set, beat: int, kick: int, snare: int) -> None:
    """Plays one beat of a fill that comes down the toms."""
    steps = dice.pick([2, 4, 4, 3])
    if dice.chance(0.5):
        drums.hit("kick", kick, beat * song.beat, 0.8)
    for step in range(steps):
        if dice.chance(0.15):
            continue
        time, level = song.step_time(beat, step, steps), dice.uniform(0.6, 0.95)
        if dice.chance(0.35):
            drums.hit("snare", snare, time, level)
        else:
            place = beat % 4 / 4 + step / (4 * steps) + dice.uniform(-0.15, 0.15)
            drums.hit("tom", TOMS[int(np.clip(place * 6, 0, 5))], time, level)


def _percussion(dice: Dice, song: Song, drums: _Set) -> None:
    """Plays tambourine or shaker, and congas or something else that is struck."""
    shaken = dice.pick(SHAKEN) if dice.chance(0.35) else None
    every = dice.pick([1, 2, 2, 4])
    struck = dice.pick(STRUCK) if dice.chance(0.25) else None
    rhythm = dice.pattern(16, dice.uniform(0.15, 0.5))
    keys = [dice.integer(0, 3) for _ in range(16)]
    start = dice.pick([0, 0, 4, 8]) * 4
    for beat in range(start, song.beats):
        for step in range(4):
            index, time = beat % 4 * 4 + step, song.step_time(beat, step, 4)
            if shaken is not None and index % every == 0:
                accent = 0.85 if index % 8 == 4 else 0.6 if step % 2 == 0 else 0.45
                drums.hit("percussion", shaken, time, accent)
            if struck is not None and rhythm[index]:
                key = struck[keys[index] % len(struck)]
                drums.hit("percussion", key, time, dice.uniform(0.5, 0.9))

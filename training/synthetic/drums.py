"""The drummer: a pattern of sixteen steps, with ghost notes, crashes and fills."""

import numpy as np

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.drum_kit import Kit, draw_kit
from training.synthetic.effects import saturate
from training.synthetic.material import COMPUTED, Material
from training.synthetic.sampled_drums import sampled_drums
from training.synthetic.sampler import SAMPLED_SHARE
from training.synthetic.song import Song
from training.synthetic.space import Equalizer, Reverb, place


def drums(dice: Dice, song: Song, clock: Clock, material: Material = COMPUTED) -> np.ndarray:
    """Returns the drums, float32 `(channels, samples)`."""
    if material.sound_fonts and dice.chance(SAMPLED_SHARE):
        return sampled_drums(dice, song, clock, material)
    kit = draw_kit(dice, clock.sample_rate)
    buses = _play(dice, song, clock, kit)
    saturated, drive = dice.chance(0.5), dice.log_uniform(0.1, 0.8)
    if clock.channels == 1:
        buses = [(sum(signal for signal, _ in buses), 0.0)]
    if saturated:
        level = np.float32(np.sqrt(sum(np.mean(signal**2) for signal, _ in buses)) + 1e-6)
        buses = [(saturate(signal / level, drive, clock.sample_rate), pan) for signal, pan in buses]
    equalizer = Equalizer.draw(dice, tilt=-1.0, low_cut=(25, 40))
    reverb = Reverb.draw(dice, chance=0.6, wettest=0.4)
    return place(dice, clock, buses, equalizer=equalizer, reverb=reverb)


class _Buses:
    """Three signals that stand at different places: left, middle, right."""

    def __init__(self, dice: Dice, clock: Clock):
        spread = dice.uniform(0.2, 0.8) * dice.pick([-1, 1])
        self._clock = clock
        self._signals = [np.zeros(clock.samples, np.float32) for _ in range(3)]
        self.panned = list(zip(self._signals, [-spread, 0.0, spread], strict=True))

    def hit(self, bus: int, sound: np.ndarray, time: float, level: float) -> None:
        begin = round(time * self._clock.sample_rate)
        sound = sound[: max(0, self._clock.samples - begin)]
        self._signals[bus][begin : begin + len(sound)] += sound * np.float32(level)


_LEFT, _MIDDLE, _RIGHT = range(3)


def _play(dice: Dice, song: Song, clock: Clock, kit: Kit) -> list[tuple[np.ndarray, float]]:
    """Returns the buses: pairs of a signal and its pan."""
    buses = _Buses(dice, clock)
    kick_level, snare_level = dice.log_uniform(0.7, 2.5), dice.log_uniform(0.4, 2)
    hat_level, percussion_level = dice.log_uniform(0.08, 0.8), dice.log_uniform(0.1, 0.7)
    kicks, snares = _backbone(dice)
    ghosts = dice.pattern(16, 0.08)
    hats = (np.arange(16) % dice.pick([1, 2, 2, 4]) == 0) & dice.pattern(16, 0.93)
    extras = dice.pattern(16, 0.25) & dice.chance(0.4)
    opens = dice.chance(0.4)
    ride = kit.crash[: clock.sample_rate // 2] if dice.chance(0.2) else None
    for beat in range(song.beats):
        fill = beat % 16 >= 14 and dice.chance(0.6)
        if beat % 16 == 0 and dice.chance(0.5):
            buses.hit(_LEFT, kit.crash, beat * song.beat, dice.uniform(0.2, 0.7))
        for step in range(4):
            index = beat % 4 * 4 + step
            time = song.step_time(beat, step, 4) + abs(dice.normal(0, 0.004))
            if fill:
                drum = dice.integer(0, 2)
                sound = kit.toms[drum] if dice.chance(0.6) else kit.snares[0]
                buses.hit(_LEFT if drum else _RIGHT, sound, time, dice.uniform(0.4, 1))
                continue
            if kicks[index]:
                buses.hit(_MIDDLE, kit.kick, time, kick_level * dice.uniform(0.8, 1))
            if snares[index]:
                buses.hit(_MIDDLE, kit.snares[0], time, snare_level * dice.uniform(0.85, 1.1))
            elif ghosts[index]:
                buses.hit(_MIDDLE, kit.snares[1], time, snare_level * 0.3)
            if hats[index]:
                closed = dice.pick(kit.hats) if ride is None else ride
                sound = kit.open_hat if opens and index == 14 else closed
                buses.hit(_RIGHT, sound, time, hat_level * dice.uniform(0.5, 1))
            if extras[index]:
                sound = dice.pick(kit.percussion)
                buses.hit(_LEFT, sound, time, percussion_level * dice.uniform(0.5, 1))
    return buses.panned


def _backbone(dice: Dice) -> tuple[np.ndarray, np.ndarray]:
    """Returns in which of sixteen steps the kick and the snare sound."""
    kicks = dice.pattern(16, 0.18)
    kicks[[0, 8]] = True
    if dice.chance(0.25):
        kicks[[0, 4, 8, 12]] = True
    snares = np.zeros(16, bool)
    snares[[8] if dice.chance(0.2) else [4, 12]] = True
    return kicks, snares

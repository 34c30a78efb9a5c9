"""Sampled instruments: parts played on a General MIDI sound font by FluidSynth."""

import math
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import soxr

from training.synthetic.clock import CONTROL_RATE, Clock
from zoo.errors import InputError

RATE = 44100
"""Sample rate in Hz that parts are rendered at; sound fonts are recorded at it."""
SAMPLED_SHARE = 0.6
"""Chance that a part is sampled where there are sound fonts."""
PERCUSSION_BANK = 128
_BLOCK = 64
_BEND_RANGE = 24
_VOLUME, _EXPRESSION = 7, 11
_MOST_CHANNELS = 16
_WARNING = 2
# FluidSynth lets no two threads render with one synthesizer.
_LOCK = threading.Lock()


@dataclass(frozen=True)
class Note:
    """One key: when it goes down and for how long, in seconds, and how hard (1 to 127)."""

    time: float
    duration: float
    key: int
    velocity: int


@dataclass
class Voice:
    """What one MIDI channel plays.

    Args:
        bank: 0 for melodic programs, `PERCUSSION_BANK` for drum kits; others are variations, in
            whose place bank 0 plays where a sound font lacks them.
        program: 0 to 127.
        volume: gain, 0 to 1.
        bend: semitones, -24 to 24, at every control point of the song; `None` for none.
        expression: gain, 0 to 1, at every control point; `None` for 1.

    Example:
        >>> voice = Voice(0, 24)
        >>> voice.play(60, 0.5, 0.0, 0.7)
        >>> voice.notes
        [Note(time=0.0, duration=0.5, key=60, velocity=89)]
    """

    bank: int
    program: int
    volume: float = 1.0
    bend: np.ndarray | None = None
    expression: np.ndarray | None = None
    notes: list[Note] = field(default_factory=list)

    def play(self, key: float, duration: float, time: float, level: float) -> None:
        """Adds a note: MIDI key, seconds, when it begins, and how hard, 0 to 1.

        Keys that no sound font reaches are left out.
        """
        if 0 <= key <= 127:
            velocity = int(np.clip(round(127 * level), 1, 127))
            self.notes.append(Note(max(0.0, float(time)), float(duration), round(key), velocity))


def render(font: Path, voices: list[Voice], seconds: float) -> np.ndarray:
    """Returns voices played together, float32 `(2, samples)` at 44100 Hz, without reverb.

    Args:
        font: path of the sound font; loaded once a process.
        voices: at most 16.
        seconds: length of the song.

    Raises:
        InputError: FluidSynth is missing, the file is no sound font, or it lacks a program.
    """
    with _LOCK:
        return _synthesizer(str(font)).render(voices, seconds)


def at_clock(signals: np.ndarray, clock: Clock) -> np.ndarray:
    """Returns signals `(..., samples)` at 44100 Hz at the clock's rate and length, float32."""
    flat = signals.reshape(-1, signals.shape[-1])
    if clock.sample_rate != RATE:
        flat = [soxr.resample(signal, RATE, clock.sample_rate) for signal in flat]
    output = np.zeros((len(flat), clock.samples), np.float32)
    for row, signal in zip(output, flat, strict=True):
        row[: len(signal)] = signal[: clock.samples]
    return output.reshape(*signals.shape[:-1], clock.samples)


def spread(
    stereo: np.ndarray, clock: Clock, pan: float, width: float
) -> list[tuple[np.ndarray, float]]:
    """Returns a stereo signal as panned parts for `space.place`.

    Args:
        stereo: `(2, samples)` at 44100 Hz.
        clock: what to bring it to.
        pan: the middle between both sides, -1 to 1.
        width: 0 (both in the middle) to 1.
    """
    if clock.channels == 1 or np.array_equal(stereo[0], stereo[1]):
        return [(at_clock(stereo.mean(axis=0), clock), pan)]
    left, right = at_clock(stereo, clock)
    return [(left, max(-1.0, pan - width)), (right, min(1.0, pan + width))]


class _Synthesizer:
    """FluidSynth with one sound font; nothing of a part is left when the next begins."""

    def __init__(self, font: str):
        self._library = _library()
        self._functions = _functions(self._library)
        self._font = font
        self._synth = self._fresh()
        self._id = self._synth.sfload(font)
        if self._id < 0:
            raise InputError(f"{font}: not a sound font that FluidSynth can read")

    def _fresh(self):
        settings = {
            "synth.reverb.active": 0,
            "synth.chorus.active": 0,
            "synth.polyphony": 512,
        }
        synth = self._library.Synth(gain=0.5, samplerate=RATE, channels=_MOST_CHANNELS, **settings)
        self._functions["interpolate"](synth.synth, -1, 7)
        return synth

    def _renew(self) -> None:
        """Moves the sound font into a new synthesizer: a reset one would let notes ring on."""
        font = self._functions["font"](self._synth.synth, 0)
        fresh = self._fresh()
        self._functions["remove"](self._synth.synth, font)
        self._id = self._functions["add"](fresh.synth, font)
        self._synth.delete()
        self._synth = fresh

    def render(self, voices: list[Voice], seconds: float) -> np.ndarray:
        if len(voices) > _MOST_CHANNELS:
            raise ValueError(f"At most {_MOST_CHANNELS} voices. Received: {len(voices)}")
        self._renew()
        for number, voice in enumerate(voices):
            self._select(number, voice)
        blocks = math.ceil(seconds * RATE / _BLOCK)
        output = np.zeros((blocks * _BLOCK, 2), np.float32)
        done = 0
        for block, _, action, arguments in _events(voices, blocks):
            if block > done:
                self._write(output[done * _BLOCK : block * _BLOCK])
                done = block
            self._functions[action](self._synth.synth, *arguments)
        self._write(output[done * _BLOCK :])
        return np.ascontiguousarray(output[: round(seconds * RATE)].T)

    def _write(self, output: np.ndarray) -> None:
        if len(output):
            samples = output.ctypes.data
            self._functions["write"](self._synth.synth, len(output), samples, 0, 2, samples, 1, 2)

    def _select(self, number: int, voice: Voice) -> None:
        drums = voice.bank == PERCUSSION_BANK
        spare = (PERCUSSION_BANK, 0) if drums else (0, voice.program)
        for bank, program in ((voice.bank, voice.program), spare):
            if self._synth.program_select(number, self._id, bank, program) == 0:
                break
        else:
            raise InputError(f"{self._font}: lacks the General MIDI program {voice.program}")
        self._functions["bend_range"](self._synth.synth, number, _BEND_RANGE)
        # A channel's volume in decibels is 40 times the logarithm of the controller.
        self._synth.cc(number, _VOLUME, round(127 * math.sqrt(voice.volume)))


def _events(voices: list[Voice], blocks: int) -> list[tuple[int, int, str, tuple]]:
    """Returns what happens: block, rank within the block, action and its arguments, in order."""
    events = []
    for number, voice in enumerate(voices):
        if voice.bend is not None:
            wheel = np.clip(8192 + np.round(voice.bend * (8192 / _BEND_RANGE)), 0, 16383)
            events += _curve(wheel, blocks, 0, lambda v, n=number: ("bend", (n, v)))
        if voice.expression is not None:
            level = np.round(127 * np.sqrt(np.clip(voice.expression, 0, 1)))
            events += _curve(level, blocks, 1, lambda v, n=number: ("cc", (n, _EXPRESSION, v)))
        following: dict[int, float] = {}
        for note in sorted(voice.notes, key=lambda note: note.time, reverse=True):
            # A key struck again must not be let go by the stroke before.
            end = min(note.time + note.duration, following.get(note.key, math.inf))
            following[note.key] = note.time
            begin = round(note.time * RATE / _BLOCK)
            if begin >= blocks:
                continue
            end = max(begin + 1, round(end * RATE / _BLOCK))
            events.append((begin, 3, "on", (number, note.key, note.velocity)))
            if end < blocks:
                events.append((end, 2, "off", (number, note.key)))
    return sorted(events)


def _curve(values: np.ndarray, blocks: int, rank: int, action) -> list[tuple]:
    changes = np.flatnonzero(np.diff(values, prepend=np.nan) != 0)
    places = np.round(changes * (RATE / CONTROL_RATE / _BLOCK)).astype(int)
    return [
        (int(place), rank, *action(int(values[change])))
        for place, change in zip(places, changes, strict=True)
        if place < blocks
    ]


@lru_cache
def _synthesizer(font: str) -> _Synthesizer:
    return _Synthesizer(font)


def _library():
    try:
        import fluidsynth
    except ModuleNotFoundError:
        raise InputError(
            'sound fonts need pyfluidsynth: pip install "stemzoo[synthesis]"'
        ) from None
    except (ImportError, OSError):
        raise InputError(
            "sound fonts need the FluidSynth library; on Debian: apt install libfluidsynth3"
        ) from None
    return fluidsynth


def _functions(fluidsynth) -> dict:
    """Returns the calls of FluidSynth that rendering makes, some of which the package lacks."""
    from ctypes import CFUNCTYPE, c_int, c_uint, c_void_p

    def call(name: str, *types, result=c_int):
        prototype = CFUNCTYPE(result, c_void_p, *types)
        return prototype((name, fluidsynth._fl))

    # It warns of every channel whose program is chosen only later.
    fluidsynth._fl.fluid_set_log_function(_WARNING, None, None)
    buffer = (c_void_p, c_int, c_int)
    return {
        "font": call("fluid_synth_get_sfont", c_uint, result=c_void_p),
        "remove": call("fluid_synth_remove_sfont", c_void_p),
        "add": call("fluid_synth_add_sfont", c_void_p),
        "write": call("fluid_synth_write_float", c_int, *buffer, *buffer),
        "interpolate": call("fluid_synth_set_interp_method", c_int, c_int),
        "bend_range": call("fluid_synth_pitch_wheel_sens", c_int, c_int),
        "bend": call("fluid_synth_pitch_bend", c_int, c_int),
        "cc": call("fluid_synth_cc", c_int, c_int, c_int),
        "on": call("fluid_synth_noteon", c_int, c_int, c_int),
        "off": call("fluid_synth_noteoff", c_int, c_int),
    }

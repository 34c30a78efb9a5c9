"""What is learned from recorded speech: spectral envelopes, voicing and pitch of real voices."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import soundfile
from scipy import fft, signal

from training.synthetic.clock import CONTROL_RATE, FREQUENCIES
from training.synthetic.material import Material
from training.synthetic.syllables import Nucleus, find_nuclei
from zoo.errors import InputError

_PER_SPEAKER = 40
_DIGIT_RATE = 8000
_LOWEST_RATE = 8000
_LONGEST = 20.0
_SHORTEST = 0.1
# A recording's own anti-alias filter is not the speaker's.
_KNOWN = 0.46
_HIGHEST = 16000.0
_HIGH_BAND = (4000.0, 8000.0)


@dataclass(frozen=True)
class Utterance:
    """One recording of speech. Frames come 128 times per second.

    Args:
        waveform: float32 `(samples,)`, its peak 1.
        rate: its sample rate in Hz.
        envelope: natural logarithm of the spectral envelope, `(frames, frequencies)`, on the first
            of the clock's `FREQUENCIES`; 0 at the utterance's loudest.
        voicing: 0 (noise) to 1 (periodic), `(frames,)`.
        high_voicing: the same between 4 and 8 kHz, where voices are noisier; below a rate of
            16000 Hz it is `voicing`.
        pitch: in Hz, `(frames,)`; means nothing where there is no voicing.
    """

    waveform: np.ndarray
    rate: int
    envelope: np.ndarray
    voicing: np.ndarray
    high_voicing: np.ndarray
    pitch: np.ndarray

    @property
    def frames(self) -> int:
        return len(self.voicing)

    @cached_property
    def known(self) -> int:
        """How many of the envelope's frequencies are the speaker's, not the recording's filter."""
        highest = min(_KNOWN * self.rate, _HIGHEST)
        return min(int(np.searchsorted(FREQUENCIES, highest, "right")), self.envelope.shape[1])

    @cached_property
    def nuclei(self) -> list[Nucleus]:
        """The syllables, at least one."""
        return find_nuclei(self.envelope, self.voicing)


class Recordings(Sequence):
    """The utterances of one voice; each is read and analysed when it is asked for.

    Args:
        paths: of WAV or FLAC files.
    """

    def __init__(self, paths: Sequence[Path]):
        self._paths = paths

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Utterance:
        return _load(self._paths[index])


@lru_cache(maxsize=256)
def _load(path: Path) -> Utterance:
    waveform, rate = _read(path)
    if not _audible(waveform, rate):
        raise InputError(f"{path}: silent or shorter than {_SHORTEST} s; remove it")
    return analyse(_trimmed(waveform[: int(_LONGEST * rate)], rate), rate)


@lru_cache(maxsize=4)
def load_bank(folder: str) -> dict[str, list[Utterance]]:
    """Returns up to 40 analysed spoken digits of each speaker; computed once in a process."""
    bank = {}
    for speaker, paths in Material(folder).digits.items():
        chosen = paths[:: max(1, len(paths) // _PER_SPEAKER)][:_PER_SPEAKER]
        waveforms = [_read_digit(path) for path in chosen]
        audible = [waveform for waveform in waveforms if _audible(waveform, _DIGIT_RATE)]
        if audible:
            bank[speaker] = [analyse(waveform) for waveform in audible]
    if not bank:
        raise InputError(f"{folder}: every recording is silent or shorter than {_SHORTEST} s")
    return bank


def load_voices(folder: str) -> dict[str, Recordings]:
    """Returns the sentences of each voice; nothing is read yet."""
    return {voice: Recordings(paths) for voice, paths in Material(folder).sentences.items()}


def _read_digit(path: Path) -> np.ndarray:
    waveform, rate = _read(path)
    if rate != _DIGIT_RATE:
        raise InputError(f"{path}: {rate} Hz, but spoken digits have {_DIGIT_RATE} Hz")
    return waveform


def _read(path: Path) -> tuple[np.ndarray, int]:
    try:
        waveform, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: not a readable WAV or FLAC file") from error
    if rate < _LOWEST_RATE:
        raise InputError(f"{path}: {rate} Hz, but speech needs at least {_LOWEST_RATE} Hz")
    return waveform.mean(axis=1), rate


def _audible(waveform: np.ndarray, rate: int) -> bool:
    return len(waveform) > _SHORTEST * rate and bool(np.abs(waveform).max() > 1e-3)


def _trimmed(waveform: np.ndarray, rate: int) -> np.ndarray:
    """Returns a recording without the silence around it, but for 30 ms."""
    loud = np.flatnonzero(np.abs(waveform) > 0.02 * np.abs(waveform).max())
    margin = int(0.03 * rate)
    return waveform[max(0, loud[0] - margin) : loud[-1] + margin]


def analyse(waveform: np.ndarray, rate: int = _DIGIT_RATE) -> Utterance:
    """Returns an utterance from a recording `(samples,)` that is not silent."""
    waveform = waveform / np.abs(waveform).max()
    frames = _cut(waveform, rate)
    # 62.5 ms hold a frame and the longest period after it, and give bins 16 Hz apart.
    length = rate // 16
    spectrum = np.abs(fft.rfft(frames * np.hanning(frames.shape[1]).astype(np.float32), length))
    spectrum *= np.float32(_DIGIT_RATE / rate)
    envelope = _cepstral_envelope(spectrum, rate, length)
    low = waveform if rate == _DIGIT_RATE else signal.resample_poly(waveform, _DIGIT_RATE, rate)
    voicing, pitch = _periodicity(_cut(low, _DIGIT_RATE)[: len(frames)])
    high_voicing = voicing
    if rate >= 2 * _HIGH_BAND[1]:
        high_voicing = np.minimum(voicing, _high_voicing(spectrum, pitch, rate, frames.shape[1]))
    loud = envelope.max(axis=1) > envelope.max() - 5
    span = slice(np.flatnonzero(loud)[0], np.flatnonzero(loud)[-1] + 1)
    envelope = envelope[span] - envelope.max()
    curves = [curve[span].astype(np.float32) for curve in (voicing, high_voicing, pitch)]
    return Utterance(waveform, rate, envelope.astype(np.float32), *curves)


def _cut(waveform: np.ndarray, rate: int) -> np.ndarray:
    """Returns frames of 40 ms around the control points, `(frames, samples)`."""
    times = np.arange(0, len(waveform) / rate, 1 / CONTROL_RATE)
    frame = rate // 25
    starts = np.rint(times * rate).astype(int)
    padded = np.pad(waveform, (frame // 2, frame))
    return padded[starts[:, None] + np.arange(frame)]


def _cepstral_envelope(spectrum: np.ndarray, rate: int, length: int) -> np.ndarray:
    """The log spectrum, smoothed by keeping the cepstrum below about 2 ms: no pitch remains."""
    cepstrum = fft.irfft(np.log(spectrum + np.float32(1e-4)), length)
    seconds = np.arange(int(0.003 * rate) + 1) / rate
    lifter = 0.5 + 0.5 * np.cos(np.pi * np.clip(seconds / 0.003 * 2 - 1, 0, 1))
    lifter[1:] *= 2
    hertz = FREQUENCIES[min(rate / 2, _HIGHEST) >= FREQUENCIES]
    cosines = lifter[:, None] * np.cos(2 * np.pi * np.outer(seconds, hertz))
    return cepstrum[:, : len(seconds)] @ cosines.astype(cepstrum.dtype)


def _periodicity(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The highest normalised autocorrelation at lags of 60 to 400 Hz as 0 .. 1, and its pitch."""
    length = 1024
    frames = frames - frames.mean(axis=1, keepdims=True)
    correlation = fft.irfft(np.abs(fft.rfft(frames, length)) ** 2, length)
    energy = np.cumsum(frames**2, axis=1)
    lags = np.arange(_DIGIT_RATE // 400, _DIGIT_RATE // 60)
    head = energy[:, frames.shape[1] - 1 - lags]
    tail = energy[:, -1:] - energy[:, lags - 1]
    normalised = correlation[:, lags] / np.sqrt(head * tail + 1e-4)
    voicing = np.clip((normalised.max(axis=1) - 0.4) / 0.4, 0, 1)
    # Two periods correlate as well as one: the shorter lag wins.
    best = np.argmax(normalised - 0.08 * np.log2(lags), axis=1)
    return voicing, _DIGIT_RATE / lags[best]


def _high_voicing(spectrum: np.ndarray, pitch: np.ndarray, rate: int, frame: int) -> np.ndarray:
    """The autocorrelation of the high band around each frame's period, as 0 .. 1."""
    length = 2 * (spectrum.shape[1] - 1)
    hertz = np.arange(spectrum.shape[1]) * (rate / length)
    band = (hertz > _HIGH_BAND[0]) & (hertz < _HIGH_BAND[1])
    correlation = fft.irfft(np.square(spectrum) * band, length)
    window = fft.irfft(np.abs(fft.rfft(np.hanning(frame), length)) ** 2, length)
    period = rate / pitch
    reach = 0.03 * period
    offsets = np.linspace(-1, 1, 9)
    places = np.rint(period[:, None] + reach[:, None] * offsets).astype(int)
    rows = np.arange(len(spectrum))[:, None]
    relative = correlation[rows, places] / (correlation[:, :1] + 1e-9)
    relative = relative / (window[places] / window[0])
    return np.clip((relative.max(axis=1) - 0.25) / 0.5, 0, 1)


def extend(
    envelope: np.ndarray, voicing: np.ndarray, frequencies: np.ndarray, known: int
) -> np.ndarray:
    """Returns log envelopes on other frequencies, continued above what the recording has.

    There the voice falls by 12 dB per octave, hiss stays up to 8 kHz and falls then.

    Args:
        envelope: `(frames, frequencies)` as in `Utterance`.
        voicing: `(frames,)`.
        frequencies: in Hz, on the utterance's own frequency axis.
        known: how many of the envelope's frequencies count.
    """
    place = np.interp(frequencies, FREQUENCIES[:known], np.arange(known))
    low = np.minimum(place.astype(int), known - 2)
    weight = (place - low).astype(np.float32)
    inside = envelope[:, low] * (1 - weight) + envelope[:, low + 1] * weight
    top = FREQUENCIES[known - 1]
    above = frequencies > top
    if not above.any():
        return inside
    octaves = np.log2(np.maximum(frequencies / top, 1)).astype(np.float32)
    voiced = -1.4 * octaves
    hiss = _hiss(np.maximum(frequencies, top)) - _hiss(top)
    return inside + voicing[:, None] * voiced + (1 - voicing[:, None]) * hiss


def _hiss(hertz: np.ndarray) -> np.ndarray:
    """The log spectrum of a typical fricative, up to a constant."""
    octaves = np.log2(hertz / 3680).astype(np.float32)
    return np.minimum(0.3 * octaves, 0.3) - 1.7 * np.maximum(octaves - 1.2, 0)


def frames_at(frames: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Returns `(places, columns)` of `(frames, columns)`, straight between neighbours."""
    low = places.astype(int)
    high = np.minimum(low + 1, len(frames) - 1)
    weight = (places - low).astype(np.float32)[:, None]
    return frames[low] * (1 - weight) + frames[high] * weight

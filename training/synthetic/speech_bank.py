"""What is learned from spoken digits: spectral envelopes and voicing of real speech."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
from scipy import fft

from training.synthetic.clock import CONTROL_RATE, FREQUENCIES
from training.synthetic.material import Material
from zoo.errors import InputError

_PER_SPEAKER = 40
_RATE = 8000


@dataclass(frozen=True)
class Utterance:
    """One spoken digit.

    Args:
        waveform: float32 `(samples,)` at 8000 Hz, its peak 1.
        envelope: natural logarithm of the spectral envelope, `(frames, 126)`, 128 frames per
            second, 32 Hz apart up to 4000 Hz; 0 at the utterance's loudest.
        voicing: 0 (noise) to 1 (periodic), `(frames,)`.
    """

    waveform: np.ndarray
    envelope: np.ndarray
    voicing: np.ndarray


@lru_cache(maxsize=4)
def load_bank(folder: str) -> dict[str, list[Utterance]]:
    """Returns up to 40 analysed recordings of each speaker; computed once in a process."""
    bank = {}
    for speaker, paths in Material(folder).digits.items():
        chosen = paths[:: max(1, len(paths) // _PER_SPEAKER)][:_PER_SPEAKER]
        waveforms = [_read(path) for path in chosen]
        audible = [w for w in waveforms if len(w) > 800 and np.abs(w).max() > 1e-3]
        if audible:
            bank[speaker] = [analyse(waveform) for waveform in audible]
    if not bank:
        raise InputError(f"{folder}: every recording is silent or shorter than 0.1 s")
    return bank


def _read(path: Path) -> np.ndarray:
    try:
        waveform, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise InputError(f"{path}: not a readable WAV file") from error
    if rate != _RATE:
        raise InputError(f"{path}: {rate} Hz, but spoken digits have {_RATE} Hz")
    return waveform.mean(axis=1)


def analyse(waveform: np.ndarray) -> Utterance:
    """Returns an utterance from a recording `(samples,)` at 8000 Hz that is not silent."""
    waveform = waveform / np.abs(waveform).max()
    times = np.arange(0, len(waveform) / _RATE, 1 / CONTROL_RATE)
    frame = 320
    padded = np.pad(waveform, frame // 2)
    starts = np.rint(times * _RATE).astype(int)
    frames = padded[starts[:, None] + np.arange(frame)]
    envelope = _cepstral_envelope(frames)
    voicing = _periodicity(frames)
    loud = envelope.max(axis=1) > envelope.max() - 5
    span = slice(np.flatnonzero(loud)[0], np.flatnonzero(loud)[-1] + 1)
    envelope = envelope[span] - envelope.max()
    return Utterance(waveform, envelope.astype(np.float32), voicing[span].astype(np.float32))


def _cepstral_envelope(frames: np.ndarray) -> np.ndarray:
    """The log spectrum, smoothed by keeping the cepstrum below about 2 ms: no pitch remains."""
    length = 500  # 16 Hz bins: every second one is an envelope frequency
    window = np.hanning(frames.shape[1])
    spectrum = np.log(np.abs(fft.rfft(frames * window, length)) + 1e-4)
    cepstrum = fft.irfft(spectrum, length)
    quefrency = np.minimum(np.arange(length), length - np.arange(length))
    lifter = 0.5 + 0.5 * np.cos(np.pi * np.clip(quefrency / 24 * 2 - 1, 0, 1))
    return fft.rfft(cepstrum * lifter).real[:, ::2]


def _periodicity(frames: np.ndarray) -> np.ndarray:
    """The highest normalised autocorrelation at lags of 60 to 400 Hz, mapped to 0 .. 1."""
    length = 1024
    frames = frames - frames.mean(axis=1, keepdims=True)
    correlation = fft.irfft(np.abs(fft.rfft(frames, length)) ** 2, length)
    energy = np.cumsum(frames**2, axis=1)
    lags = np.arange(_RATE // 400, _RATE // 60)
    head = energy[:, frames.shape[1] - 1 - lags]
    tail = energy[:, -1:] - energy[:, lags - 1]
    normalised = correlation[:, lags] / np.sqrt(head * tail + 1e-4)
    return np.clip((normalised.max(axis=1) - 0.4) / 0.4, 0, 1)


def extend(envelope: np.ndarray, voicing: np.ndarray, frequencies: np.ndarray) -> np.ndarray:
    """Returns log envelopes on other frequencies, continued above 4 kHz.

    Speech above the recordings' band: the voice falls by 12 dB per octave, hiss stays up to 8 kHz
    and falls then.

    Args:
        envelope: `(frames, 126)` as in `Utterance`.
        voicing: `(frames,)`.
        frequencies: in Hz, on the utterance's own frequency axis.
    """
    # The recordings' own anti-alias filter is not the speaker's.
    known = FREQUENCIES[:116]
    place = np.clip(frequencies / 32, 0, len(known) - 1.001)
    low = place.astype(int)
    weight = (place - low).astype(np.float32)
    inside = envelope[:, low] * (1 - weight) + envelope[:, low + 1] * weight
    octaves = np.log2(np.maximum(frequencies / known[-1], 1)).astype(np.float32)
    voiced = -1.4 * octaves
    hiss = np.minimum(0.3 * octaves, 0.3) - 1.7 * np.maximum(octaves - 1.2, 0)
    return inside + voicing[:, None] * voiced + (1 - voicing[:, None]) * hiss

"""Sound from pitch and spectral envelopes: a source through a filter that moves.

The harmonic source is a train of band-limited pulses, every harmonic of equal amplitude; the noise
source is white. Both are cut into short frames, shaped in the frequency domain and overlapped.
"""

import numpy as np
from scipy import fft

from training.synthetic.clock import FREQUENCIES, Clock
from training.synthetic.dice import Dice

_CHUNK = 128
# An envelope of 1 means harmonics of amplitude 1, and noise as loud as speech analysis finds it
# under the same envelope: 0.433 at 8192 Hz, and the same power per Hz elsewhere.
_NOISE_DEVIATION = 0.433 / np.sqrt(8192)


def pulse_train(pitch: np.ndarray, clock: Clock) -> np.ndarray:
    """Returns the sum of all harmonics below the clock's top, each of amplitude 1.

    The sum of N cosines has a closed form, the Dirichlet kernel. The harmonic that is about to
    pass the top fades, so that a gliding pitch does not click.

    Args:
        pitch: in Hz at every control point.
        clock: the grids.

    Returns:
        float32 `(samples,)`.
    """
    hertz, phase = _oscillate(pitch, clock)
    last = np.floor(np.float32(clock.top) / hertz)
    margin = np.float32(clock.top) - last * hertz
    fade = np.minimum(1, margin / np.minimum(hertz, np.float32(0.02 * clock.sample_rate)))
    whole = last - 1
    half = np.sin(phase / 2)
    at_peak = np.abs(half) < 1e-6
    half[at_peak] = 1
    kernel = np.sin((whole + np.float32(0.5)) * phase) / (2 * half) - np.float32(0.5)
    kernel[at_peak] = whole[at_peak]
    return kernel + fade * np.cos(last * phase)


def _oscillate(pitch: np.ndarray, clock: Clock) -> tuple[np.ndarray, np.ndarray]:
    """Returns frequency in Hz and phase in -pi .. pi at each sample, float32 `(samples,)`.

    The pitch is straight between two frames, so its integral is known at the frames (in float64,
    where cycles pile up) and a short parabola in between.
    """
    nodes = np.interp(clock.frame_positions, np.arange(clock.points), pitch)
    seconds = clock.frame_step / clock.sample_rate
    cycles = np.concatenate([[0], np.cumsum((nodes[:-1] + nodes[1:]) * (seconds / 2))])
    time = np.arange(clock.frame_step, dtype=np.float32) / np.float32(clock.sample_rate)
    start = nodes[:-1, None].astype(np.float32)
    slope = (np.diff(nodes)[:, None] / seconds).astype(np.float32)
    hertz = start + slope * time
    turns = (cycles[:-1, None] % 1).astype(np.float32) + (start + hertz) * (time / 2)
    turns -= np.rint(turns)
    turns *= np.float32(2 * np.pi)
    return hertz.ravel()[: clock.samples], turns.ravel()[: clock.samples]


def white_noise(dice: Dice, clock: Clock) -> np.ndarray:
    """Returns noise float32 `(samples,)` to be shaped by an envelope."""
    noise = dice.white(clock.samples)
    noise *= np.float32(_NOISE_DEVIATION * np.sqrt(clock.sample_rate))
    return noise


class _Bins:
    """Reads envelopes at FFT bins, by linear interpolation, silent at DC and at Nyquist."""

    def __init__(self, clock: Clock, length: int):
        hertz = fft.rfftfreq(length, 1 / clock.sample_rate)
        place = np.interp(hertz, FREQUENCIES, np.arange(len(FREQUENCIES)))
        self._low = np.minimum(place.astype(int), len(clock.frequencies) - 2)
        self._high = self._low + 1
        self._weight = (place - self._low).astype(np.float32)
        audible = np.clip(hertz / 20 - 1, 0, 1)
        below_nyquist = np.clip((clock.sample_rate / 2 - hertz) / (0.02 * clock.sample_rate), 0, 1)
        self._edges = (audible * below_nyquist).astype(np.float32)

    def read(self, envelope: np.ndarray) -> np.ndarray:
        """Returns gains `(frames, bins)` of an envelope `(frames, frequencies)`."""
        gains = np.take(envelope, self._high, axis=1, mode="clip")
        low = np.take(envelope, self._low, axis=1, mode="clip")
        gains -= low
        gains *= self._weight
        gains += low
        gains *= self._edges
        return gains


def phonate(
    dice: Dice, clock: Clock, pitch: np.ndarray, harmonic: np.ndarray, noise: np.ndarray
) -> np.ndarray:
    """Returns a voice: pulses at a pitch and breath, each through its own moving envelope.

    Args:
        dice: the breath.
        clock: the grids.
        pitch: in Hz, `(points,)`.
        harmonic: envelope of the pulses, `(points, frequencies)`.
        noise: envelope of the breath.

    Returns:
        float32 `(samples,)`.
    """
    return shape(clock, (pulse_train(pitch, clock), harmonic), (white_noise(dice, clock), noise))


def shape(clock: Clock, *sources: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    """Returns the sum of signals, each filtered by its own moving envelope.

    Args:
        clock: the grids.
        *sources: pairs of a signal `(samples,)` and its envelope `(points, frequencies)`, linear
            gains. Frames in which every envelope is silent cost nothing.

    Returns:
        float32 `(samples,)`.
    """
    step = clock.frame_step
    # A frame has two steps; the rest of the FFT is room for the filter's zero-phase response.
    length = 8 * step
    bins = _Bins(clock, length)
    window = np.hanning(2 * step + 1)[:-1].astype(np.float32)
    frames = len(clock.frame_positions)
    views = []
    for signal, _ in sources:
        padded = np.zeros((frames + 1) * step, np.float32)
        padded[step : step + clock.samples] = signal
        views.append(np.lib.stride_tricks.sliding_window_view(padded, 2 * step)[::step])
    peaks = np.max([envelope.max(axis=1) for _, envelope in sources], axis=0)
    left = clock.frame_positions.astype(int)
    right = np.minimum(left + 1, clock.points - 1)
    weight = (clock.frame_positions - left).astype(np.float32)
    audible = np.flatnonzero(np.maximum(peaks[left], peaks[right]) > 1e-4 * max(peaks.max(), 1e-9))
    output = np.zeros((frames + 8, step), np.float32)
    for begin in range(0, len(audible), _CHUNK):
        chunk = audible[begin : begin + _CHUNK]
        spectrum = 0
        for view, (_, envelope) in zip(views, sources, strict=True):
            gains = bins.read(_between(envelope, left[chunk], right[chunk], weight[chunk]))
            spectrum = spectrum + fft.rfft(view[chunk] * window, length) * gains
        blocks = fft.irfft(spectrum, length).reshape(-1, 8, step)
        for block in range(8):
            # Blocks 5 to 7 are the response before the frame: negative time wraps around.
            output[chunk + (block + 3) % 8] += blocks[:, block]
    return output.ravel()[4 * step : 4 * step + clock.samples]


def _between(envelope, left, right, weight) -> np.ndarray:
    if not weight.any():
        return envelope[left]
    return envelope[left] + (envelope[right] - envelope[left]) * weight[:, None]

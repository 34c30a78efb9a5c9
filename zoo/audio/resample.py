"""Conversion of the sample rate in a stream, without delay and with an exact length."""

from collections.abc import Iterable, Iterator
from itertools import chain

import numpy as np


def resampled_length(samples: int, from_rate: int, to_rate: int) -> int:
    """The number of samples that `samples` at `from_rate` become: `ceil(samples * to / from)`.

    Rounding up keeps every input sample's time within the output, so that a signal that is taken
    down and up again is never shorter than it was.
    """
    return -(-samples * to_rate // from_rate)


class Resampler:
    """Converts one signal's rate block by block (libsoxr).

    Output sample `k` is the input at the time `k / to_rate`: the filter's delay is taken out. The
    default quality, soxr's "HQ", takes 44.1 kHz to 8192 Hz and back with an error below -60 dB up
    to 0.9 of the lower Nyquist frequency, and is nearly as fast as the lower qualities.

    Args:
        from_rate: the input's samples per second.
        to_rate: the output's samples per second.
        channels: how many.
        quality: soxr's "QQ", "LQ", "MQ", "HQ" or "VHQ".

    Example:
        >>> resampler = Resampler(44100, 8192, channels=2)
        >>> parts = [resampler.push(np.zeros((4096, 2), np.float32)) for _ in range(3)]
        >>> sum(len(part) for part in [*parts, resampler.finish()]) == -(-3 * 4096 * 8192 // 44100)
        True
    """

    def __init__(self, from_rate: int, to_rate: int, *, channels: int, quality: str = "HQ"):
        import soxr

        self.from_rate = from_rate
        self.to_rate = to_rate
        self.channels = channels
        self._stream = soxr.ResampleStream(
            from_rate, to_rate, channels, dtype="float32", quality=quality
        )
        self._taken = 0
        self._given = 0

    def push(self, block: np.ndarray) -> np.ndarray:
        """Takes a block (samples, channels) and returns the output that is ready, perhaps none."""
        self._taken += len(block)
        return self._convert(block)

    def finish(self) -> np.ndarray:
        """Returns the rest of the output: `resampled_length` samples altogether."""
        silence = np.zeros((_surplus(self.from_rate, self.to_rate), self.channels), np.float32)
        return self._convert(silence, last=True)

    def _convert(self, block: np.ndarray, *, last: bool = False) -> np.ndarray:
        block = np.ascontiguousarray(block, dtype=np.float32)
        output = self._stream.resample_chunk(block, last=last)
        if last:
            total = resampled_length(self._taken, self.from_rate, self.to_rate)
            output = output[: total - self._given]
        self._given += len(output)
        return output


def resampled(
    blocks: Iterable[np.ndarray], from_rate: int, to_rate: int, *, quality: str = "HQ"
) -> Iterator[np.ndarray]:
    """Converts the rate of a signal that comes in blocks.

    Args:
        blocks: float32 arrays (samples, channels).
        from_rate: the input's samples per second.
        to_rate: the output's samples per second.
        quality: as in `Resampler`.

    Yields:
        float32 arrays (samples, channels), `resampled_length` samples altogether. Equal rates
        pass the blocks through.
    """
    if from_rate == to_rate:
        yield from blocks
        return
    blocks = iter(blocks)
    first, second = next(blocks, None), next(blocks, None)
    if first is None:
        return
    if second is None:
        yield _resampled_whole(first, from_rate, to_rate, quality)
        return
    resampler = Resampler(from_rate, to_rate, channels=first.shape[1], quality=quality)
    for block in chain((first, second), blocks):
        output = resampler.push(block)
        if len(output):
            yield output
    output = resampler.finish()
    if len(output):
        yield output


def _resampled_whole(signal: np.ndarray, from_rate: int, to_rate: int, quality: str) -> np.ndarray:
    """What a `Resampler` makes of a signal in one block, with which other threads can go on.

    To set up a stream takes soxr longer than to convert a second, and Python's lock all the while.
    """
    import soxr

    silence = np.zeros((_surplus(from_rate, to_rate), signal.shape[1]), np.float32)
    signal = np.concatenate((signal, silence), dtype=np.float32)
    output = soxr.resample(signal, from_rate, to_rate, quality=quality)
    return output[: resampled_length(len(signal) - len(silence), from_rate, to_rate)]


def _surplus(from_rate: int, to_rate: int) -> int:
    """Samples of silence after a signal's end, which soxr would assume anyway, that make up the
    last sample of the output that it would otherwise round away."""
    return 2 + 2 * from_rate // to_rate

"""What one pass over a file tells of it."""

import hashlib
from dataclasses import dataclass

import numpy as np

# Below this peak (-80 dB of full scale) a file is silent: 3 steps of 16 bits.
SILENCE = 1e-4
# So many samples in a row, within two steps of 16 bits of full scale, are a clipped top.
CLIPPED_RUN = 4
_FULL = 1 - 2 / 32768
_FRAME = 4096
_EXCERPT = 1024


@dataclass(frozen=True)
class FileFacts:
    """A decoded file in a few numbers.

    Args:
        where: the file, for messages.
        song: the song's name.
        roles: what it is in its song: "mixture" and names of stems.
        split: the song's.
        lossy: whether its format changes samples.
        sample_rate: in Hz.
        channels: how many.
        samples: per channel.
        peak: largest absolute sample.
        level: root mean square.
        offset: mean of the channel where it is farthest from 0.
        clipped: number of clipped tops.
        digest: of the samples, rounded to 16 bits.
        loudest: number of the loudest frame of 4096 samples.
        excerpt: the beginning of that frame, mono, of norm 1.
    """

    where: str
    song: str
    roles: tuple[str, ...]
    split: str | None
    lossy: bool
    sample_rate: int
    channels: int
    samples: int
    peak: float
    level: float
    offset: float
    clipped: int
    digest: bytes
    loudest: int
    excerpt: np.ndarray

    @property
    def silent(self) -> bool:
        """Whether nothing is heard."""
        return self.peak < SILENCE

    @property
    def seconds(self) -> float:
        """The length."""
        return self.samples / self.sample_rate


class Measures:
    """Takes a file's blocks, each of a multiple of 4096 samples but for the last."""

    def __init__(self):
        self.samples = 0
        self.peak = 0.0
        self.clipped = 0
        self._sums: np.ndarray | float = 0.0
        self._energy = 0.0
        self._channels = 1
        self._digest = hashlib.blake2b(digest_size=16)
        self._loudest = (-1.0, 0, np.zeros(0, "float16"))

    def add(self, block: np.ndarray) -> None:
        """Takes the next block, float32 `(samples, channels)`."""
        peak = float(np.abs(block).max())
        self.peak = max(self.peak, peak)
        if peak >= _FULL:
            self.clipped += _runs(np.abs(block) >= _FULL)
        self._channels = block.shape[1]
        # As products: NumPy's own sums along a short axis take ten times as long.
        self._sums = self._sums + np.ones(len(block), "float32") @ block
        rounded = np.clip(np.rint(block * np.float32(32768)), -32768, 32767).astype("<i2")
        self._digest.update(np.ascontiguousarray(rounded))
        self._add_frames(block @ np.full(block.shape[1], 1 / block.shape[1], "float32"))
        self._energy += float(np.vdot(block, block))
        self.samples += len(block)

    def _add_frames(self, mono: np.ndarray) -> None:
        whole = len(mono) // _FRAME * _FRAME
        frames = mono[:whole].reshape(-1, _FRAME) if whole else mono[None]
        energies = np.square(frames).sum(axis=1)
        best = int(energies.argmax())
        if energies[best] > self._loudest[0]:
            excerpt = frames[best, :_EXCERPT]
            norm = float(np.linalg.norm(excerpt)) or 1.0
            number = self.samples // _FRAME + best
            self._loudest = (float(energies[best]), number, (excerpt / norm).astype("float16"))

    def facts(self, **described) -> FileFacts:
        """Returns what was measured, with what `FileFacts` needs besides."""
        samples = max(self.samples, 1)
        means = np.atleast_1d(self._sums) / samples
        _, loudest, excerpt = self._loudest
        return FileFacts(
            **described,
            channels=self._channels,
            samples=self.samples,
            peak=self.peak,
            level=float(np.sqrt(self._energy / (samples * self._channels))),
            offset=float(means[np.abs(means).argmax()]),
            clipped=self.clipped,
            digest=self._digest.digest(),
            loudest=loudest,
            excerpt=excerpt,
        )


def _runs(full: np.ndarray) -> int:
    """The number of runs of at least `CLIPPED_RUN` along the first axis."""
    if len(full) < CLIPPED_RUN:
        return 0
    windows = np.lib.stride_tricks.sliding_window_view(full, CLIPPED_RUN, axis=0).all(axis=-1)
    return int(windows[0].sum() + (windows[1:] & ~windows[:-1]).sum())

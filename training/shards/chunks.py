"""Where songs are cut into records, so that an example may begin at any place of a song."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ChunkGrid:
    """How songs are cut: chunks share out the places at which examples may begin.

    A chunk owns consecutive places. It holds the samples that an example at any of them needs, so
    neighbours overlap by an example and its context. The chunks of a song own equally many places,
    to one: an example is as likely to come from the end of a song as from its middle. Beyond a
    song's ends there is nothing; whoever reads there hears silence, as around whole songs.

    All numbers are samples, or frames where songs are cut as spectrograms.

    Args:
        length: of an example, which lies within its song.
        hop: places that a chunk may own.
        lead: what an example needs before its place.
        after: what it needs from its place on, `length` or more.

    Example:
        >>> ChunkGrid(length=10, hop=50, lead=2, after=12).bounds(100).tolist()
        [[0, 56, 0, 45], [43, 100, 45, 100]]
    """

    length: int
    hop: int
    lead: int = 0
    after: int = 0

    def __post_init__(self):
        if self.length < 1 or self.hop < 1 or self.lead < 0:
            raise ValueError(f"sizes must be positive. Received: {self}")
        object.__setattr__(self, "after", max(self.after, self.length))

    def count(self, samples: int) -> int:
        """Chunks of a song."""
        return -(-max(1, samples - self.length + 1) // self.hop)

    def bounds(self, samples: int) -> np.ndarray:
        """Chunks of a song of so many samples.

        Returns:
            int64 `(chunks, 4)`: the first sample held, the end of what is held; the first place
            owned, the end of those owned. The last chunk owns all places up to the song's end,
            which shorter examples than `length` reach.
        """
        room, count = max(1, samples - self.length + 1), self.count(samples)
        edges = np.arange(count + 1, dtype="int64") * room // count
        first, last = edges[:-1], edges[1:]
        begin = np.maximum(first - self.lead, 0)
        end = np.minimum(last - 1 + self.after, samples)
        last = np.append(last[:-1], samples)
        return np.stack([begin, end, first, last], axis=1)


def places(bounds: np.ndarray, samples: int, length: int) -> np.ndarray:
    """Where examples of a length may begin in the chunks of a song.

    Args:
        bounds: what `ChunkGrid.bounds` returned.
        samples: of the song.
        length: of an example.

    Returns:
        int64 `(chunks, 2)`: the first place, counted from the chunk's first sample, and the number
        of places, at least one.
    """
    begin, _, first, last = bounds.T
    room = max(1, samples - length + 1)
    first = np.maximum(np.minimum(first, room - 1), begin)
    count = np.maximum(np.minimum(last, room) - first, 1)
    return np.stack([first - begin, count], axis=1)


def fixed_places(samples: int, length: int, count: int) -> np.ndarray:
    """Evenly spaced places of a song, int64 `(count,)`, as `training.dataset` takes them."""
    return (samples - length) * (2 * np.arange(count, dtype="int64") + 1) // (2 * count)

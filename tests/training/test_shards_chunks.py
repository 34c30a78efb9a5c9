"""Arithmetic of chunks: every place of a song is somebody's, and has all that it needs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.shards.byte_sizes import parse_bytes
from training.shards.chunks import ChunkGrid, fixed_places, places
from zoo.errors import InputError

sizes = st.integers(1, 60)
grids = st.builds(
    ChunkGrid, length=sizes, hop=sizes, lead=st.integers(0, 40), after=st.integers(0, 90)
)


def test_a_song_by_hand():
    """91 places in two chunks; an example hears 2 samples before its place and 12 from there."""
    grid = ChunkGrid(length=10, hop=50, lead=2, after=12)
    assert grid.bounds(100).tolist() == [[0, 56, 0, 45], [43, 100, 45, 100]]
    assert places(grid.bounds(100), 100, 10).tolist() == [[0, 45], [2, 46]]
    # Shorter examples get nearer to the end.
    assert places(grid.bounds(100), 100, 4).tolist() == [[0, 45], [2, 52]]


@given(grids, st.integers(1, 400), st.data())
def test_each_place_is_owned_once_and_covered(grid, samples, data):
    samples = max(samples, grid.length)
    bounds = grid.bounds(samples)
    length = data.draw(st.integers(1, grid.length))
    owned = []
    for (begin, end, *_), (first, count) in zip(
        bounds, places(bounds, samples, length), strict=True
    ):
        at = np.arange(begin + first, begin + first + count)
        owned += at.tolist()
        assert begin <= max(0, at[0] - grid.lead)
        needed = grid.after if length == grid.length else length
        assert end >= min(samples, at[-1] + needed)
    assert owned == list(range(samples - length + 1))
    if length == grid.length:
        counts = places(bounds, samples, length)[:, 1]
        assert counts.max() <= grid.hop
        assert counts.max() - counts.min() <= 1


@given(grids, st.integers(1, 400))
def test_the_same_chunks_whoever_asks(grid, samples):
    bounds = grid.bounds(samples)
    assert len(bounds) == grid.count(samples)
    assert (bounds[:, 1] > bounds[:, 0]).all()
    assert bounds[-1, 1] == bounds[-1, 3] == samples


def test_fixed_places_are_those_of_the_bank():
    assert fixed_places(1200, 400, 2).tolist() == [200, 600]


def test_sizes_are_read():
    assert [parse_bytes(text, "x") for text in ("500MB", "2 GB", "800k", "7", 7)] == [
        500_000_000,
        2_000_000_000,
        800_000,
        7,
        7,
    ]
    for wrong in ("much", "0", "-3MB", "5TB", ""):
        with pytest.raises(InputError, match="x=.* is no size such as 500MB"):
            parse_bytes(wrong, "x")

"""Tiny songs and a tiny front end: mechanics need no more."""

import numpy as np
import pytest
import soundfile

from training.tracks import Track
from zoo.front_end import FrontEnd

STEMS = ("vocals", "drums", "bass")
RATE = 2000


def noise_songs(count: int, *, samples: int = 3000, stems=STEMS, seed: int = 0) -> list[Track]:
    rng = np.random.default_rng(seed)
    return [
        Track(
            f"song-{song}",
            RATE,
            None,
            {stem: rng.normal(0, 0.1, (samples, 1)).astype("float32") for stem in stems},
        )
        for song in range(count)
    ]


@pytest.fixture
def front_end() -> FrontEnd:
    return FrontEnd(sample_rate=RATE, frame_length=64, frame_step=48, bins=32, frames=8)


@pytest.fixture(scope="session")
def make_songs():
    """`make_songs(count, samples=, stems=)` -> tracks of noise at `RATE`."""
    return noise_songs


@pytest.fixture
def songs() -> list[Track]:
    return noise_songs(4)


@pytest.fixture
def song_folder(tmp_path):
    """Five songs of two stereo stems, as WAV files."""
    rng = np.random.default_rng(1)
    for song in range(5):
        folder = tmp_path / "songs" / f"song {song}"
        folder.mkdir(parents=True)
        for stem in ("vocals", "accompaniment"):
            soundfile.write(folder / f"{stem}.wav", rng.normal(0, 0.1, (3000, 2)), RATE)
    return tmp_path / "songs"


@pytest.fixture
def write_recipe(tmp_path):
    """`write_recipe(text)` -> path of a recipe."""

    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return write

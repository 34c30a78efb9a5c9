"""Songs of a style that the shipped preset does not know: a theremin plays along.

It glides and trembles as voices do, and the preset takes it for one. Nothing in the synthetic songs
that the preset was trained on sounds like it: whoever has such music has to show it the difference.
"""

from pathlib import Path

import numpy as np
import soundfile
from scipy.ndimage import uniform_filter1d

from training import synthetic_songs
from zoo.files import created_folder
from zoo.progress import progress

SAMPLE_RATE = 8192
NOTE, GLIDE, VIBRATO = 0.8, 0.15, 5.5  # seconds, seconds, Hz
PARTIALS = (1.0, 0.5, 0.3, 0.15)
INSTRUMENTS = 0.5


def _theremin(samples: int, rng: np.random.Generator) -> np.ndarray:
    """One note glides into the next, with vibrato and rests, `(samples,)`."""
    seconds = np.arange(samples) / SAMPLE_RATE
    notes = rng.integers(60, 84, size=int(seconds[-1] / NOTE) + 1).astype(float)
    pitch = uniform_filter1d(notes[(seconds / NOTE).astype(int)], int(GLIDE * SAMPLE_RATE))
    pitch += 0.4 * np.sin(2 * np.pi * VIBRATO * seconds)
    phase = np.cumsum(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) / SAMPLE_RATE)
    tone = sum(level * np.sin(n * phase) for n, level in enumerate(PARTIALS, 1))
    plays = np.sin(2 * np.pi * (seconds / rng.uniform(4, 8) + rng.uniform())) > -0.6
    return tone * uniform_filter1d(plays.astype(float), 800)


def write_theremin_songs(folder: Path, *, count: int, duration: float, seed: int = 910_000) -> None:
    """Writes a stem folder: one folder a song, with `vocals.wav` and `accompaniment.wav`.

    Args:
        folder: created if missing.
        count: number of songs.
        duration: of each, in seconds, at least 2.
        seed: which songs; those that the preset was trained on have the seed 0.
    """
    songs = synthetic_songs(seed, count, duration=duration, sample_rate=SAMPLE_RATE, channels=1)
    for place, song in enumerate(progress(songs, "Rendering songs")):
        vocals = song.load_stem("vocals")[:, 0]
        instruments = song.load_mixture()[:, 0] - vocals
        theremin = _theremin(len(vocals), np.random.default_rng([seed, place]))
        theremin *= vocals.std() / theremin.std()
        stems = {"vocals": vocals, "accompaniment": INSTRUMENTS * instruments + theremin}
        with created_folder(folder / f"song {place + 1:02d}") as song_folder:
            for stem, waveform in stems.items():
                path = song_folder / f"{stem}.wav"
                soundfile.write(path, 0.5 * waveform, SAMPLE_RATE, subtype="FLOAT")

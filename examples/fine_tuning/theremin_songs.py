"""Songs of a style that the shipped presets do not know: a theremin plays along.

It glides and trembles as voices do, and a preset takes it for one. Nothing in the synthetic songs
that the presets were trained on sounds like it: whoever has such music has to show it the
difference.
"""

from pathlib import Path

import numpy as np
import soundfile
from scipy.ndimage import uniform_filter1d

from training import Track, synthetic_songs
from zoo.files import created_folder
from zoo.progress import progress

NOTE, GLIDE, VIBRATO = 0.8, 0.15, 5.5  # seconds, seconds, Hz
PARTIALS = (1.0, 0.5, 0.3, 0.15)
INSTRUMENTS = 0.5


def _theremin(samples: int, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """One note glides into the next, with vibrato and rests, `(samples,)`."""
    seconds = np.arange(samples) / sample_rate
    notes = rng.integers(60, 84, size=int(seconds[-1] / NOTE) + 1).astype(float)
    pitch = uniform_filter1d(notes[(seconds / NOTE).astype(int)], int(GLIDE * sample_rate))
    pitch += 0.4 * np.sin(2 * np.pi * VIBRATO * seconds)
    phase = np.cumsum(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) / sample_rate)
    tone = sum(level * np.sin(n * phase) for n, level in enumerate(PARTIALS, 1))
    plays = np.sin(2 * np.pi * (seconds / rng.uniform(4, 8) + rng.uniform())) > -0.6
    return tone * uniform_filter1d(plays.astype(float), sample_rate // 10)


def _with_theremin(song: Track, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Vocals, drums, bass and other, a theremin as loud as the vocals among it."""
    stems = {name: song.load_stem(name) for name in song.stems}
    vocals = stems.pop("vocals")
    drums, bass = (INSTRUMENTS * stems.pop(name) for name in ("drums", "bass"))
    theremin = _theremin(len(vocals), song.sample_rate, rng)
    theremin *= vocals.std() / theremin.std()
    other = INSTRUMENTS * sum(stems.values()) + theremin[:, None]
    return {"vocals": vocals, "drums": drums, "bass": bass, "other": other}


def write_theremin_songs(
    folder: Path,
    *,
    count: int,
    duration: float,
    sample_rate: int = 8192,
    channels: int = 1,
    seed: int = 910_000,
) -> None:
    """Writes a stem folder: one folder a song, with vocals, drums, bass and other as WAV files.

    Args:
        folder: created if missing.
        count: number of songs.
        duration: of each, in seconds, at least 2.
        sample_rate: in Hz, 8000 to 48000.
        channels: 1 or 2.
        seed: which songs; those that presets were trained on have others.
    """
    songs = synthetic_songs(
        seed, count, duration=duration, sample_rate=sample_rate, channels=channels
    )
    for place, song in enumerate(progress(songs, "Rendering songs")):
        stems = _with_theremin(song, np.random.default_rng([seed, place]))
        with created_folder(folder / f"song {place + 1:02d}") as song_folder:
            for stem, waveform in stems.items():
                path = song_folder / f"{stem}.wav"
                soundfile.write(path, 0.5 * waveform, sample_rate, subtype="FLOAT")

"""Recordings of three kinds of tones, named label_speaker_index.wav, and a generator for them."""

from pathlib import Path

import keras
import numpy as np
import soundfile

from training.recipe_tables import FeaturesRecipe
from zoo.autoencoder.conv_autoencoder import ConvAutoencoder
from zoo.front_end import FrontEnd
from zoo.sound_generator import SoundGenerator

RATE = 4000
FRONT_END = FrontEnd(
    RATE,
    frame_length=64,
    frame_step=32,
    bins=32,
    first_bin=0,
    frames=16,
    normalization="min_max",
)
FEATURES = FeaturesRecipe(label="([a-z]+)_", held_out=r"[a-z]+_\w+_[01]\.wav")
HERTZ = {"high": 1500, "low": 250, "middle": 700}


def tone(label: str, random: np.random.Generator) -> np.ndarray:
    """A tone with an octave, 0.08 to 0.16 s: the clip has 0.128 s."""
    phase = 2 * np.pi * HERTZ[label] * random.uniform(0.93, 1.07)
    time = np.arange(random.integers(320, 640)) / RATE
    signal = 0.3 * np.sin(phase * time) + 0.05 * np.sin(2 * phase * time)
    return signal + random.normal(0, 1e-3, len(time))


def write_recordings(folder: Path, *, indices: int = 6, rate: int = RATE) -> list[str]:
    """Two speakers with so many recordings of each label; returns their names, sorted."""
    random = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    names = [
        f"{label}_{speaker}_{index}.wav"
        for label in HERTZ
        for speaker in ("ann", "bo")
        for index in range(indices)
    ]
    for name in names:
        soundfile.write(folder / name, tone(name.split("_")[0], random), rate)
    return sorted(names)


def small_generator(labels=tuple(HERTZ), **options) -> SoundGenerator:
    """A generator that has learned nothing."""
    keras.utils.set_random_seed(0)
    network = ConvAutoencoder(None, (3, 4), (3, 3), (2, 2), 5, front_end=FRONT_END)
    return SoundGenerator(
        network, labels=labels, decibel_range=(-60, 15), **{"iterations": 4, **options}
    )

"""Folders of tones, and a pipeline so small that its tests are about mechanics."""

import sys
import time
from pathlib import Path

import numpy as np
import soundfile

from training import (
    Loader,
    LogSpectrogramExtractor,
    MinMaxNormaliser,
    Padder,
    PreprocessingPipeline,
    Saver,
)
from zoo.front_end import FrontEnd

RATE = 2000
# 160 samples of 0.08 s.
TINY = FrontEnd(
    RATE,
    frame_length=64,
    frame_step=16,
    bins=32,
    first_bin=0,
    frames=10,
    normalization="min_max",
)


def write_tones(folder: Path, count: int, *, samples: int = 120) -> list[str]:
    """Tones of different pitch in two folders; returns their relative paths, sorted."""
    paths = [f"{'ab'[number % 2]}/tone {number:03d}.wav" for number in range(count)]
    for number, path in enumerate(paths):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        frequency = 100 + 700 * number / count
        tone = np.sin(2 * np.pi * frequency * np.arange(samples) / RATE) / (2 + number % 5)
        soundfile.write(folder / path, tone, RATE)
    return sorted(paths)


def pipeline(
    output: Path, *, loader=Loader, front_end=TINY, duration=0.08, shard_records=8, **options
) -> PreprocessingPipeline:
    return PreprocessingPipeline(
        loader(front_end.sample_rate, duration),
        Padder(),
        LogSpectrogramExtractor(front_end),
        MinMaxNormaliser(),
        Saver(output, shard_records=shard_records),
        **options,
    )


class StuckLoader(Loader):
    """Never returns from one of the files."""

    def load(self, path):
        if path.name == "tone 021.wav":
            time.sleep(600)
        return super().load(path)


if __name__ == "__main__":
    pipeline(Path(sys.argv[2]), loader=StuckLoader, workers=1).process(sys.argv[1])

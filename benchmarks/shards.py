"""Patches a second of shards, of MP3 stems and of a training step; memory while shards are read.

    python benchmarks/shards.py [--songs 8] [--seconds 5] [--cache-memory 200MB] [--json]

Synthetic songs are written as MP3 at 44.1 kHz, stereo, four stems each, and then as shards at the
front end's rate. All ways to make patches take turns on two cores: decoding, for each patch, what
it needs of the MP3 files (soundfile seeks, soxr resamples, two threads); decoding all once into
memory, as `training.load_bank` does; reading shards of audio, remixed and as it is, and shards of
spectrograms. Beside them stand training steps of the half-size and the full Jansson U-Net on a
batch that is already there, which is what must be fed.

Then a set of ten times `--cache-memory` is read, two epochs in a process of its own. What memory
that process has when the pipeline is made, but nothing read, is the libraries'.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
CORES = 2
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])

import numpy as np  # noqa: E402 - libraries count the cores on import
import soundfile  # noqa: E402
import soxr  # noqa: E402
import tensorflow as tf  # noqa: E402
from measure import FULL_SIZE, HALF_SIZE, print_table, resident_memory  # noqa: E402

from training import (  # noqa: E402
    Remix,
    Shards,
    ShardSettings,
    Track,
    spectrogram_patches,
    stem_folder,
    synthetic_songs,
    write_shards,
)
from training.shards.byte_sizes import parse_bytes  # noqa: E402
from zoo import FrontEnd, JanssonUNet  # noqa: E402

BATCH = 16
STEMS = ("vocals", "drums", "bass")
FRONT_END = FrontEnd()
PATCHES = {"patches_per_song": 8, "batch_size": BATCH, "first_epoch": 0, "threads": CORES}


def write_songs(folder: Path, count: int, duration: float) -> None:
    """MP3 stems; what is none of the four usual ones is added up to `other`."""
    for track in synthetic_songs(0, count, duration=duration):
        stems = {stem: track.load_stem(stem) for stem in track.stems}
        named = {stem: stems.pop(stem) for stem in STEMS}
        named["other"] = sum(stems.values())
        (folder / track.name).mkdir(parents=True)
        for stem, samples in named.items():
            soundfile.write(folder / track.name / f"{stem}.mp3", samples, track.sample_rate)


def decoded_patch(folders: list[Path], number: int) -> dict[str, np.ndarray]:
    """One patch from a random place of a random song's MP3 files: mixture and vocals."""
    rng = np.random.default_rng(number)
    folder, rate = folders[rng.integers(len(folders))], FRONT_END.sample_rate
    seconds, where = FRONT_END.patch_samples() / rate, rng.uniform()
    stems = {}
    for path in sorted(folder.glob("*.mp3")):
        with soundfile.SoundFile(path) as file:
            length = round(seconds * file.samplerate)
            file.seek(int(where * (file.frames - length)))
            samples = file.read(length, dtype="float32", always_2d=True).mean(axis=1)
            stems[path.stem] = soxr.resample(samples, file.samplerate, rate)
    signals = tf.stack([sum(stems.values()), stems["vocals"]])
    return FRONT_END.magnitude(*FRONT_END.stft(signals, center=False)).numpy()


def decoding(folders: list[Path], pool: ThreadPoolExecutor) -> Callable[[], int]:
    """A step that decodes a batch in as many threads as there are cores."""
    numbers = iter(range(10**9))

    def step() -> int:
        batch = [next(numbers) for _ in range(BATCH)]
        return len(list(pool.map(partial(decoded_patch, folders), batch)))

    return step


class Drawing:
    """A step that takes a batch of a pipeline."""

    def __init__(self, dataset: tf.data.Dataset):
        self._iterator = iter(dataset)

    def __call__(self) -> int:
        return len(next(self._iterator)[0])

    def empty(self) -> None:
        """Takes what was made ahead while others had their turn."""
        for _ in range(6):
            self()


def training_step(filters: tuple[int, ...]) -> Callable[[], int]:
    """A step that trains on one ready batch."""
    model = JanssonUNet(filters=filters)
    model.compile("adam", "mean_absolute_error")
    batch = tf.random.uniform((BATCH, FRONT_END.bins, FRONT_END.frames, 1))
    step = tf.function(lambda: model.train_step((batch, batch)))

    def run() -> int:
        step()["loss"].numpy()
        return BATCH

    return run


def rates(steps: dict[str, Callable[[], int]], seconds: float) -> dict[str, dict[str, float]]:
    """Patches a second of wall time and of processor time; the steps take turns of a second."""
    totals = {name: np.zeros(3) for name in steps}
    for step in steps.values():
        step()
    while any(total[1] < seconds for total in totals.values()):
        for name, step in steps.items():
            if isinstance(step, Drawing):
                step.empty()
            made, wall, processor = 0, time.perf_counter(), time.process_time()
            while time.perf_counter() < wall + min(1.0, seconds):
                made += step()
            elapsed = time.perf_counter() - wall, time.process_time() - processor
            totals[name] += (made, *elapsed)
    return {
        name: {"patches/s": made / wall, "patches/s of processor time": made / processor}
        for name, (made, wall, processor) in totals.items()
    }


def measure_speed(arguments: argparse.Namespace, scratch: Path) -> dict[str, dict[str, float]]:
    """Rates of all ways to make patches, and of training steps."""
    write_songs(scratch / "mp3", arguments.songs, arguments.duration)
    folders, tracks = sorted((scratch / "mp3").iterdir()), stem_folder(scratch / "mp3")
    kinds = {"audio": {}, "gzip": {"compression": "gzip"}}
    kinds["spectrograms"] = {"content": "spectrograms", "dtype": "float16"}
    shards = {}
    for name, options in kinds.items():
        targets = ("vocals",) if name == "spectrograms" else ()
        settings = ShardSettings.of_front_end(
            FRONT_END, targets=targets, validation_share=0.0, **options
        )
        report = write_shards(tracks, scratch / name, settings=settings, workers=1)
        print(report, file=sys.stderr)
        shards[name] = Shards(scratch / name, cache_memory=arguments.cache_memory)

    def patches(songs, remix=None):
        return Drawing(spectrogram_patches(songs, FRONT_END, remix=remix, **PATCHES))

    with ThreadPoolExecutor(CORES) as pool:
        steps = {
            "MP3 stems, decoded for each patch": decoding(folders, pool),
            "songs decoded once, in memory": patches(tracks),
            "songs decoded once, remixed": patches(tracks, Remix()),
            "shards of audio": patches(shards["audio"]),
            "shards of audio, remixed": patches(shards["audio"], Remix()),
            "shards of audio, gzip": patches(shards["gzip"]),
            "shards of spectrograms": patches(shards["spectrograms"]),
            "training step, half-size U-Net": training_step(HALF_SIZE),
            "training step, full U-Net": training_step(FULL_SIZE),
        }
        report = rates(steps, arguments.seconds)
    decoded = report["MP3 stems, decoded for each patch"]["patches/s"]
    step = report["training step, half-size U-Net"]["patches/s"]
    for values in report.values():
        values["times decoding"] = values["patches/s"] / decoded
        values["times the half-size step"] = values["patches/s"] / step
    return report


def noise(seed: int, samples: int) -> np.ndarray:
    """A stem that takes no time to make."""
    return np.random.default_rng(seed).random((samples, 1), "float32") - 0.5


def write_noise(folder: Path, size: int) -> None:
    """Shards of so many bytes."""
    samples = 60 * FRONT_END.sample_rate
    settings = ShardSettings.of_front_end(FRONT_END, validation_share=0.0, shard_megabytes=16.0)
    grid = settings.grid()
    begin, end, *_ = grid.bounds(samples).T
    songs = -(-size // int(2 * len(STEMS) * (end - begin).sum()))
    tracks = [
        Track(
            f"{song}",
            FRONT_END.sample_rate,
            None,
            {stem: partial(noise, 10 * song + row, samples) for row, stem in enumerate(STEMS)},
        )
        for song in range(songs)
    ]
    write_shards(tracks, folder, settings=settings, workers=1)


def read_epochs(folder: Path, cache_memory: str, *, remixed: bool) -> dict[str, float]:
    """Reads two epochs of a folder and watches this process's memory."""

    shards = Shards(folder, cache_memory=cache_memory)
    remix = Remix() if remixed else None
    patches = spectrogram_patches(shards, FRONT_END, remix=remix, **PATCHES)
    steps = len(shards) * PATCHES["patches_per_song"] // BATCH
    before = resident_memory()[0]
    peaks = []
    for number, _ in enumerate(patches.take(2 * steps)):
        if number % steps == 0:
            peaks.append(0)
        peaks[-1] = max(peaks[-1], resident_memory()[0])
    size = sum(path.stat().st_size for path in folder.iterdir())
    return {
        "set": size / 1e6,
        "limit": parse_bytes(cache_memory, "cache_memory") / 1e6,
        "peak, first epoch": (peaks[0] - before) / 1e6,
        "peak, second epoch": (peaks[1] - before) / 1e6,
    }


def measure_memory(arguments: argparse.Namespace, scratch: Path) -> dict[str, dict[str, float]]:
    """Memory of reading ten times the limit, as it is and remixed, each in a fresh process."""
    write_noise(scratch / "noise", 10 * parse_bytes(arguments.cache_memory, "cache_memory"))
    report = {}
    for name, option in (("songs as they are", []), ("remixed", ["--remixed"])):
        command = [sys.executable, __file__, "--read", scratch / "noise", *option]
        command += ["--cache-memory", arguments.cache_memory]
        result = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        report[name] = json.loads(result.stdout)
    return report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=8, help="as MP3 stems")
    parser.add_argument("--duration", type=float, default=60.0, help="of a song, in seconds")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each measurement")
    parser.add_argument("--cache-memory", default="200MB", help="the limit of reading")
    parser.add_argument("--only", choices=("speed", "memory"), help="one of the two tables")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--remixed", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.read:
        read = read_epochs(arguments.read, arguments.cache_memory, remixed=arguments.remixed)
        print(json.dumps(read))
        return
    report = {}
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.only != "memory":
            report["speed"] = measure_speed(arguments, Path(scratch))
        if arguments.only != "speed":
            report["memory, MB"] = measure_memory(arguments, Path(scratch))
    if arguments.json:
        print(json.dumps(report, indent=1))
        return
    for title, rows in report.items():
        columns = list(next(iter(rows.values())))
        cells = [
            [name, *(f"{row[column]:.1f}" for column in columns)] for name, row in rows.items()
        ]
        print_table(title, ["", *columns], cells)


if __name__ == "__main__":
    main()

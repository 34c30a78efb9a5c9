"""Recordings preprocessed a second, and features read a second.

    python benchmarks/preprocessing.py [--recordings FOLDER] [--repetitions 3] [--json]

`training.preprocess_recordings` against a plain librosa loop over the same files, which writes a
NumPy file for each; then `training.spectrogram_features`, which reads TFRecord shards, against a
Python loop over the NumPy files. At the settings of the preset vae_fsdd and at those of the course
"Generating Sound with Neural Networks". All run on two cores and once before they are timed, in
turns. Processor time is what the work costs; wall time also counts what else the machine does.

The recordings are the Free Spoken Digit Dataset of STEMZOO_DATA, or 3,000 synthesised tones.
"""

import argparse
import json
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
CORES = 2
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])

import librosa  # noqa: E402 - libraries count the cores on import
import numpy as np  # noqa: E402
import soundfile  # noqa: E402
from measure import print_table  # noqa: E402

from training import load_recipe, preprocess_recordings, spectrogram_features  # noqa: E402
from training.recipe import Recipe  # noqa: E402

RECIPES = ("vae_fsdd", "vae_fsdd_course")
BATCH = 64


def find_recordings(given: Path | None, scratch: Path) -> Path:
    """The folder given, the Free Spoken Digit Dataset, or tones as long as digits."""
    if given:
        return given
    digits = Path(os.environ.get("STEMZOO_DATA", "nowhere")) / "fsdd" / "recordings"
    if digits.is_dir():
        return digits
    tones = scratch / "tones"
    tones.mkdir()
    rng = np.random.default_rng(0)
    for number in range(3000):
        samples = np.arange(rng.integers(1200, 6000))
        tone = np.sin(samples * rng.uniform(0.1, 2.0)) / 3 + rng.normal(0, 0.01, len(samples))
        soundfile.write(tones / f"{number % 10}_tone_{number // 10}.wav", tone, 8000)
    return tones


def librosa_loop(recordings: Path, output: Path, recipe: Recipe) -> None:
    """Preprocessing as it is often written, one recording after the other."""
    front_end = recipe.front_end
    duration = recipe.features.duration or front_end.clip_samples / front_end.sample_rate
    expected = round(duration * front_end.sample_rate)
    output.mkdir()
    ranges = {}
    for path in sorted(recordings.rglob("*.wav")):
        signal, _ = librosa.load(path, sr=front_end.sample_rate, duration=duration, mono=True)
        if len(signal) < expected:
            signal = np.pad(signal, (0, expected - len(signal)))
        spectrum = librosa.stft(
            signal, n_fft=front_end.frame_length, hop_length=front_end.frame_step
        )
        spectrum = spectrum[: front_end.bins, : front_end.frames]
        decibels = librosa.amplitude_to_db(np.abs(spectrum))
        low, high = decibels.min(), decibels.max()
        np.save(output / f"{path.stem}.npy", (decibels - low) / (high - low))
        ranges[path.name] = float(low), float(high)
    (output / "ranges.json").write_text(json.dumps(ranges))


def numpy_batches(folder: Path) -> Iterator[np.ndarray]:
    """An epoch of random batches from a folder of NumPy files."""
    paths = sorted(folder.glob("*.npy"))
    np.random.default_rng(0).shuffle(paths)
    for start in range(0, len(paths) - BATCH + 1, BATCH):
        yield np.stack([np.load(path) for path in paths[start : start + BATCH]])[..., None]


def timed(runs: dict[str, Callable[[], None]], repetitions: int) -> dict[str, tuple[float, float]]:
    """Median seconds of wall time and of processor time of each run."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for repetition in range(repetitions + 1):
        for name, run in runs.items():
            wall, processor = time.perf_counter(), time.process_time()
            run()
            if repetition:
                taken = time.perf_counter() - wall, time.process_time() - processor
                times[name].append(taken)
    return {name: tuple(map(statistics.median, zip(*t, strict=True))) for name, t in times.items()}


def measure(name: str, recordings: Path, scratch: Path, repetitions: int) -> dict[str, dict]:
    """Figures of one recipe: a row for each way of preprocessing, and of reading."""
    shards, arrays = scratch / f"{name}-shards", scratch / f"{name}-arrays"

    def afresh(folder: Path, make: Callable[[], object]) -> Callable[[], None]:
        def run():
            shutil.rmtree(folder, ignore_errors=True)
            make()

        return run

    recipe = load_recipe(name)
    preprocessing = {
        "librosa loop": afresh(arrays, lambda: librosa_loop(recordings, arrays, recipe)),
        "stemzoo": afresh(shards, lambda: preprocess_recordings(recordings, shards, recipe=name)),
    }
    made = timed(preprocessing, repetitions)
    count = len(list(arrays.glob("*.npy")))
    batches = iter(spectrogram_features(shards, batch_size=BATCH, first_epoch=0))
    epoch = count // BATCH
    reading = {
        "NumPy files": lambda: [None for _ in numpy_batches(arrays)],
        "TFRecord shards": lambda: [next(batches) for _ in range(epoch)],
    }
    read = timed(reading, repetitions)
    rows = {}
    for times, examples in ((made, count), (read, epoch * BATCH)):
        first = next(iter(times.values()))
        for run, (wall, processor) in times.items():
            rows[run] = {
                "recordings/s": examples / wall,
                "ratio": first[0] / wall,
                "recordings/s of processor time": examples / processor,
            }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recordings", type=Path, help="folder of WAV files")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    report = {}
    with tempfile.TemporaryDirectory() as scratch:
        recordings = find_recordings(arguments.recordings, Path(scratch))
        for name in RECIPES:
            report[name] = measure(name, recordings, Path(scratch), arguments.repetitions)
    if arguments.json:
        print(json.dumps(report, indent=1))
        return
    for name, rows in report.items():
        front_end = load_recipe(name).front_end
        title = f"{name}: {front_end.sample_rate} Hz, {front_end.bins} x {front_end.frames}"
        columns = ("recordings/s", "ratio", "recordings/s of processor time")
        cells = []
        for run, figures in rows.items():
            wall, ratio, processor = (figures[column] for column in columns)
            cells.append((run, f"{wall:,.0f}", f"{ratio:.1f}x", f"{processor:,.0f}"))
        print_table(title, ("", *columns), cells)


if __name__ == "__main__":
    main()

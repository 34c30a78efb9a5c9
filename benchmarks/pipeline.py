"""Patches and segments a second of the input pipelines, and how long a training step waits.

    python benchmarks/pipeline.py [--songs 6] [--seconds 5] [--json]

Stems of synthetic songs are written as WAV at 44.1 kHz stereo. Over these files a plain librosa
loop, which decodes what it needs for each patch, is compared with `training.spectrogram_patches`,
which decodes once. Then the half-size U-Net is trained on the pipeline and on one batch that is
already there: the difference, and the time spent in `next(iterator)`, is what the data costs.
`training.waveform_segments` cuts stereo segments of the Wave-U-Net M4's length at 22,050 Hz, as
they are, remixed, and through each of the transforms alone, applied to all stems.
Processor time is what the work costs; wall time also counts what else the machine does.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras  # noqa: E402 - the log level is read on import
import librosa  # noqa: E402
import numpy as np  # noqa: E402
import soundfile  # noqa: E402
import tensorflow as tf  # noqa: E402

from training import (  # noqa: E402
    Remix,
    SourceGains,
    spectrogram_patches,
    stem_folder,
    synthetic_songs,
    waveform_segments,
)
from training.transforms import table as transforms  # noqa: E402
from zoo import FrontEnd, JanssonUNet, WaveUNet  # noqa: E402

BATCH = 16
FILTERS = (8, 16, 32, 64, 128, 256)
SEGMENTS = {
    "songs as they are": None,
    "source gains": SourceGains(),
    "remixed": Remix(),
    "remixed, without equalisers": Remix(equalizer_db=0.0),
}
# On every stem of every segment.
TRANSFORMS = {
    name: transform(cutoff_hz=(1000.0, 8000.0)) if name == "low_pass" else transform()
    for name, transform in transforms.TRANSFORMS.items()
}


def write_songs(folder: Path, count: int, duration: float = 20.0) -> None:
    for track in synthetic_songs(0, count, duration=duration):
        (folder / track.name).mkdir()
        for stem in track.stems:
            path = folder / track.name / f"{stem}.wav"
            soundfile.write(path, track.load_stem(stem), track.sample_rate)


def rate(step: Callable[[], int], seconds: float) -> tuple[float, float]:
    """Patches or segments a second of processor time and of wall time."""
    step()
    processor, wall, made = time.process_time(), time.perf_counter(), 0
    while time.perf_counter() < wall + seconds:
        made += step()
    return made / (time.process_time() - processor), made / (time.perf_counter() - wall)


def librosa_patch(folders: list[Path], front_end: FrontEnd, rng: np.random.Generator) -> int:
    """One patch as it is often made: mixture and vocals at a random place of a random song."""
    folder = folders[rng.integers(len(folders))]
    length = front_end.patch_samples() / front_end.sample_rate
    offset = rng.uniform(0, 20.0 - length)
    stems = {
        path.stem: librosa.load(path, sr=front_end.sample_rate, offset=offset, duration=length)[0]
        for path in folder.glob("*.wav")
    }
    for signal in (sum(stems.values()), stems["vocals"]):
        np.abs(librosa.stft(signal, n_fft=1024, hop_length=768, center=False))
    return 1


def batches(dataset: tf.data.Dataset) -> Callable[[], int]:
    iterator = iter(dataset)
    return lambda: len(next(iterator)[0])


def training_row(dataset: tf.data.Dataset, seconds: float) -> dict[str, float]:
    """Trains the half-size U-Net and clocks the steps and the waits between them."""
    model = JanssonUNet(filters=FILTERS)
    model.compile("adam", "mean_absolute_error")
    step = tf.function(lambda x, y: model.train_step((x, y)))
    iterator = iter(dataset)

    def draw():
        mixture, targets = next(iterator)
        return mixture, targets["vocals"]

    step(*draw())
    start, waited, steps = time.perf_counter(), 0.0, 0
    while time.perf_counter() < start + seconds:
        before = time.perf_counter()
        batch = draw()
        waited += time.perf_counter() - before
        step(*batch)["loss"].numpy()
        steps += 1
    elapsed = time.perf_counter() - start
    return {"patches/s": steps * BATCH / elapsed, "share of time waiting": waited / elapsed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=6, help="of 20 seconds and seven stems")
    parser.add_argument("--seconds", type=float, default=5.0, help="for each measurement")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    keras.utils.set_random_seed(0)
    front_end = FrontEnd()
    report: dict[str, dict[str, float]] = {}

    def measure(name: str, step: Callable[[], int], unit: str = "patches") -> None:
        processor, wall = rate(step, arguments.seconds)
        report[name] = {f"{unit}/s of processor time": processor, f"{unit}/s": wall}

    with tempfile.TemporaryDirectory() as folder:
        write_songs(Path(folder), arguments.songs)
        tracks = stem_folder(folder)
        folders, rng = sorted(Path(folder).iterdir()), np.random.default_rng(0)
        measure("librosa loop", lambda: librosa_patch(folders, front_end, rng))

        options = {"batch_size": BATCH, "first_epoch": 0, "threads": 1}
        start = time.perf_counter()
        plain = spectrogram_patches(tracks, front_end, patches_per_song=64, **options)
        filling = {"songs/s": arguments.songs / (time.perf_counter() - start)}
        report["pipeline: decoding, once"] = filling
        remixed = spectrogram_patches(
            tracks, front_end, patches_per_song=64, remix=Remix(), **options
        )
        measure("pipeline: songs as they are", batches(plain))
        measure("pipeline: remixed", batches(remixed))
        # Lengths do not depend on the filters. The songs are decoded for the first one only.
        network = WaveUNet("M4", initial_filters=1)
        for name, remix in SEGMENTS.items():
            segments = waveform_segments(
                tracks, network, segments_per_song=64, remix=remix, cache_dir=folder, **options
            )
            measure(f"segments: {name}", batches(segments), "segments")
        for name, transform in TRANSFORMS.items():
            segments = waveform_segments(
                tracks,
                network,
                segments_per_song=64,
                augment=(transform,),
                cache_dir=folder,
                **options,
            )
            measure(f"segments: {name}", batches(segments), "segments")
    ready = plain.take(1).cache().repeat()
    for name, dataset in (("one ready batch", ready), ("remixed patches", remixed)):
        report[f"half-size U-Net on {name}"] = training_row(dataset, 3 * arguments.seconds)

    if arguments.json:
        print(json.dumps(report, indent=1))
        return
    for name, values in report.items():
        cells = (
            f"{value:.1%} waiting" if "share" in key else f"{value:.1f} {key}"
            for key, value in values.items()
        )
        print(f"{name:40s}", ", ".join(cells))


if __name__ == "__main__":
    main()

"""The multichannel Wiener filter: what it costs, and what it changes in SDR.

    python benchmarks/wiener.py [--minutes 3] [--repetitions 3]
    python benchmarks/wiener.py --scores synthetic:1000000:12 my_songs

The first form times the filter alone on 44.1 kHz stereo, and file to file after the shipped preset.
Memory is what a fresh process needs beyond the libraries for a song of that length. The second form
scores songs with known stems: those of the shipped presets, and those that masks of the channels'
mean give which are made of the true stems, each bin's magnitudes with random errors of 6 dB.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np  # noqa: E402 - TensorFlow reads the above once
from measure import (  # noqa: E402
    MatrixProduct,
    default_separator,
    interleaved,
    print_table,
    resident_memory,
)
from separation import RATE, write_song  # noqa: E402

from training.evaluation import ideal_masks, signal_to_distortion, true_stems  # noqa: E402
from training.loaders.named import named_tracks  # noqa: E402
from training.tracks import Track  # noqa: E402
from zoo import STFT, InverseSTFT, Separator, WienerFilter, separate_file  # noqa: E402
from zoo.inference import separate_array  # noqa: E402
from zoo.wiener_blocks import wiener_filtered  # noqa: E402

PRESETS = ("jansson_unet_vocals", "wave_unet_small")
FOUR, TWO = ("drums", "bass", "vocals", "other"), ("vocals", "accompaniment")
ITERATIONS = (1, 2, 4)
BLOCK_SECONDS = 30
ERROR = 6.0


def pieces(count: int, minutes: float):
    """A song of so many stems, as separators give it: half a minute at a time."""
    random = np.random.default_rng(0)
    mixture = random.normal(0, 0.1, (BLOCK_SECONDS * RATE, 2)).astype("float32")
    stems = {f"{i}": np.float32(random.uniform()) * mixture for i in range(count)}
    for _ in range(round(minutes * 60 / BLOCK_SECONDS)):
        yield mixture, stems, {}


def run(wiener: WienerFilter, count: int, minutes: float) -> None:
    for _ in wiener_filtered(wiener, pieces(count, minutes)):
        pass


def memory(count: int, minutes: float) -> float:
    command = [sys.executable, __file__, "--memory-of", str(count), "--minutes", str(minutes)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return json.loads(output.splitlines()[-1]) / 1e6


def costs(minutes: float, repetitions: int) -> None:
    rows = []
    for count, iterations in ((2, 1), (2, 2), (4, 1), (5, 1)):
        wiener, product = WienerFilter(iterations), MatrixProduct()
        runs = {"filter": lambda: run(wiener, count, minutes), "product": product}  # noqa: B023
        times = interleaved(runs, repetitions, warm_ups=1)
        seconds, matrix = (min(times[name]) for name in runs)
        rows.append(
            (
                f"{count} stems, iterations: {iterations}",
                f"{60 * minutes / seconds:.0f}x",
                f"{memory(count, minutes):.0f} MB",
                f"{product.multiply_adds / matrix / 1e9:.0f} G/s",
            )
        )
    columns = ("filter alone", "x real time", "memory", "matrix product")
    print_table(f"{minutes:g} minutes of 44.1 kHz stereo", columns, rows)
    separator = default_separator(None)
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder, "song.wav")
        write_song(song, minutes)
        settings = {"without": None, "with": WienerFilter()}
        runs = {
            name: lambda wiener=wiener: separate_file(
                song, Path(folder, "stems"), separator=separator, wiener=wiener
            )
            for name, wiener in settings.items()
        }
        times = {name: min(t) for name, t in interleaved(runs, repetitions, warm_ups=1).items()}
    rows = [
        (name, f"{60 * minutes / seconds:.0f}x", f"{seconds / times['without']:.2f}")
        for name, seconds in times.items()
    ]
    columns = ("filter", "x real time", "time, without it 1")
    print_table("Shipped preset, file to file", columns, rows)


def masked_stems(track: Track, names: Sequence[str]) -> dict[str, np.ndarray]:
    """Stems by ratio masks of the channels' mean, wrong by a random gain in each bin."""
    truths = true_stems(track, names)
    stft, inverse = STFT(4096, 1024), InverseSTFT(4096, 1024)
    magnitudes = [np.hypot(*map(np.asarray, stft(x.mean(axis=1)[None]))) for x in truths]
    random = np.random.default_rng(0)
    wrong = [x * 10 ** (random.normal(0, ERROR, x.shape) / 20) for x in magnitudes]
    mixture = track.load_mixture()
    spectrum = [np.asarray(part) for part in stft(np.ascontiguousarray(mixture.T))]
    stems = {}
    for name, mask in zip(names, ideal_masks(wrong)["IRM1"], strict=True):
        masked = inverse([mask.astype("float32") * part for part in spectrum])
        stems[name] = np.asarray(masked)[:, : len(mixture)].T
    return stems


def filtered(wiener: WienerFilter, mixture: np.ndarray, stems: dict) -> dict[str, np.ndarray]:
    done = [refined for _, refined, _ in wiener_filtered(wiener, [(mixture, stems, {})])]
    return {stem: np.concatenate([part[stem] for part in done]) for stem in stems}


def scores(data: str) -> None:
    tracks = named_tracks(data)
    filters = {0: None} | {n: WienerFilter(n) for n in ITERATIONS}
    found: dict[tuple[str, str], list] = {}

    def keep(system: str, track: Track, systems: dict[int, dict[str, np.ndarray]]) -> None:
        names = tuple(systems[0])
        for stem, truth in zip(names, true_stems(track, names), strict=True):
            ratios = [
                signal_to_distortion(truth[: len(x)], x[: len(truth)])
                for x in (stems[stem] for stems in systems.values())
            ]
            found.setdefault((system, stem), []).append(ratios)

    for preset in PRESETS:
        separator = Separator.from_preset(preset)
        for track in tracks:
            song = track.load_mixture(), track.sample_rate
            stems = {n: separate_array(separator, *song, wiener=w) for n, w in filters.items()}
            keep(preset, track, stems)
    for track in tracks:
        names = FOUR if "drums" in track.stems else TWO
        stems, mixture = masked_stems(track, names), track.load_mixture()
        all_stems = {n: filtered(w, mixture, stems) if w else stems for n, w in filters.items()}
        keep(f"masks with errors, {len(names)} stems", track, all_stems)
    rows = []
    for (system, stem), values in found.items():
        means = np.nanmean(values, axis=0)
        rows.append((system, stem, f"{means[0]:.2f}", *(f"{x - means[0]:+.2f}" for x in means[1:])))
    columns = ("stems of", "", "SDR", *(f"iterations: {n}" for n in ITERATIONS))
    print_table(f"{data}: SDR in dB (whole signal), mean over {len(tracks)} songs", columns, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=3)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--scores", nargs="+", help="songs, as for stemzoo evaluate --data")
    parser.add_argument("--memory-of", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        wiener = WienerFilter()
        # Compiles, and takes what libraries need.
        for mixture, stems, _ in pieces(arguments.memory_of, 0.5):
            filtered(wiener, mixture[:1], {stem: x[:1] for stem, x in stems.items()})
        before, _ = resident_memory()
        run(wiener, arguments.memory_of, arguments.minutes)
        print(json.dumps(resident_memory()[1] - before))
        return
    if not arguments.scores:
        costs(arguments.minutes, arguments.repetitions)
    for data in arguments.scores or ():
        scores(data)


if __name__ == "__main__":
    main()

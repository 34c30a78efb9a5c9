"""`stemzoo check-pair`: seconds, memory, and how near the mask it finds comes to ideal masks.

    python benchmarks/pair_check.py [--seeds 8] [--seconds 4.7 30 210] [--cold]

First pairs of 100 windows out of synthetic songs in one process that is warm, with the SDR of
mixture, ideal masks and what was extracted; and the prominence of vocals of the other songs, which
have to be refused. Then one pair of each length in a process of its own: time over the audio's, and
what the process grew by. With --cold the command itself, from its start, on a pair of 100 windows.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import permutations
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
from measure import print_table, resident_memory

from training.synthetic import synthetic_songs

RATE = 44100
# What the study needed for 4.7 s and for 3:30, in seconds.
STUDY = {4.7: 210, 210: 1050}


def write_pair(folder: Path, seed: int, seconds: float) -> tuple[Path, Path]:
    """Mixture and vocals of a synthetic song."""
    (song,) = synthetic_songs(seed, duration=max(seconds, 2.0), sample_rate=RATE)
    paths = folder / f"{seed}-{seconds}-mixture.wav", folder / f"{seed}-{seconds}-vocals.wav"
    for path, samples in zip(paths, (song.load_mixture(), song.load_stem("vocals")), strict=True):
        soundfile.write(path, samples, RATE)
    return paths


def clips(folder: Path, seeds: int) -> None:
    """The table of short pairs, and of pairs that do not belong together."""
    from training.alignment import align
    from training.evaluation.ceilings import CEILINGS
    from training.pair_check.check import PROMINENCE, check_pair
    from training.pair_check.preparation import SAMPLE_RATE, read_pair
    from training.pair_check.report import EXTRACTED, MIXTURE

    pairs = [write_pair(folder, seed, 8.0) for seed in range(seeds)]
    rows, reports = [], []
    for seed, pair in enumerate(pairs):
        start = time.perf_counter(), time.process_time()
        report = check_pair(*pair, windows=100, start=1.0)
        wall, cpu = time.perf_counter() - start[0], time.process_time() - start[1]
        reports.append(report)
        scores = [f"{value:.1f}" for value in report.sdr.values()]
        row = [f"synthetic-{seed}-0", *scores, f"{report.improvement:+.1f}", f"{wall:.1f}"]
        rows.append([*row, f"{cpu:.1f}", f"{report.prominence:.0f}"])
    names = ("mixture", "IRM1", "IRM2", "IBM", "extracted", "improvement", "s", "processor s")
    print_table("pairs of 100 windows", ("pair", *names, "prominence"), rows)
    for name in (*CEILINGS, EXTRACTED):
        gains = [report.sdr[name] - report.sdr[MIXTURE] for report in reports]
        print(f"{name} over the mixture: mean {np.mean(gains):.1f} dB, least {min(gains):.1f} dB")
    strange = []
    for (mixture, _), (_, stem) in permutations(pairs, 2):
        pair = read_pair(mixture, stem, windows=100, start=1.0)
        strange.append(align(pair.mixture, pair.stem, sample_rate=SAMPLE_RATE).prominence)
    least = min(report.prominence for report in reports)
    print(
        f"prominence: own stems {least:.0f} at least, {len(strange)} stems of other songs "
        f"{max(strange, default=0):.1f} at most; {PROMINENCE:.0f} is enough to belong\n"
    )


def measure(paths: tuple[Path, Path]) -> tuple[float, float, int, float]:
    """Seconds, processor seconds, bytes that the process grew by, and improvement in dB."""
    from training.pair_check.check import check_pair

    with tempfile.TemporaryDirectory() as folder:
        short = write_pair(Path(folder), 0, 3.0)
        check_pair(*short, windows=22, steps=1)
        before = resident_memory()[0]
        start = time.perf_counter(), time.process_time()
        report = check_pair(*paths, Path(folder) / "out")
        seconds = time.perf_counter() - start[0], time.process_time() - start[1]
    return *seconds, resident_memory()[1] - before, report.improvement


def lengths(folder: Path, seconds: list[float]) -> None:
    """The table of lengths, each in a process of its own."""
    rows = []
    for length in seconds:
        paths = write_pair(folder, 0, length)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            wall, cpu, grown, improvement = pool.submit(measure, paths).result()
        study = f"{STUDY[length] / wall:.0f}x" if length in STUDY else "-"
        row = [f"{length:g} s", f"{wall:.1f}", f"{cpu:.1f}", f"{wall / length:.2f}"]
        rows.append([*row, f"{grown / 2**20:.0f}", f"{improvement:+.1f}", study])
    names = ("s", "processor s", "s a second", "MB more", "improvement", "faster than the study")
    print_table("pairs of any length", ("audio", *names), rows)


def cold(folder: Path) -> None:
    """The command on a pair of 100 windows, with all that has to be imported."""
    paths = write_pair(folder, 0, 5.0)
    start = time.perf_counter()
    command = [sys.executable, "-m", "zoo.cli", "check-pair", *paths, "-o", folder / "out"]
    subprocess.run([*command, "--windows", "100"], check=True, stdout=subprocess.DEVNULL)
    print(f"\nthe command, from its start, on 4.6 s: {time.perf_counter() - start:.1f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--seconds", type=float, nargs="*", default=[4.7, 30.0, 210.0])
    parser.add_argument("--cold", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if arguments.seeds:
            clips(Path(folder), arguments.seeds)
        lengths(Path(folder), arguments.seconds)
        if arguments.cold:
            cold(Path(folder))


if __name__ == "__main__":
    main()

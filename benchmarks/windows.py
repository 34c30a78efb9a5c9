"""How much audio a Wave-U-Net takes at a time: speed and memory, and that the output is the same.

    python benchmarks/windows.py [--variant M4] [--seconds 60]

With context, all windows give the same samples, and the context around a window is computed once
for each: the longer, the faster, until memory speaks against it. The original program's windows
return 16,389 samples. Each row is a process of its own; memory is its peak less what it held with
libraries and model loaded.
"""

import argparse
import json
import os
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np  # noqa: E402 - TensorFlow reads the above once
from measure import default_separator, print_table, resident_memory  # noqa: E402

CHUNKS = tuple(2**power for power in range(14, 22))


def measure_chunk(variant: str, seconds: float, samples: int) -> None:
    """What the process of a row does."""
    from zoo.inference import separate_array

    separator = default_separator(variant)
    rate, channels = separator.sample_rate, separator.channels
    size = (round(seconds * rate), channels)
    waveform = np.random.default_rng(0).uniform(-0.3, 0.3, size).astype("float32")
    before, _ = resident_memory()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        stems = separate_array(separator, waveform, rate, chunk_seconds=samples / rate)
        times.append(time.perf_counter() - start)
    memory = resident_memory()[1] - before
    probe = stems["vocals"][:: rate // 50].tolist()
    print(json.dumps({"seconds": min(times[1:]), "memory": memory, "probe": probe}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--variant", default="M4")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--chunk", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    variant, seconds = arguments.variant, arguments.seconds
    if arguments.chunk:
        measure_chunk(variant, seconds, arguments.chunk)
        return
    default = default_separator(variant).chunk_samples
    rows, first = [], None
    for samples in sorted({*CHUNKS, default}):
        command = [sys.executable, __file__, "--variant", variant, "--seconds", str(seconds)]
        result = subprocess.run(
            [*command, "--chunk", str(samples)], check=True, capture_output=True, text=True
        )
        measured = json.loads(result.stdout.splitlines()[-1])
        probe = np.array(measured["probe"])
        first = probe if first is None else first
        name = f"{samples:,}" + (" (default)" if samples == default else "")
        speed, memory = seconds / measured["seconds"], measured["memory"] / 1e6
        error = np.abs(probe - first).max() / np.abs(first).max()
        row = (f"{speed:.1f}x", f"{memory:,.0f} MB", f"{error:.0e}")
        rows.append((name, *row))
    columns = (
        "samples at a time",
        "x real time",
        "memory",
        "difference to the first, of the peak",
    )
    print_table(f"{variant}, {seconds:g} s at the network's rate and channels", columns, rows)


if __name__ == "__main__":
    main()

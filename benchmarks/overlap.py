"""What overlap is worth and costs: a quarter of a patch, a sixteenth of a window are the defaults.

python benchmarks/overlap.py [--songs 8]
"""

import argparse
import os
import time
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np  # noqa: E402 - TensorFlow reads the above once
from measure import print_table  # noqa: E402

from training.evaluation import evaluate  # noqa: E402
from training.synthetic import synthetic_songs  # noqa: E402
from zoo import Separator, load_preset  # noqa: E402
from zoo.inference import DEFAULT_PRESET  # noqa: E402

WAVEFORM_PRESET = "wave_unet_small"


def measure(preset: str, overlaps: Sequence[int], songs: int, **window) -> None:
    network = load_preset(preset)
    rate = network.sample_rate
    tracks = synthetic_songs(1_000_000, songs, sample_rate=rate, channels=1)
    rows = []
    for overlap in overlaps:
        separator = Separator(network, overlap=overlap, **window)
        start = time.perf_counter()
        scores = evaluate(separator, tracks).rows
        seconds = time.perf_counter() - start
        gains = [row["improvement"] for row in scores if row["stem"] == "vocals"]
        rows.append((overlap, f"{np.mean(gains):.2f} dB", f"{seconds:.1f} s"))
    unit = f"samples, windows of {window['window']}" if window else "frames"
    columns = (f"overlap, {unit}", "mean SDR improvement of vocals", "time")
    print_table(f"{preset}, {songs} synthetic songs", columns, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=8, help="held-back synthetic songs")
    songs = parser.parse_args().songs
    measure(DEFAULT_PRESET, (0, 16, 32, 64), songs)
    trained = load_preset(WAVEFORM_PRESET).segment_samples
    for window in (trained, 4 * trained):
        overlaps = (0, trained // 16, trained // 4, trained // 2)
        measure(WAVEFORM_PRESET, overlaps, songs, window=window)


if __name__ == "__main__":
    main()

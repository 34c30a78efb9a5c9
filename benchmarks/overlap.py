"""What overlapping patches are worth, and what they cost: why a quarter of a patch is the default.

python benchmarks/overlap.py [--songs 8]
"""

import argparse
import os
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np  # noqa: E402 - TensorFlow reads the above once
from measure import print_table  # noqa: E402

from training.evaluation import evaluate  # noqa: E402
from training.synthetic import synthetic_songs  # noqa: E402
from zoo import Separator, load_preset  # noqa: E402
from zoo.inference import DEFAULT_PRESET  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=8, help="held-back synthetic songs")
    arguments = parser.parse_args()
    network = load_preset(DEFAULT_PRESET)
    rate = network.front_end.sample_rate
    songs = synthetic_songs(1_000_000, arguments.songs, sample_rate=rate, channels=1)
    rows = []
    for divisor in (None, 8, 4, 2):
        overlap = 0 if divisor is None else network.front_end.frames // divisor
        separator = Separator(network, overlap=overlap)
        start = time.perf_counter()
        scores = evaluate(separator, songs).rows
        seconds = time.perf_counter() - start
        gains = [row["improvement"] for row in scores if row["stem"] == "vocals"]
        rows.append((overlap, f"{np.mean(gains):.2f} dB", f"{seconds:.1f} s"))
    title = f"{DEFAULT_PRESET}, {arguments.songs} synthetic songs"
    print_table(title, ("overlap, frames", "mean SDR improvement of vocals", "time"), rows)


if __name__ == "__main__":
    main()

"""What overlap is worth and costs: a quarter of a patch, a sixteenth of a window are the defaults.

python benchmarks/overlap.py [--songs 8]
python benchmarks/overlap.py --data FOLDER    # of spectra, on songs of yours
python benchmarks/overlap.py --data FOLDER --front-end 44100:4096:2048:1536    # another front end
"""

import argparse
import os
import time
from collections.abc import Sequence

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np  # noqa: E402 - TensorFlow reads the above once
from measure import print_table  # noqa: E402

from training.evaluation import evaluate  # noqa: E402
from training.loaders.named import named_tracks  # noqa: E402
from training.synthetic import synthetic_songs  # noqa: E402
from zoo import FrontEnd, Separator, load_preset  # noqa: E402
from zoo.inference import DEFAULT_PRESET  # noqa: E402

WAVEFORM_PRESET = "wave_unet_small"
# Of a front end, in the order in which the command line takes them.
SIZES = ("sample_rate", "frame_length", "frame_step", "bins")


def score(separator: Separator, tracks) -> tuple[str, str]:
    """The mean SDR improvement of vocals, and the time."""
    start = time.perf_counter()
    scores = evaluate(separator, tracks).rows
    seconds = time.perf_counter() - start
    gains = [row["improvement"] for row in scores if row["stem"] == "vocals"]
    return f"{np.mean(gains):.2f} dB", f"{seconds:.1f} s"


def measure_front_ends(preset: str, data: str, others: Sequence[str]) -> None:
    """The same weights with other steps between spectra, or other front ends altogether."""
    network = load_preset(preset)
    own, tracks = network.front_end.get_config(), named_tracks(data)
    length = own["frame_length"]
    steps = (length * 3 // 4, length // 2, length * 3 // 8, length // 4)
    sizes = [tuple(map(int, other.split(":"))) for other in others] or [
        (own["sample_rate"], length, step, own["bins"]) for step in steps
    ]
    rows = []
    for size in sizes:
        front_end = FrontEnd(**own | dict(zip(SIZES, size, strict=True)))
        other = type(network)(**network.get_config() | {"front_end": front_end})
        other.set_weights(network.get_weights())
        mark = " (as trained)" if front_end == network.front_end else ""
        rows.append((*size[:2], f"{size[2]}{mark}", size[3], *score(Separator(other), tracks)))
    columns = ("rate, Hz", "frame", "step", "bins", "mean SDR improvement of vocals", "time")
    print_table(f"weights of {preset}, {data}", columns, rows)


def measure(preset: str, overlaps: Sequence[int], songs: int, **window) -> None:
    network = load_preset(preset)
    rate = network.sample_rate
    tracks = synthetic_songs(1_000_000, songs, sample_rate=rate, channels=1)
    rows = []
    for overlap in overlaps:
        separator = Separator(network, overlap=overlap, **window)
        rows.append((overlap, *score(separator, tracks)))
    unit = f"samples, windows of {window['window']}" if window else "frames"
    columns = (f"overlap, {unit}", "mean SDR improvement of vocals", "time")
    print_table(f"{preset}, {songs} synthetic songs", columns, rows)


def measure_overlaps(songs: int) -> None:
    measure(DEFAULT_PRESET, (0, 16, 32, 64), songs)
    trained = load_preset(WAVEFORM_PRESET).segment_samples
    for window in (trained, 4 * trained):
        overlaps = (0, trained // 16, trained // 4, trained // 2)
        measure(WAVEFORM_PRESET, overlaps, songs, window=window)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=8, help="held-back synthetic songs")
    parser.add_argument("--data", help="songs to try other front ends on, and no more")
    parser.add_argument(
        "--front-end",
        action="append",
        default=[],
        metavar="RATE:LENGTH:STEP:BINS",
        help="with --data; repeatable; other steps by default",
    )
    arguments = parser.parse_args()
    if arguments.data:
        measure_front_ends(DEFAULT_PRESET, arguments.data, arguments.front_end)
    else:
        measure_overlaps(arguments.songs)


if __name__ == "__main__":
    main()

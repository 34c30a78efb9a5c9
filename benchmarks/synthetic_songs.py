"""How fast synthetic songs are rendered, on one thread.

    python benchmarks/synthetic_songs.py [--songs 4] [--material FOLDER]

Processor time is what the work costs; wall time also counts what else the machine does.
"""

import argparse
import os
import time

for library in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[library] = "1"

from training.synthetic import synthetic_songs  # noqa: E402 - NumPy reads the above once

FORMATS = [(8192, 1), (16000, 1), (22050, 2), (44100, 1), (44100, 2), (48000, 2)]


def measure(sample_rate: int, channels: int, songs: int, material: str | None) -> tuple[float, ...]:
    """Returns seconds of audio, of processor time and of wall time."""
    tracks = synthetic_songs(
        1, songs, sample_rate=sample_rate, channels=channels, material=material
    )
    tracks[0].load_mixture()
    processor, wall = time.process_time(), time.perf_counter()
    samples = sum(len(track.load_mixture()) for track in tracks)
    return (
        samples / sample_rate,
        time.process_time() - processor,
        time.perf_counter() - wall,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--songs", type=int, default=4, help="30-second songs for each format")
    parser.add_argument("--material", help="folder of speech and sound fonts; none without it")
    arguments = parser.parse_args()
    print("  rate  channels  audio (s)  processor (s)  wall (s)  x real time (processor)  (wall)")
    for sample_rate, channels in FORMATS:
        audio, processor, wall = measure(sample_rate, channels, arguments.songs, arguments.material)
        print(
            f"{sample_rate:6d}  {channels:8d}  {audio:9.1f}  {processor:13.2f}  {wall:8.2f}"
            f"  {audio / processor:23.1f}  {audio / wall:6.1f}"
        )


if __name__ == "__main__":
    main()

"""Whole songs, file to file: speed, memory, stages, and how fast the command line starts.

    python benchmarks/separation.py [--preset NAME] [--minutes 3 30] [--repetitions 3]
    python benchmarks/separation.py --variants [--repetitions 3]

The second form is the table of all networks, on a song of one minute: the presets, and the paper's
Wave-U-Nets with random weights.

The files are 44.1 kHz stereo, 16-bit WAV, and stay in a temporary folder. Speed is that of a warm
process: a first separation of the same file is not counted. Memory is that of a fresh process for
each file: the peak during its first separation less what it held with libraries and model loaded.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import MatrixProduct, default_separator, interleaved, print_table, resident_memory

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
RATE = 44100
BLOCK = 1 << 18


def write_song(path: Path, minutes: float) -> None:
    """Writes a synthetic song of half a minute, over and over."""
    import soundfile

    from training.synthetic import synthetic_songs

    (track,) = synthetic_songs(0, 1, sample_rate=RATE, channels=2)
    song, left = track.load_mixture(), round(minutes * 60 * RATE)
    with soundfile.SoundFile(path, "w", RATE, 2, "PCM_16") as file:
        while left > 0:
            file.write(song[:left])
            left -= len(song)


def memory_growth(song: Path, preset: str | None) -> float:
    """Bytes of one separation in a fresh process."""
    command = [sys.executable, __file__, "--memory-of", str(song)]
    output = subprocess.run(
        command + (["--preset", preset] if preset else []),
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return json.loads(output.splitlines()[-1])


def report_memory(song: Path, preset: str | None) -> None:
    """What the fresh process does."""
    import zoo.audio  # noqa: F401 - a library to be loaded beforehand, like TensorFlow
    from zoo import separate_file

    separator = default_separator(preset)
    before, _ = resident_memory()
    with tempfile.TemporaryDirectory() as folder:
        separate_file(song, folder, separator=separator)
    print(json.dumps(resident_memory()[1] - before))


def stages(song: Path, separator, folder: Path) -> dict[str, float]:
    """Seconds of each stage by itself; in `separate_file` they overlap."""
    from zoo.audio import AudioReader, AudioWriter, resampled
    from zoo.inference import separate_array

    rate = separator.sample_rate
    with AudioReader.open(song) as reader:
        blocks = list(reader.blocks(BLOCK))
    low = np.concatenate(list(resampled(blocks, RATE, rate)))
    low_blocks = np.array_split(low, max(1, len(low) // BLOCK))

    def decode():
        with AudioReader.open(song) as reader:
            for _ in reader.blocks(BLOCK):
                pass

    def encode():
        for stem in separator.stems:
            with AudioWriter(
                folder / f"{stem}.wav", RATE, 2, format="wav", subtype="PCM_16"
            ) as writer:
                for block in blocks:
                    writer.write(block)
                writer.finish()

    runs = {
        "decode": decode,
        "resample down": lambda: list(resampled(blocks, RATE, rate)),
        "separate": lambda: separate_array(separator, low, rate),
        "resample up": lambda: list(resampled(low_blocks, rate, RATE)),
        "encode": encode,
    }
    return {name: min(times) for name, times in interleaved(runs, 3, warm_ups=1).items()}


def start_of_the_command_line(repetitions: int = 7) -> float:
    """Median seconds of `stemzoo --help` in a process of its own."""
    command = [sys.executable, "-c", "from zoo.cli import main; main()", "--help"]
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def compare_networks(folder: Path, repetitions: int) -> None:
    """Every preset and every Wave-U-Net variant on the same minute of music."""
    from zoo import list_presets, separate_file
    from zoo.wave_unet.variants import VARIANTS

    song = folder / "minute.wav"
    write_song(song, 1)
    rows = []
    for name in (*list_presets(), *VARIANTS):
        separator = default_separator(name)

        def separate(separator=separator):
            separate_file(song, folder / "stems", separator=separator)

        product = MatrixProduct()
        times = interleaved({"song": separate, "product": product}, repetitions, warm_ups=1)
        song_time, product_time = (min(times[run]) for run in ("song", "product"))
        rows.append(
            (
                name,
                f"{separator.sample_rate} Hz",
                f"{60 / song_time:.1f}x",
                f"{song_time / 60 * 1e3:.1f} ms",
                f"{memory_growth(song, name) / 1e6:,.0f} MB",
                f"{product.multiply_adds / product_time / 1e9:.0f} G/s",
            )
        )
    columns = ("network", "rate", "x real time", "a second costs", "memory", "matrix product")
    print_table("File to file, a minute of 44.1 kHz stereo", columns, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", help="name or folder; the shipped one by default")
    parser.add_argument("--minutes", type=float, nargs="+", default=[3, 30])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--variants", action="store_true", help="compare all networks")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.memory_of:
        report_memory(arguments.memory_of, arguments.preset)
        return
    if arguments.variants:
        with tempfile.TemporaryDirectory() as folder:
            compare_networks(Path(folder), arguments.repetitions)
        return
    from zoo import separate_file

    separator = default_separator(arguments.preset)
    with tempfile.TemporaryDirectory() as name:
        folder, rows = Path(name), []
        for minutes in arguments.minutes:
            song = folder / f"{minutes:g}-minutes.wav"
            write_song(song, minutes)

            def separate(song=song):
                separate_file(song, folder / "stems", separator=separator)

            times = interleaved({"song": separate}, arguments.repetitions, warm_ups=1)["song"]
            memory = memory_growth(song, arguments.preset) / 1e6
            speeds = [60 * minutes / f(times) for f in (statistics.median, min)]
            rows.append((f"{minutes:g} min", *(f"{x:.0f}x" for x in speeds), f"{memory:.0f} MB"))
        columns = ("song", "x real time (median)", "(best)", "peak memory beyond the libraries")
        print_table("File to file, 44.1 kHz stereo", columns, rows)
        first = arguments.minutes[0]
        seconds = stages(folder / f"{first:g}-minutes.wav", separator, folder)
    rows = [(name, f"{t:.3f} s", f"{60 * first / t:.0f}x") for name, t in seconds.items()]
    print_table(f"Stages of {first:g} minutes, each alone", ("stage", "time", "x real time"), rows)
    print(f"stemzoo --help: {start_of_the_command_line():.2f} s")


if __name__ == "__main__":
    main()

"""Spleeter's networks against the figures of the original program, in one table.

    python benchmarks/spleeter.py [--seconds 60] [--repetitions 3] [--kinds float32 float16 int8]

The song is 44.1 kHz stereo, 16-bit WAV; the networks are of full size with random weights, which
take the time of trained ones. Everything lies in a temporary folder. Times are the best of all
repetitions, warm but for the command, which is a new process each time; all runs take turns with a
matrix product. Memory is the peak of a process that does nothing else, libraries included; for
two stems also on a song ten times as long.

"its multiply-adds alone" is what the network would take at the rate of the matrix product: a bound
for every way that multiplies each tap (for others see `network.py`).

The original's times (`ORIGINAL`, seconds for a minute of audio, two cores) were taken on another
machine. They are compared as they are and, in brackets, scaled by what the network alone took there
and takes here; Python's start need not scale with it. (The matrix product does not tell the two
apart: it ran at 107 GFLOP/s there, where the network's multiply-adds ran at 270.) What depends
least on the machine is how much of the network's own speed the way from file to file keeps: of the
original, 43 %.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from measure import MatrixProduct, interleaved, print_table  # noqa: E402 - some import TensorFlow
from separation import write_song  # noqa: E402

ORIGINAL = {
    "kept session": 1.29,
    "API call": 3.3,
    "network alone": 0.55,
    "cold command": 11.0,
    "kept session, 5 stems": 3.15,
}
COLUMNS = (
    "what",
    "time",
    "x real time",
    "of the network's speed",
    "peak memory",
    "of a song 10 times as long",
    "size",
    "times the original's speed (scaled)",
)
COMMAND = """
import atexit, sys

def tell():
    sys.path.insert(0, {folder!r})
    from measure import resident_memory
    print(resident_memory()[1])

atexit.register(tell)
from zoo.cli import main
main()
"""


def random_preset(name: str, folder: Path) -> Path:
    """A preset of an architecture with random weights."""
    import keras

    from zoo import create_model

    keras.utils.set_random_seed(0)
    create_model(name).save_to_preset(folder / name)
    return folder / name


def network_run(preset: Path, seconds: float):
    """Function: the network alone over as many patches as the song has, as many at a time as the
    separator takes; and its multiply-adds."""
    import tensorflow as tf

    from zoo import Separator, load_preset
    from zoo.multiply_adds import multiply_adds

    network = load_preset(preset)
    front_end, separator = network.front_end, Separator(network)
    patches = -(-seconds * front_end.sample_rate // separator.step_samples)
    at_a_time = round(separator.chunk_samples / separator.step_samples)
    shape = (at_a_time, *front_end.network_shape)
    function = tf.function(
        lambda x: network(x, training=False), input_signature=[tf.TensorSpec(shape)]
    )
    magnitude = tf.random.uniform(shape, 0, 100)

    calls = -(-int(patches) // at_a_time)

    def run():
        for _ in range(calls):
            function(magnitude)

    return run, calls * multiply_adds(network, shape)


def exported_files(preset: Path, folder: Path, kinds: list[str]) -> dict[str, Path]:
    """Waveform files for any length; a kind below its floor is told and left out."""
    from zoo.exporting import export_files
    from zoo.quantizing import Quantizing

    if not kinds:
        return {}
    quantizing = Quantizing(
        [kind for kind in kinds if kind != "float32"],
        on_refusal=lambda error: print(f"refused: {error}"),
    )
    reports = export_files(str(preset), folder, formats=["tflite"], quantizing=quantizing)
    names = [(report.quantization or {"kind": "float32"})["kind"] for report in reports]
    files = {name: Path(report.path) for name, report in zip(names, reports, strict=True)}
    return {name: file for name, file in files.items() if name in kinds}


def in_a_process(arguments: list[str]) -> int:
    """Runs `stemzoo` in a new process; returns the peak of its memory, in bytes.

    It tells that itself: what the system counts for a child begins at its parent's peak.
    """
    command = [sys.executable, "-c", COMMAND.format(folder=str(Path(__file__).parent)), *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(done.stdout.splitlines()[-1])


def size_of(path: Path) -> str:
    files = path.iterdir() if path.is_dir() else [path]
    return f"{sum(file.stat().st_size for file in files) / 1e6:.1f} MB"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--repetitions", type=int, default=3)
    kinds = ["float32", "float16", "int8"]
    parser.add_argument("--kinds", nargs="*", default=kinds, help="of files; none without any")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        compare(Path(name), arguments.seconds, arguments.repetitions, arguments.kinds)


def compare(folder: Path, seconds: float, repetitions: int, kinds: list[str]) -> None:
    from export import FileSeparator
    from zoo import Separator, separate_file

    song, long_song = folder / "song.wav", folder / "long.wav"
    write_song(song, seconds / 60)
    write_song(long_song, 10 * seconds / 60)
    presets = {n: random_preset(f"spleeter_{n}stems", folder) for n in (2, 5)}
    files = exported_files(presets[2], folder / "files", kinds)
    product = MatrixProduct()
    runs, options, sizes = {"product": product}, {}, {}

    def add(title, separator, path, option):
        runs[title] = lambda: separate_file(song, folder / "stems", separator=separator)
        options[title], sizes[title] = [option, str(path)], size_of(path)

    for stems, preset in presets.items():
        add(f"{stems} stems, file to file", Separator.from_preset(preset), preset, "--preset")
    for kind, file in files.items():
        add(f"2 stems, .tflite, {kind}", FileSeparator(file), file, "--model")
    alone = "2 stems, network alone"
    runs[alone], work = network_run(presets[2], seconds)
    output = ["-o", str(folder / "stems")]
    command = ["separate", str(song), *output]
    memory = {title: in_a_process([*command, *option]) for title, option in options.items()}
    long_command = ["separate", str(long_song), *output]
    long_memory = {
        title: in_a_process([*long_command, *option])
        for title, option in options.items()
        if title.startswith("2 stems, ")
    }
    cold = "2 stems, command, cold"
    runs[cold] = lambda: in_a_process([*command, "--preset", str(presets[2])])
    memory[cold] = memory["2 stems, file to file"]
    times = {title: min(taken) for title, taken in interleaved(runs, repetitions).items()}
    product_time = times.pop("product")
    rate = 2 * product.multiply_adds / product_time
    times["2 stems, its multiply-adds alone"] = work / product.multiply_adds * product_time
    references = {
        "2 stems, file to file": ("kept session", "API call"),
        alone: ("network alone",),
        cold: ("cold command",),
        "5 stems, file to file": ("kept session, 5 stems",),
    }
    rows, scale = [], times[alone] / (seconds / 60 * ORIGINAL["network alone"])
    for title, taken in times.items():
        names = references.get(title, ())
        speeds = {name: seconds / 60 * ORIGINAL[name] / taken for name in names}
        compared = [f"{name} {speed:.1f} ({scale * speed:.1f})" for name, speed in speeds.items()]
        share = f"{times[alone] / taken:.0%}" if title.startswith("2 stems, file") else ""
        peaks = (f"{m[title] / 1e9:.2f} GB" if title in m else "" for m in (memory, long_memory))
        row = (title, f"{taken:.2f} s", f"{seconds / taken:.1f}x", share, *peaks)
        rows.append((*row, sizes.get(title, ""), "\n".join(compared)))
    title = f"{seconds:g} s of 44.1 kHz stereo; float32 matrix product: {rate / 1e9:.0f} GFLOP/s"
    print_table(title, COLUMNS, rows)


if __name__ == "__main__":
    main()

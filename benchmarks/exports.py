"""Exported separators against the TensorFlow separator, in one run.

    python benchmarks/exports.py [--preset NAME] [--patches 4] [--threads 2] [--profile]

Every file is a waveform file: waveform in, stems out, with a fixed length and with any.
"""

import argparse
import os
import statistics
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np  # noqa: E402 - TensorFlow reads the above once
import tensorflow as tf  # noqa: E402
from measure import default_separator, interleaved, print_table  # noqa: E402
from operator_times import onnx_operator_times, tflite_operator_times  # noqa: E402

import export  # noqa: E402
from export.runtimes import open_file  # noqa: E402

WRITERS = {
    "saved_model": (export.to_saved_model, ""),
    "tflite": (export.to_tflite, ".tflite"),
    "onnx": (export.to_onnx, ".onnx"),
}


def print_profile(title: str, times: list[tuple[str, float]], count: int = 12) -> None:
    """Prints where a file's time goes: by kind of operator, and the most expensive ones."""
    total = sum(seconds for _, seconds in times)
    kinds: dict[str, float] = {}
    for name, seconds in times:
        kind = name.split()[0]
        kinds[kind] = kinds.get(kind, 0) + seconds
    for what, pairs in (("kinds", kinds.items()), ("operators", times)):
        ranked = sorted(pairs, key=lambda pair: -pair[1])[:count]
        rows = [(name, f"{t * 1e3:.2f} ms", f"{t / total:.0%}") for name, t in ranked]
        print_table(f"{title}: {what}, {total * 1e3:.1f} ms in all", (what, "time", "share"), rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", help="name or folder; the shipped one by default")
    parser.add_argument("--patches", type=int, default=4, help="length, in network patches")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=15)
    parser.add_argument("--profile", action="store_true", help="also time single operators")
    arguments = parser.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(arguments.threads)
    separator = default_separator(arguments.preset)
    shape = (1, separator.patches_samples(arguments.patches), 2)
    waveform = np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")
    function = tf.function(lambda x: separator(x), input_signature=[tf.TensorSpec(shape)])

    def tensorflow():
        return {stem: x.numpy() for stem, x in function(tf.constant(waveform)).items()}

    runs, sizes = {"TensorFlow": tensorflow}, {}
    with tempfile.TemporaryDirectory() as name:
        files = {}
        for format, (write, suffix) in WRITERS.items():
            for length, inputs in (("fixed length", shape), ("any length", (None, None, 2))):
                key = f"{format}, {length}"
                files[key] = Path(name) / f"{length.split()[0]}{suffix}"
                examples = [{"waveform": shape}]
                report = write(separator, files[key], inputs=inputs, example_shapes=examples)
                sizes[key] = f"{report.size / 1e6:.1f} MB"
                runtime = open_file(files[key], threads=arguments.threads)
                runs[key] = lambda runtime=runtime: runtime({"waveform": waveform})
        times = interleaved(runs, arguments.repetitions)
        seconds = shape[1] / separator.sample_rate
        rows = []
        for key, measured in times.items():
            median = statistics.median(measured)
            ratios = [f(measured) / f(times["TensorFlow"]) for f in (statistics.median, min)]
            row = (f"{median * 1e3:.1f} ms", *(f"{r:.2f}" for r in ratios))
            rows.append((key, *row, f"{seconds / median:.0f}x", sizes.get(key, "")))
        columns = ("file", "latency (median)", "ratio (medians)", "(minima)", "x real time", "size")
        title = f"{seconds:.0f} s stereo, {arguments.threads} threads"
        print_table(title, columns, rows)
        if arguments.profile:
            for key, path in files.items():
                profile = {".tflite": tflite_operator_times, ".onnx": onnx_operator_times}
                if path.suffix in profile:
                    print_profile(key, profile[path.suffix](path, waveform))


if __name__ == "__main__":
    main()

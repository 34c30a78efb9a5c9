"""The U-Net itself, against the time that its multiply-adds need at the machine's matrix rate.

    python benchmarks/network.py [--batches 1 8] [--repetitions 15]

Tried and left out: what `zoo.sub_pixel` does for the last layer, for all transposed convolutions.
On one thread, batch 8, full size, it took 1.07 of plain Keras's time and a training step 1.25: with
many channels, the nine of 36 taps that are zero cost more than the layout saves.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras  # noqa: E402 - TensorFlow reads the above once
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from measure import FULL_SIZE, HALF_SIZE, MatrixProduct, interleaved, print_table  # noqa: E402

from zoo import JanssonUNet  # noqa: E402


def multiply_adds(network: keras.Model) -> int:
    """Multiply-adds of all convolutions for one patch; the rest is less than a hundredth."""
    total = 0
    for layer in network.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            positions = layer.input.shape[1:3]  # each input value meets the whole kernel
        elif isinstance(layer, keras.layers.Conv2D):
            positions = layer.output.shape[1:3]
        else:
            continue
        total += int(np.prod(positions) * np.prod(layer.kernel.shape))
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--repetitions", type=int, default=15)
    arguments = parser.parse_args()
    product = MatrixProduct()
    runs, work = {"matrix product": product}, {}
    for size, filters in (("full", FULL_SIZE), ("half", HALF_SIZE)):
        network = JanssonUNet(filters=filters, frames=128)
        for batch in arguments.batches:
            patches = tf.random.uniform((batch, *network.input_shape[1:]))
            function = tf.function(lambda x, network=network: network(x, training=False))
            run = function.get_concrete_function(tf.TensorSpec(patches.shape))
            runs[size, batch] = lambda run=run, patches=patches: run(patches)
            work[size, batch] = multiply_adds(network)
    times = interleaved(runs, arguments.repetitions)
    best = min(times["matrix product"])
    rows = []
    for (size, batch), count in work.items():
        patch = min(times[size, batch]) / batch
        ratio = patch / count * product.multiply_adds / best
        row = (f"{count / 1e6:,.1f} M", batch, f"{patch * 1e3:.2f} ms", f"{ratio:.2f}")
        rows.append((size, *row))
    rate = product.multiply_adds / best / 1e9
    print_table(
        f"JanssonUNet under tf.function; 2048 x 2048 float32 product: {rate:.1f} G multiply-adds/s",
        ("size", "multiply-adds a patch", "batch", "time a patch", "ratio to the product's rate"),
        rows,
    )


if __name__ == "__main__":
    main()

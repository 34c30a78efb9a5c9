"""The networks, against the time that their multiply-adds need at the machine's matrix rate.

    python benchmarks/network.py [--batches 1 8] [--repetitions 15]

Multiply-adds are those of the architecture, one a tap. The Wave-U-Net takes fewer: its decoder
convolves before it interpolates (`zoo/wave_unet/interpolated_convolution.py`), and at inference its
long kernels go by tiles (`zoo/tiled_convolution.py`). The row "Keras's convolutions" does without
the tiles; "as published" is the graph of the authors' program, in the same window and in theirs.

Tried and left out: what `zoo.sub_pixel` does for the last layer, for all transposed convolutions of
the U-Net. On one thread, batch 8, full size, it took 1.07 of plain Keras's time and a training step
1.25: with many channels, the nine of 36 taps that are zero cost more than the layout saves.
Tiles after Winograd (Lavin, Gray, CVPR 2016) for the U-Nets' strided and transposed convolutions,
in Spleeter's sizes, one patch, two threads: with a third of the multiply-adds (four outputs at a
time) and kernels transformed beforehand, which take five times the memory, 0.7 of the time for 256
to 64 channels, 0.8 for 512 to 128 and 128 to 256, the same for 128 to 32, 1.6 for 64 to 16 and more
for strided ones of few channels; with kernels transformed in each call, always more than plain
convolutions, which run at the matrix rate. The error grows from 1e-6 to 1e-5 of the peak.
Tiles for the Wave-U-Net's decoder: with five taps, and four after interpolation is merged in, the
transforms cost what the products save.
"""

import argparse
import os
from contextlib import nullcontext

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import tensorflow as tf  # noqa: E402 - TensorFlow reads the above once
from measure import FULL_SIZE, HALF_SIZE, MatrixProduct, interleaved, print_table  # noqa: E402

from training.models import build_model  # noqa: E402
from training.recipe import load_recipe  # noqa: E402
from zoo import JanssonUNet, WaveUNet, create_model  # noqa: E402
from zoo.multiply_adds import multiply_adds  # noqa: E402
from zoo.portability import portable_operators  # noqa: E402

WINDOWS = {"M1": 2**18, "M4": 2**18, "M5-HighSR": 2**18, "M7": 2**17}


def as_published(network: WaveUNet):
    """The network as its authors' program computes it, with the same weights."""

    def convolve(x, name):
        layer = network.get_layer(f"{name}_conv")
        padding = "VALID" if network.context else "SAME"
        return tf.nn.conv1d(x, layer.kernel, 1, padding) + layer.bias

    def block(x, name):
        return tf.nn.leaky_relu(convolve(x, name), network.leakiness)

    def double(x):
        samples = 2 * tf.shape(x)[1] - network.context
        x = tf.raw_ops.ResizeBilinear(
            images=x[:, None], size=[1, samples], align_corners=network.context
        )
        return x[:, 0]

    def join(skip, x):
        surplus = tf.shape(skip)[1] - tf.shape(x)[1]
        return tf.concat((skip[:, surplus // 2 :][:, : tf.shape(x)[1]], x), 2)

    def run(mixture):
        x, skips = mixture, []
        for level in range(network.levels):
            skips.append(block(x, f"encoder_{level + 1}"))
            x = skips[-1][:, ::2]
        x = block(x, "bottleneck")
        for level in reversed(range(network.levels)):
            x = block(join(skips[level], double(x)), f"decoder_{level + 1}")
        x = join(mixture, x)
        estimated = network.sources[: -1 if network.output_type == "difference" else None]
        return {source: tf.tanh(convolve(x, source)) for source in estimated}

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--repetitions", type=int, default=15)
    arguments = parser.parse_args()
    product = MatrixProduct()
    runs, work, seconds = {"matrix product": product}, {}, {}

    def add(name, network, shape, *, worth, portable=False, published=False):
        signal = tf.random.uniform(shape, -0.3, 0.3)
        function = tf.function(
            as_published(network) if published else lambda x: network(x, training=False)
        )
        with portable_operators() if portable else nullcontext():
            run = function.get_concrete_function(tf.TensorSpec(shape))
        runs[name] = lambda: run(signal)
        work[name], seconds[name] = multiply_adds(network, shape), worth

    for size, filters in (("full size", FULL_SIZE), ("half size", HALF_SIZE)):
        network = JanssonUNet(filters=filters, frames=128)
        front_end = network.front_end
        for batch in arguments.batches:
            worth = batch * 128 * front_end.frame_step / front_end.sample_rate
            shape = (batch, *network.input_shape[1:])
            add(f"JanssonUNet, {size}, batch {batch}", network, shape, worth=worth)
    for name, title in (("spleeter_2stems", "SpleeterUNet, 2 stems"), ("unet_vocals", "UNet")):
        network = create_model(name)
        front_end = network.front_end
        for batch in arguments.batches:
            worth = batch * front_end.clip_samples / front_end.sample_rate
            shape = (batch, *front_end.network_shape)
            add(f"{title}, batch {batch}", network, shape, worth=worth)
    for name in ("vae_fsdd", "vae_fsdd_course"):
        recipe = load_recipe(name)
        network = build_model(recipe.model, recipe.front_end)
        front_end = network.front_end
        for batch in arguments.batches:
            worth = batch * front_end.clip_samples / front_end.sample_rate
            shape = (batch, *network.input_shape[1:])
            add(f"ConvVAE, {name}, batch {batch}", network, shape, worth=worth)
    for variant, window in WINDOWS.items():
        network = WaveUNet(variant)
        samples = network.input_samples(window)
        worth = network.output_samples(samples) / network.sample_rate
        shape = (1, samples, network.channels)
        add(f"WaveUNet {variant}, {window:,} samples", network, shape, worth=worth)
        if variant in ("M1", "M4"):
            add(f"  {variant}, Keras's convolutions", network, shape, worth=worth, portable=True)
            add(f"  {variant}, as published", network, shape, worth=worth, published=True)
            samples = network.input_samples(network.segment_samples)
            worth = network.output_samples(samples) / network.sample_rate
            name = f"  {variant}, as published, {network.output_samples(samples):,} samples"
            add(name, network, (1, samples, network.channels), worth=worth, published=True)
    times = interleaved(runs, arguments.repetitions)
    best = min(times["matrix product"])
    rate = product.multiply_adds / best
    rows = [
        (
            name,
            f"{count / seconds[name] / 1e9:.2f} G",
            f"{min(times[name]) / seconds[name] * 1e3:.2f} ms",
            f"{seconds[name] / min(times[name]):.0f}x",
            f"{min(times[name]) / count * rate:.2f}",
        )
        for name, count in work.items()
    ]
    print_table(
        f"Under tf.function; 2048 x 2048 float32 product: {rate / 1e9:.1f} G multiply-adds/s",
        ("", "multiply-adds", "time", "x real time", "time at the product's rate = 1"),
        rows,
    )
    print("Multiply-adds and time are those of a second of audio.")


if __name__ == "__main__":
    main()

"""Building blocks of Spleeter's networks."""

import keras
from keras import layers, ops

from zoo import sub_pixel
from zoo.portability import portable

# Layers of encoder and decoder, and their arguments.
ACTIVATIONS = {
    "leaky_relu": ((layers.LeakyReLU, {"negative_slope": 0.2}), (layers.ReLU, {})),
    "elu": ((layers.ELU, {}), (layers.ELU, {})),
}


@keras.saving.register_keras_serializable(package="stemzoo")
class UnusedNormalization(layers.Layer):
    """The weights of a batch normalisation that returns its input as it is.

    The published networks have one behind the innermost convolution, whose result nothing uses.
    """

    def build(self, shape):
        for name, value in (
            ("gamma", "ones"),
            ("beta", "zeros"),
            ("moving_mean", "zeros"),
            ("moving_variance", "ones"),
        ):
            weight = self.add_weight(
                shape=(shape[-1],), initializer=value, trainable=False, name=name
            )
            setattr(self, name, weight)

    def call(self, x):
        return x


@keras.saving.register_keras_serializable(package="stemzoo")
class Share(layers.Layer):
    """The sigmoid, also of what is far below zero, to single precision's relative error.

    The ratio of two estimates counts where both are next to nothing. There ONNX Runtime's sigmoid
    is off by 6e-8, however small the value, and so portable files have the exponential function.
    """

    def call(self, x):
        return 1 / (1 + ops.exp(-x)) if portable() else ops.sigmoid(x)


def _normalization(name: str, dtype):
    return layers.BatchNormalization(epsilon=1e-3, dtype=dtype, name=name)


def apply_unet(x, filters, *, activation, dropout, name, dtype=None):
    """One stem's U-Net, up to the convolution that makes a mask of its output.

    Skip connections take what the encoder's convolutions return, and so does the decoder; it
    normalises after its activations.
    """
    (encoding, encoding_arguments), (decoding, decoding_arguments) = ACTIVATIONS[activation]
    shared = {"kernel_size": 5, "strides": 2, "dtype": dtype}
    skips = []
    for level, width in enumerate(filters, 1):
        part = f"{name}_encoder_{level}"
        x = layers.Conv2D(width, padding="same", name=f"{part}_conv", **shared)(x)
        if level == len(filters):
            x = UnusedNormalization(dtype=dtype, name=f"{part}_norm")(x)
            break
        skips.append(x)
        x = _normalization(f"{part}_norm", dtype)(x)
        x = encoding(**encoding_arguments, dtype=dtype, name=f"{part}_activation")(x)
    for level in range(len(filters), 0, -1):
        part = f"{name}_decoder_{level}"
        # A transposed convolution to one channel has a faster form.
        if level > 1:
            x = layers.Conv2DTranspose(
                filters[level - 2], padding="same", name=f"{part}_conv", **shared
            )(x)
        else:
            x = sub_pixel.Conv2DTranspose(1, name=f"{part}_conv", **shared)(x)
        x = decoding(**decoding_arguments, dtype=dtype, name=f"{part}_activation")(x)
        x = _normalization(f"{part}_norm", dtype)(x)
        if dropout and level > len(filters) - 3:
            x = layers.Dropout(dropout, dtype=dtype, name=f"{part}_dropout")(x)
        if skips:
            x = layers.Concatenate(dtype=dtype, name=f"{part}_skip")((skips.pop(), x))
    return x

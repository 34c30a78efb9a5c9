"""The U-Net of Jansson et al. for singing-voice separation."""

import keras
from keras import layers

from zoo import sub_pixel
from zoo.front_end import FrontEnd
from zoo.presets import PresetMixin


def apply_encoder_level(x, filters, *, kernel_size, leakiness, name, dtype=None):
    """Convolution of stride 2, batch normalisation, leaky ReLU."""
    x = layers.Conv2D(
        filters, kernel_size, strides=2, padding="same", dtype=dtype, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(dtype=dtype, name=f"{name}_norm")(x)
    return layers.LeakyReLU(negative_slope=leakiness, dtype=dtype, name=f"{name}_activation")(x)


def apply_decoder_level(x, skip, filters, *, kernel_size, dropout, name, dtype=None):
    """Transposed convolution of stride 2, batch normalisation, ReLU, dropout, skip connection.

    Dropout sits before the concatenation: the skip connection is never dropped.
    """
    x = layers.Conv2DTranspose(
        filters, kernel_size, strides=2, padding="same", dtype=dtype, name=f"{name}_conv"
    )(x)
    x = layers.BatchNormalization(dtype=dtype, name=f"{name}_norm")(x)
    x = layers.ReLU(dtype=dtype, name=f"{name}_activation")(x)
    if dropout:
        x = layers.Dropout(dropout, dtype=dtype, name=f"{name}_dropout")(x)
    return layers.Concatenate(dtype=dtype, name=f"{name}_skip")((x, skip))


@keras.saving.register_keras_serializable(package="stemzoo")
class JanssonUNet(PresetMixin, keras.Model):
    """U-Net that masks a magnitude spectrogram, one source a network.

    Source: Jansson, Humphrey, Montecchio, Bittner, Kumar, Weyde, "Singing Voice Separation with
    Deep U-Net Convolutional Networks", ISMIR 2017, section 3.1. With the defaults: 9,826,321
    parameters, of which 3,008 are batch-normalisation statistics.

    Args:
        filters: of the encoder's levels, outermost first; the decoder mirrors them.
        kernel_size: of every convolution.
        dropout: rate on the three innermost decoder levels.
        leakiness: negative slope of the encoder's activations.
        frames: patch length in frames, divisible by `2 ** levels`; `None` for any such length.
        front_end: whose magnitudes the network masks; its bins must be divisible by
            `2 ** levels`. It is saved with the model.

    Returns:
        The source's magnitude, mask times input, `(batch, bins, frames, 1)`, of a mixture's
        magnitude of the same shape in [0, 1].

    Raises:
        ValueError: if bins or frames are not divisible by `2 ** levels`.

    Example:
        >>> model = JanssonUNet(filters=(4, 8), front_end=FrontEnd(bins=512))
        >>> mixture = np.random.default_rng(0).uniform(size=(1, 512, 128, 1)).astype("float32")
        >>> vocals = model(mixture)
        >>> bool(np.allclose(vocals, model.mask(mixture) * mixture))
        True
    """

    def __init__(
        self,
        *,
        filters=(16, 32, 64, 128, 256, 512),
        kernel_size=5,
        dropout=0.5,
        leakiness=0.2,
        frames=None,
        front_end=None,
        dtype=None,
        **kwargs,
    ):
        filters = tuple(filters)
        front_end = FrontEnd() if front_end is None else front_end
        if not filters:
            raise ValueError(f"filters must name at least one level. Received: filters={filters}")
        if front_end.normalization == "min_max":
            raise ValueError(
                "a mask is for magnitudes, not for decibels: take the normalization 'peak' or "
                f"'none'. Received: front_end={front_end}"
            )
        divisor = 2 ** len(filters)
        for name, size in (("front_end.bins", front_end.bins), ("frames", frames)):
            if size is not None and size % divisor:
                raise ValueError(
                    f"{name} must be divisible by {divisor}, as {len(filters)} levels halve it. "
                    f"Received: {name}={size}"
                )

        # Layers
        inputs = keras.Input((front_end.bins, frames, 1), name="mixture")
        shared = {"kernel_size": kernel_size, "dtype": dtype}
        skips = []
        x = inputs
        for level, width in enumerate(filters):
            name = f"encoder_{level + 1}"
            x = apply_encoder_level(x, width, leakiness=leakiness, name=name, **shared)
            skips.append(x)
        for level in range(len(filters) - 2, -1, -1):
            depth = len(filters) - 2 - level
            x = apply_decoder_level(
                x,
                skips[level],
                filters[level],
                dropout=dropout if depth < 3 else 0,
                name=f"decoder_{level + 2}",
                **shared,
            )
        x = sub_pixel.Conv2DTranspose(
            1, kernel_size, strides=2, dtype=dtype, name="decoder_1_conv"
        )(x)
        # Single precision from here: a mask in half precision has steps that can be heard.
        mask = layers.Activation("sigmoid", dtype="float32", name="mask")(x)
        outputs = layers.Multiply(dtype="float32", name="masked")((mask, inputs))

        # Functional model
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self._mask = keras.Function(inputs, mask)

        # Config
        self.filters = filters
        self.kernel_size = kernel_size
        self.dropout = dropout
        self.leakiness = leakiness
        self.frames = frames
        self.front_end = front_end
        self._dtype_argument = dtype

    @property
    def sample_rate(self) -> int:
        """Of the waveforms whose magnitudes the network masks, in Hz."""
        return self.front_end.sample_rate

    def mask(self, mixture):
        """Returns the soft mask in (0, 1), `(batch, bins, frames, 1)`, of a mixture's magnitude."""
        return self._mask(mixture)

    def get_config(self):
        return {
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "dropout": self.dropout,
            "leakiness": self.leakiness,
            "frames": self.frames,
            "front_end": keras.saving.serialize_keras_object(self.front_end),
            "dtype": keras.saving.serialize_keras_object(self._dtype_argument),
            "name": self.name,
            "trainable": self.trainable,
        }

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
    """U-Net that masks a magnitude spectrogram: one source a network, or several that share it.

    Source: Jansson, Humphrey, Montecchio, Bittner, Kumar, Weyde, "Singing Voice Separation with
    Deep U-Net Convolutional Networks", ISMIR 2017, section 3.1. With the defaults: 9,826,321
    parameters, of which 3,008 are batch-normalisation statistics.

    The paper trains one network a source and hears one channel. Ours are: a front end of several
    channels, which are heard side by side and get a mask each; and `stems`, whose masks come out of
    one encoder and decoder, so that four sources cost what one does. Each is a sigmoid of its own:
    they need not add up to one.

    Args:
        stems: names of two sources or more, for one network of them all; `None` for the paper's
            network of one source, which has no name for it.
        filters: of the encoder's levels, outermost first; the decoder mirrors them.
        kernel_size: of every convolution.
        dropout: rate on the three innermost decoder levels.
        leakiness: negative slope of the encoder's activations.
        frames: patch length in frames, divisible by `2 ** levels`; `None` for any such length.
        front_end: whose magnitudes the network masks; its bins must be divisible by
            `2 ** levels`, and its layout is "bins_frames". It is saved with the model.

    Returns:
        The source's magnitude, mask times input, `(batch, bins, frames, channels)`, of a mixture's
        magnitude of the same shape, in [0, 1] where the front end normalises by the peak; with
        `stems` a dict stem -> magnitude of that shape.

    Raises:
        ValueError: if bins or frames are not divisible by `2 ** levels`, stems are not two or more
            different names, or the front end's patches are of another kind.

    Example:
        >>> model = JanssonUNet(filters=(4, 8), front_end=FrontEnd(bins=512))
        >>> mixture = np.random.default_rng(0).uniform(size=(1, 512, 128, 1)).astype("float32")
        >>> vocals = model(mixture)
        >>> bool(np.allclose(vocals, model.mask(mixture) * mixture))
        True
        >>> stereo = FrontEnd(bins=512, channels=2)
        >>> model = JanssonUNet(stems=("vocals", "drums"), filters=(4, 8), front_end=stereo)
        >>> {stem: tuple(mask.shape) for stem, mask in model.masks(mixture.repeat(2, -1)).items()}
        {'vocals': (1, 512, 128, 2), 'drums': (1, 512, 128, 2)}
    """

    # Patches overlap, of one source or of several; see `MaskNetworks`.
    cross_faded = True

    def __init__(
        self,
        *,
        stems=None,
        filters=(16, 32, 64, 128, 256, 512),
        kernel_size=5,
        dropout=0.5,
        leakiness=0.2,
        frames=None,
        front_end=None,
        dtype=None,
        **kwargs,
    ):
        stems = None if stems is None else tuple(stems)
        filters = tuple(filters)
        front_end = FrontEnd() if front_end is None else front_end
        _check(stems, filters, frames, front_end)

        # Layers
        channels = front_end.channels
        inputs = keras.Input((front_end.bins, frames, channels), name="mixture")
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
            channels * len(stems or (None,)),
            kernel_size,
            strides=2,
            dtype=dtype,
            name="decoder_1_conv",
        )(x)
        # Single precision from here: a mask in half precision has steps that can be heard.
        mask = layers.Activation("sigmoid", dtype="float32", name="mask")(x)
        if stems is None:
            outputs = layers.Multiply(dtype="float32", name="masked")((mask, inputs))
        else:
            # A stem's channels lie next to one another.
            mask = {
                stem: mask[..., place * channels : (place + 1) * channels]
                for place, stem in enumerate(stems)
            }
            outputs = {
                stem: layers.Multiply(dtype="float32", name=stem)((share, inputs))
                for stem, share in mask.items()
            }

        # Functional model
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self._mask = keras.Function(inputs, mask)

        # Config
        self.stems = stems
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

    @property
    def mask(self):
        """Function: mixture's magnitude -> soft mask in (0, 1) of the same shape.

        Only networks of one source have it.
        """
        if self.stems is not None:
            raise AttributeError("a network of several stems has masks, not a mask")
        return self._mask

    @property
    def masks(self):
        """Function: mixture's magnitude -> dict stem -> soft mask in (0, 1) of the same shape.

        Only networks of several stems have it.
        """
        if self.stems is None:
            raise AttributeError("a network of one source has a mask, not masks")
        return self._mask

    def get_config(self):
        return {
            "stems": self.stems,
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


def _check(stems, filters, frames, front_end) -> None:
    if stems is not None and (len(stems) < 2 or len(set(stems)) < len(stems)):
        raise ValueError(f"stems must be two or more different names. Received: stems={stems}")
    if not filters:
        raise ValueError(f"filters must name at least one level. Received: filters={filters}")
    if front_end.normalization == "min_max":
        raise ValueError(
            "a mask is for magnitudes, not for decibels: take the normalization 'peak' or 'none'. "
            f"Received: front_end={front_end}"
        )
    if front_end.layout != "bins_frames":
        raise ValueError(
            f"the network takes patches in the layout 'bins_frames'. Received: {front_end}"
        )
    front_end.check_halving(len(filters), frames)

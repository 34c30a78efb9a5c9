"""The classic U-Net, of double convolutions: masks of spectrograms, or of images."""

import keras
from keras import layers

from zoo.map_upsampling import BilinearUpsampling, CropTo
from zoo.presets import PresetMixin

UPSAMPLINGS = ("transposed", "bilinear")
ACTIVATIONS = ("sigmoid", "softmax", "linear")


def apply_block(x, widths, *, name, dtype=None):
    """Two times: 3x3 convolution without bias, batch normalisation, ReLU."""
    for number, filters in enumerate(widths, 1):
        x = layers.Conv2D(
            filters,
            3,
            padding="same",
            use_bias=False,
            kernel_initializer="he_normal",
            dtype=dtype,
            name=f"{name}_conv_{number}",
        )(x)
        # What the public implementations take; a short training needs statistics soon.
        x = layers.BatchNormalization(
            momentum=0.9, epsilon=1e-5, dtype=dtype, name=f"{name}_norm_{number}"
        )(x)
        x = layers.ReLU(dtype=dtype, name=f"{name}_activation_{number}")(x)
    return x


def apply_upsampling(x, skip, filters, *, bilinear, name, dtype=None):
    """Twice the height and width, cut to the skip connection's, which is put before it."""
    if bilinear:
        x = BilinearUpsampling(dtype=dtype, name=f"{name}_up")(x)
    else:
        x = layers.Conv2DTranspose(
            filters,
            2,
            strides=2,
            padding="same",
            kernel_initializer="he_normal",
            dtype=dtype,
            name=f"{name}_up",
        )(x)
    if None in x.shape[1:3] or x.shape[1:3] != skip.shape[1:3]:
        x = CropTo(dtype=dtype, name=f"{name}_crop")((x, skip))
    return layers.Concatenate(dtype=dtype, name=f"{name}_skip")((skip, x))


@keras.saving.register_keras_serializable(package="stemzoo")
class UNet(PresetMixin, keras.Model):
    """The classic U-Net: with a front end a mask network for songs, without one for images.

    Source: Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", MICCAI 2015, section 2, in the form that became usual: padded convolutions
    without bias, each with batch normalisation; weights are drawn as in section 3. With the
    defaults 31,036,481 trainable parameters, with bilinear upsampling 17,261,825: there, the
    bottleneck has the innermost level's width, and each level of the decoder ends at the next one's
    width.

    Any size from one pixel on will do. Where an odd size is halved, the last row or column is
    pooled by itself, and the map that comes up again, a row or column too large, is cut.

    Args:
        in_channels: of the input, 3 for colour images. With a front end, its channels.
        out_channels: of the output: 1 for a mask, or as many as there are classes, the background
            among them. With a front end, its channels.
        features: widths of the levels, outermost first; the bottleneck has twice the last one.
        upsampling: `"transposed"` for a 2x2 transposed convolution, or `"bilinear"`, without
            weights and with half-pixel centres.
        activation: of the output, `"sigmoid"`, `"softmax"` over the channels, or `"linear"` for
            logits; by default `"sigmoid"` for one channel and for spectrograms, else `"softmax"`.
        image_size: `(height, width)` that images are brought to in training, and so by
            `zoo.segment_file`; `None` for images as they are. The network itself takes any.
        frames: length of a spectrogram patch in frames; `None` for any.
        front_end: whose magnitudes the network masks, saved with the model; `None` for images.

    Returns:
        Without front end: of images `(batch, height, width, in_channels)` in [0, 1] the
        probabilities (or logits) of each pixel, `(batch, height, width, out_channels)`. With one:
        the source's magnitude, mask times input, of a mixture's magnitude in the front end's layout
        (`front_end.network_shape`).

    Raises:
        ValueError: if an argument is not one of those above, or does not go with the front end.

    Example:
        >>> model = UNet(3, 1, features=(4, 8))
        >>> image = np.random.default_rng(0).uniform(size=(1, 31, 50, 3)).astype("float32")
        >>> tuple(model(image).shape)
        (1, 31, 50, 1)
        >>> network = UNet(features=(4, 8), front_end=FrontEnd(bins=64, frames=16))
        >>> Separator(network).stems
        ('vocals', 'accompaniment')
    """

    def __init__(
        self,
        in_channels=1,
        out_channels=1,
        features=(64, 128, 256, 512),
        *,
        upsampling="transposed",
        activation=None,
        image_size=None,
        frames=None,
        front_end=None,
        dtype=None,
        **kwargs,
    ):
        features = tuple(features)
        image_size = None if image_size is None else tuple(image_size)
        _check(in_channels, out_channels, features, upsampling, activation, image_size)
        if front_end is None:
            if frames is not None:
                raise ValueError(f"frames is for spectrograms. Received: frames={frames}")
            shape = (None, None, in_channels)
        else:
            _check_masks(front_end, in_channels, out_channels, activation, image_size)
            axes = {
                "bins_frames": (front_end.bins, frames),
                "frames_bins": (frames, front_end.bins),
            }
            shape = (*axes[front_end.layout], in_channels)
        if activation is None:
            activation = "sigmoid" if out_channels == 1 or front_end is not None else "softmax"

        # Layers
        bilinear = upsampling == "bilinear"
        inputs = keras.Input(shape, name="image" if front_end is None else "mixture")
        skips = []
        x = inputs
        for level, width in enumerate(features, 1):
            x = apply_block(x, (width, width), name=f"encoder_{level}", dtype=dtype)
            skips.append(x)
            x = layers.MaxPooling2D(2, padding="same", dtype=dtype, name=f"encoder_{level}_pool")(x)
        width = features[-1] * (1 if bilinear else 2)
        x = apply_block(x, (width, width), name="bottleneck", dtype=dtype)
        for level in range(len(features), 0, -1):
            width, name = features[level - 1], f"decoder_{level}"
            x = apply_upsampling(
                x, skips[level - 1], width, bilinear=bilinear, name=name, dtype=dtype
            )
            last = features[level - 2] if bilinear and level > 1 else width
            x = apply_block(x, (width, last), name=name, dtype=dtype)
        x = layers.Conv2D(out_channels, 1, dtype=dtype, name="output_conv")(x)
        # Single precision from here: a mask in half precision has steps that can be heard.
        maps = layers.Activation(
            activation, dtype="float32", name="map" if front_end is None else "mask"
        )(x)
        outputs = maps
        if front_end is not None:
            outputs = layers.Multiply(dtype="float32", name="masked")((maps, inputs))

        # Functional model
        super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self._mask = None if front_end is None else keras.Function(inputs, maps)

        # Config
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.features = features
        self.upsampling = upsampling
        self.activation = activation
        self.image_size = image_size
        self.frames = frames
        self.front_end = front_end
        self._dtype_argument = dtype

    @property
    def sample_rate(self) -> int | None:
        """Of the waveforms whose magnitudes the network masks, in Hz; `None` for images."""
        return None if self.front_end is None else self.front_end.sample_rate

    @property
    def mask(self):
        """Function: mixture's magnitude -> soft mask in (0, 1) of the same shape.

        Only networks with a front end have it.
        """
        if self._mask is None:
            raise AttributeError("a U-Net without front end has no mask: call it with images")
        return self._mask

    @property
    def export_example_shapes(self):
        """Sizes that exported files of a segmenter are tried with, one of them odd."""
        if self.front_end is not None:
            return ()
        return [{"image": (*size, self.in_channels)} for size in ((1, 96, 128), (2, 53, 37))]

    def get_config(self):
        return {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "features": self.features,
            "upsampling": self.upsampling,
            "activation": self.activation,
            "image_size": self.image_size,
            "frames": self.frames,
            "front_end": self.front_end and keras.saving.serialize_keras_object(self.front_end),
            "dtype": keras.saving.serialize_keras_object(self._dtype_argument),
            "name": self.name,
            "trainable": self.trainable,
        }


def _check(in_channels, out_channels, features, upsampling, activation, image_size) -> None:
    for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
        if value < 1:
            raise ValueError(f"{name} must be positive. Received: {name}={value}")
    if min(features, default=0) < 1:
        raise ValueError(f"features must name a width or more. Received: features={features}")
    if upsampling not in UPSAMPLINGS:
        raise ValueError(
            f"upsampling must be one of {UPSAMPLINGS}. Received: upsampling={upsampling!r}"
        )
    if activation is not None and activation not in ACTIVATIONS:
        raise ValueError(
            f"activation must be one of {ACTIVATIONS}. Received: activation={activation!r}"
        )
    if image_size is not None and (len(image_size) != 2 or min(image_size) < 1):
        raise ValueError(
            f"image_size must be a height and a width. Received: image_size={image_size}"
        )


def _check_masks(front_end, in_channels, out_channels, activation, image_size) -> None:
    if front_end.normalization == "min_max":
        raise ValueError(
            "a mask is for magnitudes, not for decibels: take the normalization 'peak' or 'none'. "
            f"Received: front_end={front_end}"
        )
    for name, value in (("in_channels", in_channels), ("out_channels", out_channels)):
        if value != front_end.channels:
            raise ValueError(
                f"{name} must be the front end's channels, {front_end.channels}. "
                f"Received: {name}={value}"
            )
    if activation not in (None, "sigmoid"):
        raise ValueError(f"a mask lies in (0, 1). Received: activation={activation!r}")
    if image_size is not None:
        raise ValueError(f"image_size is for images. Received: image_size={image_size}")

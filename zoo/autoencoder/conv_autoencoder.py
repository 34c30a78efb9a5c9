"""The convolutional autoencoder, and what it shares with the variational one."""

import keras
from keras import layers

from zoo.autoencoder.levels import (
    apply_encoder_level,
    build_decoder,
    check_input_shape,
    make_levels,
)
from zoo.front_end import FrontEnd
from zoo.presets import PresetMixin

LEARNING_RATE = 5e-4


def course_front_end() -> FrontEnd:
    """Returns the front end of the course's spoken digits: 256 bins and 64 frames, 0.74 s."""
    return FrontEnd(
        sample_rate=22050,
        frame_length=512,
        frame_step=256,
        bins=256,
        first_bin=0,
        frames=64,
        normalization="min_max",
    )


def _plain(values) -> tuple:
    """A list of a config as the tuple that it was."""
    return tuple(tuple(value) if isinstance(value, list) else value for value in values)


def _input_shape(input_shape, front_end: FrontEnd | None):
    """The input's shape and the front end, where one of them may have been left out."""
    if input_shape is None:
        front_end = front_end or course_front_end()
        input_shape = (front_end.bins, front_end.frames, 1)
    if front_end is not None:
        if front_end.normalization == "none":
            raise ValueError(
                "outputs lie between 0 and 1: take the front end's normalization 'min_max'. "
                f"Received: front_end={front_end}"
            )
        if tuple(input_shape) != (front_end.bins, front_end.frames, 1):
            raise ValueError(
                f"the front end gives {(front_end.bins, front_end.frames, 1)}; leave out one of "
                f"the two. Received: input_shape={tuple(input_shape)}"
            )
    return tuple(input_shape), front_end


class Autoencoder(PresetMixin, keras.Model):
    """What both autoencoders are: an encoder, a bottleneck, and a decoder that mirrors them.

    Args:
        bottleneck: `bottleneck(flat features, units)` -> latent.
        others: as in `ConvAutoencoder`.
    """

    def __init__(
        self,
        bottleneck,
        *,
        input_shape,
        conv_filters,
        conv_kernels,
        conv_strides,
        latent_space_dim,
        front_end,
        dtype,
        **kwargs,
    ):
        input_shape, front_end = _input_shape(input_shape, front_end)
        levels = make_levels(conv_filters, conv_kernels, conv_strides)
        check_input_shape(input_shape, levels)
        if latent_space_dim < 1:
            raise ValueError(
                f"latent_space_dim must be positive. Received: latent_space_dim={latent_space_dim}"
            )

        # Layers
        inputs = keras.Input(input_shape, name="spectrogram")
        x = inputs
        for number, level in enumerate(levels, 1):
            x = apply_encoder_level(x, level, name=f"encoder_{number}", dtype=dtype)
        shape = x.shape[1:]
        # Single precision: a latent in half precision would move in steps.
        x = layers.Flatten(dtype="float32", name="encoder_flatten")(x)
        encoder = keras.Model(inputs, bottleneck(x, latent_space_dim), name="encoder")
        decoder = build_decoder(
            shape, input_shape[-1], levels, latent=latent_space_dim, dtype=dtype
        )

        # Functional model
        super().__init__(inputs=inputs, outputs=decoder(encoder(inputs)), **kwargs)
        self.encoder = encoder
        self.decoder = decoder

        # Config
        self.conv_filters = _plain(conv_filters)
        self.conv_kernels = _plain(conv_kernels)
        self.conv_strides = _plain(conv_strides)
        self.latent_space_dim = latent_space_dim
        self.front_end = front_end
        self._shape_argument = input_shape
        self._dtype_argument = dtype

    @property
    def sample_rate(self) -> int | None:
        """Of the waveforms whose spectrograms the network knows, in Hz; `None` for images."""
        return self.front_end and self.front_end.sample_rate

    def compile(self, optimizer=None, **kwargs):
        """As in Keras; the optimiser is Adam at 5e-4 by default, as in the course."""
        super().compile(optimizer=optimizer or keras.optimizers.Adam(LEARNING_RATE), **kwargs)

    def compile_from_config(self, config):
        # Keras asks for this where `compile` has other defaults.
        self.compile(**keras.saving.deserialize_keras_object(config))
        self.optimizer.build(self.trainable_variables)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """As in Keras; the target is the input where none is given."""
        target = x if y is None else y
        return super().compute_loss(x, target, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """As in Keras; the target is the input where none is given."""
        return super().compute_metrics(x, x if y is None else y, y_pred, sample_weight)

    def get_config(self):
        return {
            "input_shape": self._shape_argument,
            "conv_filters": self.conv_filters,
            "conv_kernels": self.conv_kernels,
            "conv_strides": self.conv_strides,
            "latent_space_dim": self.latent_space_dim,
            "front_end": keras.saving.serialize_keras_object(self.front_end),
            "dtype": keras.saving.serialize_keras_object(self._dtype_argument),
            "name": self.name,
            "trainable": self.trainable,
        }


@keras.saving.register_keras_serializable(package="stemzoo")
class ConvAutoencoder(Autoencoder):
    """Convolutional autoencoder with a mirrored decoder.

    Each level of the encoder is a convolution, ReLU and batch normalisation; a dense layer makes
    the latent. The decoder's transposed convolutions mirror it, the last one is followed by a
    sigmoid. Source: V. Velardo, "Generating Sound with Neural Networks" (course, 2020), the class
    `Autoencoder`. Its MNIST configuration is the example below, its spoken digits the defaults.

    Args:
        input_shape: `(rows, columns, channels)`; the strides must divide rows and columns. By
            default `(bins, frames, 1)` of the front end.
        conv_filters: filters of each level, outermost first.
        conv_kernels: kernel size of each level, an integer or a pair.
        conv_strides: stride of each level, an integer or a pair.
        latent_space_dim: size of a latent.
        front_end: whose normalised spectrograms the network learns, saved with it. With neither
            this nor an input shape it is the course's: 22,050 Hz, 256 bins, 64 frames. With a shape
            alone there is none: the network is for images.
        dtype: policy of the layers; bottleneck and output are float32 in any case.

    Attributes:
        encoder: a model from the input to the latent `(batch, latent_space_dim)`.
        decoder: a model from the latent to the output.

    Returns:
        The reconstruction in (0, 1) of an input in [0, 1], both `(batch, rows, columns, channels)`.

    Raises:
        ValueError: if the sizes do not fit, naming those that would, or a value is no size.

    Example:
        >>> mnist = ConvAutoencoder((28, 28, 1), (32, 64, 64, 64), (3, 3, 3, 3), (1, 2, 2, 1), 2)
        >>> mnist.count_params()
        221379
        >>> tuple(mnist.decoder(mnist.encoder(np.zeros((5, 28, 28, 1), "float32"))).shape)
        (5, 28, 28, 1)
    """

    def __init__(
        self,
        input_shape=None,
        conv_filters=(512, 256, 128, 64, 32),
        conv_kernels=(3, 3, 3, 3, 3),
        conv_strides=(2, 2, 2, 2, (2, 1)),
        latent_space_dim=128,
        *,
        front_end=None,
        dtype=None,
        **kwargs,
    ):
        def dense(x, units):
            return layers.Dense(units, dtype="float32", name="encoder_latent")(x)

        super().__init__(
            dense,
            input_shape=input_shape,
            conv_filters=conv_filters,
            conv_kernels=conv_kernels,
            conv_strides=conv_strides,
            latent_space_dim=latent_space_dim,
            front_end=front_end,
            dtype=dtype,
            **kwargs,
        )

    def compile(self, optimizer=None, loss="mean_squared_error", **kwargs):
        """As in Keras; mean squared error and Adam at 5e-4 by default, as in the course."""
        super().compile(optimizer=optimizer, loss=loss, **kwargs)

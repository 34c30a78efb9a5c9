"""The networks of Spleeter: a U-Net a stem, side by side on a stereo magnitude."""

import keras
from keras import layers, ops

from zoo.front_end import FrontEnd
from zoo.mask_networks import MASK_EXTENSIONS
from zoo.presets import PresetMixin
from zoo.spleeter_blocks import ACTIVATIONS, Share, apply_unet

# Of the published models: stems, activations of encoder and decoder, what stems share.
_TWO = {"stems": ("vocals", "accompaniment"), "activation": "leaky_relu", "softmax": False}
_FOUR = {"stems": ("vocals", "drums", "bass", "other"), "activation": "elu", "softmax": False}
_FIVE = {
    "stems": ("vocals", "piano", "drums", "bass", "other"),
    "activation": "elu",
    "softmax": True,
}
_BINS = {"": 1024, "-16kHz": 1536}
VARIANTS = {
    f"{name}{band}": {**settings, "bins": bins}
    for band, bins in _BINS.items()
    for name, settings in (("2stems", _TWO), ("4stems", _FOUR), ("5stems", _FIVE))
}
# Of the ratio mask's denominator: silence is shared out evenly.
RATIO_FLOOR = 1e-10


def spleeter_front_end(bins: int = 1024) -> FrontEnd:
    """Returns the front end of the published networks: magnitudes as they are, both channels.

    Args:
        bins: that the networks see, from 0 Hz up: 1024 reach to 11 kHz, 1536 to 16 kHz.
    """
    return FrontEnd(
        sample_rate=44100,
        frame_length=4096,
        frame_step=1024,
        bins=bins,
        first_bin=0,
        frames=512,
        normalization="none",
        channels=2,
        layout="frames_bins",
    )


@keras.saving.register_keras_serializable(package="stemzoo")
class SpleeterUNet(PresetMixin, keras.Model):
    """The networks of Spleeter, which estimate the magnitudes of all stems of a stereo mixture.

    Source: Hennequin, Khlif, Voituret, Moussallam, "Spleeter: a fast and efficient music source
    separation tool with pre-trained models", JOSS 5(50), 2020; details as the program has them. Of
    9,826,759 parameters a stem, 2,048 belong to a normalisation that nothing uses.

    Args:
        variant: "2stems", "4stems" or "5stems", which see up to 11 kHz, or one of them with
            "-16kHz"; it says what the arguments below are where they are not given.
        stems: names of the outputs.
        filters: of the encoder's levels, outermost first.
        activation: "leaky_relu", with ReLU in the decoder, or "elu" in both.
        softmax: whether the stems' masks add up to one; else each is a sigmoid of its own.
        dropout: rate on the three innermost decoder levels.
        exponent: of the estimates in the ratio of which `masks` are made.
        mask_extension: the mask of frequencies above the band, "zeros", or "average" for the mean
            of the band's at each moment.
        frames: patch length in frames, divisible by `2 ** levels`; `None` for any such length.
        front_end: whose magnitudes the networks see; of as many channels as its patches have, and
            with bins divisible by `2 ** levels`. It is saved with the model.

    Returns:
        A dict stem -> magnitude, mask times input, of a mixture's magnitude `(batch, frames, bins,
        channels)`, as `zoo.STFT` of waveforms in [-1, 1] gives it, all of the same shape.

    Raises:
        ValueError: if an argument is none of the above, or sizes are not divisible.

    Example:
        >>> front_end = FrontEnd(
        ...     bins=64, first_bin=0, frames=8, normalization="none", channels=2,
        ...     layout="frames_bins",
        ... )
        >>> model = SpleeterUNet("4stems", filters=(4, 8), front_end=front_end)
        >>> mixture = np.random.default_rng(0).uniform(size=(1, 8, 64, 2)).astype("float32")
        >>> masks = model.masks(mixture)
        >>> list(masks), bool(np.allclose(sum(masks.values()), 1, atol=1e-5))
        (['vocals', 'drums', 'bass', 'other'], True)
    """

    def __init__(
        self,
        variant="2stems",
        *,
        stems=None,
        filters=(16, 32, 64, 128, 256, 512),
        activation=None,
        softmax=None,
        dropout=0.5,
        exponent=2.0,
        mask_extension="zeros",
        frames=None,
        front_end=None,
        dtype=None,
        **kwargs,
    ):
        if variant not in VARIANTS:
            raise ValueError(
                f"variant must be one of {', '.join(VARIANTS)}. Received: variant={variant!r}"
            )
        settings = VARIANTS[variant]
        stems = settings["stems"] if stems is None else tuple(stems)
        filters = tuple(filters)
        activation = settings["activation"] if activation is None else activation
        softmax = settings["softmax"] if softmax is None else softmax
        front_end = spleeter_front_end(settings["bins"]) if front_end is None else front_end
        _check(stems, filters, activation, exponent, mask_extension, frames, front_end)

        # Layers
        size = front_end.network_shape[2]
        mixture = keras.Input((frames, front_end.bins, size), name="mixture")
        logits = {}
        for stem in stems:
            x = apply_unet(
                mixture, filters, activation=activation, dropout=dropout, name=stem, dtype=dtype
            )
            logits[stem] = layers.Conv2D(
                size, 4, dilation_rate=2, padding="same", dtype=dtype, name=f"{stem}_mask_conv"
            )(x)
        # Single precision from here: a mask in half precision has steps that can be heard.
        logits = {stem: ops.cast(x, "float32") for stem, x in logits.items()}
        if softmax:
            shares = ops.softmax(ops.stack(list(logits.values()), axis=-1), axis=-1)
            shares = {stem: shares[..., place] for place, stem in enumerate(stems)}
        else:
            shares = {
                stem: Share(dtype="float32", name=f"{stem}_share")(x) for stem, x in logits.items()
            }
        outputs = {
            stem: layers.Multiply(dtype="float32", name=stem)((share, mixture))
            for stem, share in shares.items()
        }

        # Functional model
        super().__init__(inputs=mixture, outputs=outputs, **kwargs)

        # Config
        self.variant = variant
        self.stems = stems
        self.filters = filters
        self.activation = activation
        self.softmax = softmax
        self.dropout = dropout
        self.exponent = exponent
        self.mask_extension = mask_extension
        self.frames = frames
        self.front_end = front_end
        self._dtype_argument = dtype

    @property
    def sample_rate(self) -> int:
        """Of the waveforms whose magnitudes the network sees, in Hz."""
        return self.front_end.sample_rate

    @property
    def channels(self) -> int:
        """Of the waveforms whose magnitudes the network sees."""
        return self.front_end.channels

    def masks(self, mixture):
        """Returns how the stems share a mixture's magnitude, a dict stem -> mask in [0, 1].

        Each is the ratio of the stem's estimate, to the power of `exponent`, to the sum of all
        stems'; together they are one everywhere, and all the same where the mixture is silent.

        Args:
            mixture: `(batch, frames, bins, channels)`, of which the masks have the shape.
        """
        estimates = self(mixture, training=False)
        powers = {stem: self._power(estimate) for stem, estimate in estimates.items()}
        total = sum(powers.values()) + RATIO_FLOOR
        share = RATIO_FLOOR / len(powers)
        return {stem: (power + share) / total for stem, power in powers.items()}

    def _power(self, estimate):
        return ops.square(estimate) if self.exponent == 2 else ops.power(estimate, self.exponent)

    def get_config(self):
        return {
            "variant": self.variant,
            "stems": self.stems,
            "filters": self.filters,
            "activation": self.activation,
            "softmax": self.softmax,
            "dropout": self.dropout,
            "exponent": self.exponent,
            "mask_extension": self.mask_extension,
            "frames": self.frames,
            "front_end": keras.saving.serialize_keras_object(self.front_end),
            "dtype": keras.saving.serialize_keras_object(self._dtype_argument),
            "name": self.name,
            "trainable": self.trainable,
        }


def _check(stems, filters, activation, exponent, mask_extension, frames, front_end) -> None:
    if len(stems) < 2 or len(set(stems)) < len(stems):
        raise ValueError(f"stems must be two or more different names. Received: stems={stems}")
    if not filters:
        raise ValueError(f"filters must name at least one level. Received: filters={filters}")
    if activation not in ACTIVATIONS:
        raise ValueError(
            f"activation must be one of {', '.join(ACTIVATIONS)}. "
            f"Received: activation={activation!r}"
        )
    if exponent <= 0:
        raise ValueError(f"exponent must be positive. Received: exponent={exponent}")
    if mask_extension not in MASK_EXTENSIONS:
        raise ValueError(
            f"mask_extension must be one of {', '.join(MASK_EXTENSIONS)}. "
            f"Received: mask_extension={mask_extension!r}"
        )
    if front_end.normalization == "min_max" or front_end.layout != "frames_bins":
        raise ValueError(
            "the network takes magnitudes in the layout 'frames_bins', not decibels. "
            f"Received: front_end={front_end}"
        )
    front_end.check_halving(len(filters), frames)

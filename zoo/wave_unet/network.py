"""The Wave-U-Net of Stoller, Ewert and Dixon."""

from types import SimpleNamespace

import keras
from keras import layers

from zoo.presets import PresetMixin
from zoo.wave_unet.blocks import (
    apply_convolution,
    apply_decoder_level,
    apply_downsampling,
    apply_output,
)
from zoo.wave_unet.layers import CropConcatenate, Difference
from zoo.wave_unet.lengths import Lengths
from zoo.wave_unet.variants import DOWNSAMPLING, complete_settings, surplus_samples


@keras.saving.register_keras_serializable(package="stemzoo")
class WaveUNet(PresetMixin, keras.Model):
    """U-Net on waveforms: one-dimensional convolutions, decimation, interpolation.

    Source: Stoller, Ewert, Dixon, "Wave-U-Net: A Multi-Scale Neural Network for End-to-End Audio
    Source Separation", ISMIR 2018, section 3, and the authors' program, whose outputs it repeats.

    Args:
        variant: "M1" to "M7" or "M5-HighSR" of the paper's table 1. It stands for values of the
            arguments below, which take its place one by one where they are given.
        sample_rate: of the waveforms, in Hz.
        channels: of input and outputs.
        sources: names of the outputs; with `output_type="difference"` the last is what the others
            leave of the mixture.
        levels: how often the rate is halved.
        initial_filters: of the first level; level `i` has `i` times as many.
        kernel_size: of encoder and bottleneck.
        decoder_kernel_size: of the decoder.
        output_kernel_size: of the outputs.
        leakiness: negative slope of the activations.
        context: whether convolutions see real samples only, so that the output is shorter than the
            input (see `input_samples`); else their borders are padded with zeros.
        upsampling: "linear", "learned" (interpolation with one weight a channel) or "transposed"
            (convolution of three taps).
        downsampling: "decimate", "strided" (a further convolution of three taps) or "max_pool".
        dilation: of the convolutions of the encoder and the bottleneck; one number, or one for each
            of the `levels + 1`.
        output_type: "direct", one tanh for each source, or "difference".
        scales: at how many rates the sources are estimated. Beyond one, for training, the network
            has further outputs named `<source>_2`, `<source>_4`, ..., at the rate divided by that
            number, whose grids `scale_grid` tells.
        segment_samples: of the outputs in training; rounded up to what fits.

    Returns:
        A dict source -> `(batch, output samples, channels)` in [-1, 1] of a mixture
        `(batch, input samples, channels)` in [-1, 1]. In training, the last source of a difference
        is not clipped.

    Raises:
        ValueError: if an argument is out of range, or the input's length does not fit.

    Example:
        >>> model = WaveUNet("M4", levels=4, initial_filters=4)
        >>> samples = model.input_samples(1000)
        >>> stems = model(np.zeros((1, samples, 2), "float32"))
        >>> samples, {source: tuple(stem.shape) for source, stem in stems.items()}
        (1507, {'accompaniment': (1, 1013, 2), 'vocals': (1, 1013, 2)})
    """

    def __init__(
        self,
        variant="M1",
        *,
        sample_rate=None,
        channels=None,
        sources=None,
        levels=None,
        initial_filters=None,
        kernel_size=None,
        decoder_kernel_size=None,
        output_kernel_size=None,
        leakiness=None,
        context=None,
        upsampling=None,
        downsampling=None,
        dilation=None,
        output_type=None,
        scales=None,
        segment_samples=None,
        dtype=None,
        **kwargs,
    ):
        settings = complete_settings(
            variant,
            {
                "sample_rate": sample_rate,
                "channels": channels,
                "sources": sources,
                "levels": levels,
                "initial_filters": initial_filters,
                "kernel_size": kernel_size,
                "decoder_kernel_size": decoder_kernel_size,
                "output_kernel_size": output_kernel_size,
                "leakiness": leakiness,
                "context": context,
                "upsampling": upsampling,
                "downsampling": downsampling,
                "dilation": dilation,
                "output_type": output_type,
                "scales": scales,
                "segment_samples": segment_samples,
            },
        )
        s = SimpleNamespace(**settings)
        dilations = s.dilation if isinstance(s.dilation, tuple) else (s.dilation,) * (s.levels + 1)

        # Layers
        mixture = keras.Input((None, s.channels), name="mixture")
        shared = {"padding": "valid" if s.context else "same", "dtype": dtype}
        convolution = {"leakiness": s.leakiness, **shared}
        x, skips = mixture, []
        for level in range(s.levels):
            name, filters = f"encoder_{level + 1}", s.initial_filters * (level + 1)
            x = apply_convolution(
                x,
                filters,
                s.kernel_size,
                level=level,
                dilation=dilations[level],
                name=name,
                **convolution,
            )
            skips.append(x)
            x = apply_downsampling(x, s.downsampling, name=f"{name}_downsampling", **shared)
        filters = s.initial_filters * (s.levels + 1)
        x = apply_convolution(
            x, filters, s.kernel_size, dilation=dilations[-1], name="bottleneck", **convolution
        )
        features = {s.levels: x}
        for level in reversed(range(s.levels)):
            name, filters = f"decoder_{level + 1}", s.initial_filters * (level + 1)
            x = apply_decoder_level(
                x,
                skips[level],
                filters,
                s.decoder_kernel_size,
                upsampling=s.upsampling,
                name=name,
                **convolution,
            )
            features[level] = x
        x = CropConcatenate(dtype=dtype, name="output_skip")((mixture, x))
        head = {"channels": s.channels, "kernel_size": s.output_kernel_size, **shared}
        estimated = s.sources[:-1] if s.output_type == "difference" else s.sources
        outputs = {source: apply_output(x, name=source, **head) for source in estimated}
        if s.output_type == "difference":
            difference = Difference(dtype="float32", name=f"{s.sources[-1]}_difference")
            outputs[s.sources[-1]] = difference((mixture, *outputs.values()))
        for level in range(1, s.scales):
            scale = 2**level
            margin = -(-surplus_samples(settings, level) // scale)
            x = layers.Cropping1D(margin, dtype=dtype, name=f"scale_{scale}")(features[level])
            for source in s.sources:
                outputs[f"{source}_{scale}"] = apply_output(
                    x, name=f"{source}_{scale}", **{**head, "kernel_size": 1}
                )

        # Functional model
        super().__init__(inputs=mixture, outputs=outputs, **kwargs)

        # Config
        self.variant = variant
        for name, value in settings.items():
            setattr(self, name, value)
        self._lengths = Lengths(
            kernel_size=s.kernel_size,
            decoder_kernel_size=s.decoder_kernel_size,
            output_kernel_size=s.output_kernel_size,
            dilation=dilations,
            surplus=DOWNSAMPLING[s.downsampling],
            context=s.context,
            least=1 + max(-surplus_samples(settings, n) % 2**n for n in range(s.scales)),
        )
        self._settings = settings
        self._dtype_argument = dtype

    @property
    def length_step(self) -> int:
        """Samples from one length that fits to the next, of input and output: `2 ** levels`."""
        return self._lengths.step

    def input_samples(self, output_samples: int) -> int:
        """Returns the shortest input, in samples, with at least so many samples of output.

        Raises:
            ValueError: if `output_samples` is not positive.
        """
        return self._lengths.window(output_samples)[0]

    def output_samples(self, input_samples: int) -> int:
        """Returns how many samples come out if so many go in.

        They are the input's middle ones: with context, the input has
        `(input_samples - output_samples) // 2` more in front.

        Raises:
            ValueError: if the input's length does not fit; the message names the nearest that do.
        """
        return self._lengths.output_samples(input_samples)

    def scale_grid(self, scale: int) -> int:
        """Returns which output sample the first one at the rate divided by `scale` lies at.

        The next one is `scale` samples later, and so on, as far as the output goes.
        """
        return -surplus_samples(self._settings, scale.bit_length() - 1) % scale

    @property
    def export_example_shapes(self) -> list[dict[str, tuple[int, int, int]]]:
        """Shapes that exercise a file: a training segment, and two of the shortest windows."""
        sizes = (1, self.segment_samples), (2, 1)
        return [{"mixture": (n, self.input_samples(made), self.channels)} for n, made in sizes]

    def call(self, inputs, training=None, mask=None):
        if inputs.shape[1] is not None:
            self.output_samples(inputs.shape[1])
        return super().call(inputs, training=training, mask=mask)

    def get_config(self):
        return {
            "variant": self.variant,
            **self._settings,
            "dtype": keras.saving.serialize_keras_object(self._dtype_argument),
            "name": self.name,
            "trainable": self.trainable,
        }

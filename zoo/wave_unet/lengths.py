"""How long a Wave-U-Net's input must be for an output of some length, and the reverse."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lengths:
    """Lengths in samples that a Wave-U-Net's levels fit together for.

    With same padding, the multiples of `2 ** levels`. With context, those for which no level loses
    a sample, so that all windows lie on the same grid: one more sample in the bottleneck is
    `step` more in input and output.

    Args:
        kernel_size: of encoder and bottleneck.
        decoder_kernel_size: of the decoder.
        output_kernel_size: of the outputs.
        dilation: of the encoder's levels and the bottleneck.
        surplus: what a level's downsampling takes beyond two samples for each that it returns.
        context: whether convolutions are valid ones.
        least: samples that an output has at least, so that one of every lower rate lies on it.
    """

    kernel_size: int
    decoder_kernel_size: int
    output_kernel_size: int
    dilation: tuple[int, ...]
    surplus: int
    context: bool
    least: int = 1

    @property
    def step(self) -> int:
        """Samples from one possible length to the next, `2 ** levels`."""
        return 2 ** (len(self.dilation) - 1)

    def _window(self, bottleneck: int) -> tuple[int, int]:
        """(input, output) samples around a bottleneck that puts out so many."""
        if not self.context:
            return bottleneck * self.step, bottleneck * self.step
        *levels, innermost = self.dilation
        given = bottleneck + (self.kernel_size - 1) * innermost
        made = bottleneck
        for dilation in reversed(levels):
            given = 2 * given + self.surplus + (self.kernel_size - 1) * dilation
            made = 2 * made - 1 - (self.decoder_kernel_size - 1)
        return given, made - (self.output_kernel_size - 1)

    def window(self, output_samples: int) -> tuple[int, int]:
        """The smallest possible (input, output) with at least so many output samples.

        Raises:
            ValueError: if `output_samples` is not positive.
        """
        if output_samples < 1:
            raise ValueError(
                f"output_samples must be positive. Received: output_samples={output_samples}"
            )
        missing = max(output_samples, self.least) - self._window(1)[1]
        return self._window(1 + max(0, -(-missing // self.step)))

    def output_samples(self, input_samples: int) -> int:
        """Samples that come out if so many go in.

        Raises:
            ValueError: if the input does not fit, naming the nearest that do.
        """
        shortest, made = self.window(1)
        surplus = (input_samples - shortest) % self.step
        if input_samples < shortest or surplus:
            fitting = [input_samples - surplus, input_samples - surplus + self.step]
            fitting = [n for n in fitting if n >= shortest] or [shortest]
            raise ValueError(
                f"the network takes {shortest} samples or a multiple of {self.step} more; nearest "
                f"are {' and '.join(map(str, fitting))}. Received: {input_samples} samples"
            )
        return made + input_samples - shortest

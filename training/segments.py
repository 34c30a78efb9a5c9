"""One training segment in the tf.data graph: waveforms, context, targets at several rates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import keras
import tensorflow as tf
from scipy.fft import next_fast_len

from training.bank import SongBank
from training.decode import MIXTURE
from training.remix import Remix
from training.source_gains import SourceGains
from training.transforms.transform import Transform, total_margin, transformed
from training.waveforms import EQUALIZER_BINS, coarse, equalized


@dataclass(frozen=True)
class SegmentSizes:
    """What the pipeline has to know of a network for waveforms.

    Args:
        input_samples: of a mixture.
        output_samples: of a target; they are the middle ones of the mixture.
        grids: scale -> at which of these the target at the rate divided by `scale` begins.
    """

    input_samples: int
    output_samples: int
    grids: Mapping[int, int]

    @classmethod
    def of(cls, network: keras.Model) -> "SegmentSizes":
        """Asks a network, which is one like `zoo.WaveUNet`."""
        input_samples = network.input_samples(network.segment_samples)
        scales = [2**level for level in range(1, network.scales)]
        return cls(
            input_samples,
            network.output_samples(input_samples),
            {scale: network.scale_grid(scale) for scale in scales},
        )


class SegmentMaker:
    """Makes one (mixture, {target: segment}) of a bank of songs.

    Args:
        bank: the songs.
        sizes: of the network.
        targets: target name -> the bank's rows that add up to it.
        augment: what is done to stems that are remixed.
    """

    unit = "segments"

    def __init__(
        self,
        bank: SongBank,
        sizes: SegmentSizes,
        targets: Mapping[str, Sequence[int]],
        *,
        augment: Sequence[Transform] = (),
    ):
        self.bank = bank
        self.sizes = sizes
        self.targets = targets
        self.augment = tuple(augment)
        self.length = sizes.output_samples
        self._context = (sizes.input_samples - sizes.output_samples) // 2
        # Smoothed targets see their neighbours.
        self._margin = max(sizes.grids, default=0)
        widest = self._margin + total_margin(self.augment, bank.sample_rate) + EQUALIZER_BINS
        lead, window = self._window(widest, 2 * (EQUALIZER_BINS - 1))
        # Samples before an example's place that it may need, and from there on.
        self.reach = lead, window - lead

    def original(self, song, position):
        """A song's own mixture, and its targets in the middle of it.

        Args:
            song: int64 scalar tensor.
            position: int64 scalar tensor, the targets' first sample.
        """
        lead, window = self._window(self._margin)
        rows = [
            self.bank.segment(row, song, position - lead, window)
            for row in range(len(self.bank.rows))
        ]
        given = MIXTURE in self.bank.rows
        mixture = rows[-1] if given else tf.add_n(rows)
        targets = [tf.add_n([rows[row] for row in of]) for of in self.targets.values()]
        return self._finish(mixture, targets, lead)

    def remixed(self, remix: Remix | SourceGains, *, key, number, patches: int):
        """Stems as they are drawn, transformed; what exceeds full scale is scaled down.

        Args:
            remix: how.
            key: int64 scalar tensor, the epoch's seed.
            number: int64 scalar tensor, the segment's number in its epoch.
            patches: segments of an epoch.
        """
        draw = remix.draw(
            self.bank, self.length, key=key, number=number, patches=patches, targets=self.targets
        )
        groups = [range(len(self.bank.stems)), *self.targets.values()]
        margin = self._margin + total_margin(self.augment, self.bank.sample_rate)
        if remix.equalizes:
            lead, window = self._window(margin + EQUALIZER_BINS, 2 * (EQUALIZER_BINS - 1))
            rows = self._rows(draw, window, lead, key=key, number=number)
            curves = remix.equalizers(len(rows), EQUALIZER_BINS, key=key, number=number)
            mixture, *targets = equalized(rows, curves, groups)
        else:
            lead, window = self._window(margin)
            rows = self._rows(draw, window, lead, key=key, number=number)
            mixture, *targets = (tf.add_n([rows[row] for row in group]) for group in groups)
        segment, outputs = self._finish(mixture, targets, lead)
        gain = 1 / tf.maximum(tf.reduce_max(tf.abs(segment)), 1.0)
        return segment * gain, {name: output * gain for name, output in outputs.items()}

    def _rows(self, draw, window: int, lead: int, *, key, number) -> list:
        """The stems of a draw, transformed, `(window, channels)` each."""
        return transformed(
            self.augment,
            draw.waveforms(self.bank, window, lead=lead),
            stems=self.bank.stems,
            sample_rate=self.bank.sample_rate,
            key=key,
            number=number,
        )

    def _window(self, margin: int, step: int = 1) -> tuple[int, int]:
        """(samples before the targets, samples in all) to cut from the bank.

        Args:
            margin: samples wanted on both sides of the input.
            step: which the whole is a multiple of, one that Fourier transforms are fast for.
        """
        wanted = self.sizes.input_samples + 2 * margin
        if step > 1:
            wanted = step * next_fast_len(-(-wanted // step))
        return self._context + margin, wanted

    def _finish(self, mixture, targets, lead: int):
        """Cuts input and targets from waveforms that begin `lead` samples before the targets."""
        start = lead - self._context
        segment = mixture[start : start + self.sizes.input_samples]
        outputs = {
            name: target[lead : lead + self.length]
            for name, target in zip(self.targets, targets, strict=True)
        }
        for scale, grid in self.sizes.grids.items():
            count = -(-(self.length - grid) // scale)
            for name, target in zip(self.targets, targets, strict=True):
                outputs[f"{name}_{scale}"] = coarse(target, scale, lead + grid, count)
        return segment, outputs

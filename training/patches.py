"""One training patch in the tf.data graph: segments, spectra, magnitudes, normalisation."""

from collections.abc import Mapping, Sequence

import tensorflow as tf

from training.bank import SongBank
from training.decode import MIXTURE
from training.remix import Remix
from training.source_gains import SourceGains
from training.transforms.transform import Transform, total_margin, transformed
from zoo.front_end import FrontEnd

ENERGY_FLOOR = 1e-6


def finished_patch(
    front_end: FrontEnd, mixture, targets: Mapping[str, tf.Tensor], *, energy_weights: bool
):
    """Brings magnitudes `(channels, frames, bins)` to the network's layout and scale.

    Returns:
        (mixture, {target: patch}[, weight]), without the axis of the batch.
    """
    inputs, scale = front_end.normalize(mixture)  # (1, bins, frames, channels)
    outputs = {name: front_end.to_network(target / scale)[0] for name, target in targets.items()}
    if not energy_weights:
        return inputs[0], outputs
    energy = tf.maximum(tf.reduce_mean(tf.square(inputs)), ENERGY_FLOOR)
    return inputs[0], outputs, tf.reshape(1.0 / energy, (1, 1))


def in_phase(front_end: FrontEnd, stem, mixture, magnitude):
    """What of a stem lies in the direction of the mixture's phase, which masks keep.

    A mask times the mixture is as far from the stem as its magnitude is from this, and what lies
    across, on which the mask has no influence: where stems cancel each other, it is negative.
    Source: Erdogan, Hershey, Watanabe, Le Roux, "Phase-Sensitive and Recognition-Boosted Speech
    Separation Using Deep Recurrent Neural Networks", ICASSP 2015, section 3.

    Args:
        front_end: whose band the result has.
        stem: real and imaginary part of its spectrum, `(..., frames, spectrum bins)`.
        mixture: the same of the mixture.
        magnitude: of the mixture in the band, `(..., frames, bins)`.
    """
    products = (part * other for part, other in zip(stem, mixture, strict=True))
    return tf.math.divide_no_nan(front_end.in_band(sum(products)), magnitude)


def _channels_first(waveform):
    """`(samples, channels)` -> `(channels, samples)`."""
    # Transposing would copy what is in order already.
    if waveform.shape[1] == 1:
        return tf.reshape(waveform, (1, -1))
    return tf.transpose(waveform)


class PatchMaker:
    """Makes one (mixture, {target: patch}[, weight]) of a bank of songs.

    Args:
        bank: the songs, with the front end's channels.
        front_end: transform and patch length.
        targets: target name -> the bank's rows that add up to it.
        energy_weights: whether to return a weight.
        phase_sensitive: whether targets are what a mask should leave of the mixture's magnitude,
            not the stems' own magnitudes.
        augment: what is done to stems that are remixed.
    """

    unit = "patches"

    def __init__(
        self,
        bank: SongBank,
        front_end: FrontEnd,
        targets: Mapping[str, Sequence[int]],
        *,
        energy_weights: bool,
        phase_sensitive: bool = False,
        augment: Sequence[Transform] = (),
    ):
        self.bank = bank
        self.front_end = front_end
        self.targets = targets
        self.energy_weights = energy_weights
        self.phase_sensitive = phase_sensitive
        self.augment = tuple(augment)
        self.length = front_end.patch_samples()
        self._margin = total_margin(self.augment, bank.sample_rate)
        # Samples before an example's place that it may need, and from there on.
        self.reach = self._margin, self.length + self._margin

    def original(self, song, position):
        """A song's own mixture, and its targets at the same place.

        Args:
            song: int64 scalar tensor.
            position: int64 scalar tensor, the first sample.
        """
        rows = [
            _channels_first(self.bank.segment(row, song, position, self.length))
            for row in range(len(self.bank.rows))
        ]
        given = MIXTURE in self.bank.rows
        return self._transformed(rows[-1] if given else tf.add_n(rows), rows)

    def remixed(self, remix: Remix | SourceGains, *, key, number, patches: int):
        """Stems as they are drawn, through transforms, each through an equaliser of its own.

        Args:
            remix: how.
            key: int64 scalar tensor, the epoch's seed.
            number: int64 scalar tensor, the patch's number in its epoch.
            patches: patches of an epoch.
        """
        draw = remix.draw(
            self.bank, self.length, key=key, number=number, patches=patches, targets=self.targets
        )
        rows = transformed(
            self.augment,
            draw.waveforms(self.bank, self.length + 2 * self._margin, lead=self._margin),
            stems=self.bank.stems,
            sample_rate=self.bank.sample_rate,
            key=key,
            number=number,
        )
        inner = slice(self._margin, self._margin + self.length)
        waveforms = [_channels_first(row[inner]) for row in rows]
        if not remix.equalizes:
            return self._transformed(tf.add_n(waveforms), waveforms)
        bins = self.front_end.spectrum_bins
        curves = remix.equalizers(len(waveforms), bins, key=key, number=number)
        # One stem at a time: seven spectra side by side would not fit a processor's cache.
        real, imaginary = [], []
        for waveform, curve in zip(waveforms, tf.unstack(curves), strict=True):
            # (channels, frames, bins)
            spectrum = self.front_end.stft(waveform, center=False)
            real.append(spectrum[0] * curve)
            imaginary.append(spectrum[1] * curve)

        def spectrum(rows):
            return tf.add_n([real[row] for row in rows]), tf.add_n([imaginary[row] for row in rows])

        targets = [spectrum(rows) for rows in self.targets.values()]
        return self._finish(spectrum(range(len(real))), targets)

    def _transformed(self, mixture, rows):
        """From waveforms of the mixture and of the rows of stems, `(channels, samples)` each."""
        waveforms = [mixture]
        waveforms += [tf.add_n([rows[row] for row in of]) for of in self.targets.values()]
        spectra = self.front_end.stft(tf.concat(waveforms, axis=0), center=False)
        # Real and imaginary parts, (channels, frames, bins) each
        parts = [tf.split(part, len(waveforms)) for part in spectra]
        mixture, *targets = zip(*parts, strict=True)
        return self._finish(mixture, targets)

    def _finish(self, mixture, targets):
        """From spectra, pairs of real and imaginary parts `(channels, frames, bins)`."""
        magnitude = self.front_end.magnitude(*mixture)
        if self.phase_sensitive:
            wanted = [in_phase(self.front_end, target, mixture, magnitude) for target in targets]
        else:
            wanted = [self.front_end.magnitude(*target) for target in targets]
        named = dict(zip(self.targets, wanted, strict=True))
        return finished_patch(self.front_end, magnitude, named, energy_weights=self.energy_weights)

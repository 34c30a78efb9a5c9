"""Separation by mask networks: short-time spectra, cross-faded masks, overlap-add."""

import math

import numpy as np
from keras import ops

from zoo.channel_groups import grouped, ungrouped
from zoo.crossfade import fade_weights, faded_over, parts
from zoo.mask_networks import MaskNetworks
from zoo.patch_grid import DEFAULT, PatchGrid
from zoo.spectral import cut, frame, hann, overlap_add, overlap_add_scaled, window_energy


class MaskSeparation:
    """How a `Separator` separates with one or several mask networks.

    Networks of one channel make one mask a stem from the mono mix, which is applied to every
    channel with the mixture's phase; others get as many channels at a time as they have, and make a
    mask for each. The networks see patches whose masks are cross-faded where they overlap.
    Arguments and errors are those of `Separator`.
    """

    window = None
    downmix = None

    def __init__(
        self,
        network,
        *,
        stem=None,
        residual=DEFAULT,
        overlap=None,
        window=None,
        downmix=None,
        mask_extension=None,
    ):
        self.masks_of = made = MaskNetworks(network, stem=stem, mask_extension=mask_extension)
        self.networks, self.front_end = made.models, made.front_end
        self.mask_extension = made.mask_extension
        # With one network of all stems, what one of them is by default is up to the network.
        usual = None if made.joint else "accompaniment"
        self.residual = usual if residual == DEFAULT else residual
        if self.residual in made.stems and not made.joint:
            if not hasattr(network, "items") or self.residual != "accompaniment":
                raise ValueError(
                    f"residual is a network's stem. Received: residual={self.residual}"
                )
            self.residual = None
        self.separated = tuple(name for name in made.stems if name != self.residual)
        if window is not None:
            raise ValueError(
                f"window is for waveform networks without context. Received: window={window}"
            )
        if downmix is not None:
            raise ValueError(f"downmix is for mono waveform networks. Received: downmix={downmix}")
        front_end = self.front_end
        frames = front_end.frames
        usual = frames // 4 if made.cross_faded else 0
        self.overlap = usual if overlap is None else overlap
        if not 0 <= self.overlap <= frames // 2:
            raise ValueError(
                f"overlap must be between 0 and half a patch, {frames // 2} frames. "
                f"Received: overlap={overlap}"
            )
        reach = front_end.frame_length - front_end.frame_step
        if (frames - self.overlap) * front_end.frame_step < reach:
            raise ValueError(
                f"a patch must move forward by {reach} samples at least, to the end of its first "
                f"frame. Received: frames={frames}, overlap={self.overlap}"
            )
        length = front_end.frame_length
        pad = length // 2 if made.cross_faded else length
        self.grid = PatchGrid(
            step=(frames - self.overlap) * front_end.frame_step,
            # No less than the silence, so that a first buffer in streaming begins with the signal.
            lookahead=max(front_end.patch_samples(self.overlap), pad),
            pad=pad,
            offset=0,
            reflect=made.cross_faded,
        )

    @property
    def channels(self) -> int | None:
        """That the networks get at a time; `None` where they hear the mean of any number."""
        return self.front_end.channels if self.front_end.channels > 1 else None

    @property
    def sample_rate(self) -> int:
        """Of input and output, in Hz."""
        return self.front_end.sample_rate

    @property
    def chunk_samples(self) -> int:
        """Samples that whole-song inference takes at a time by default."""
        values = math.prod(self.front_end.network_shape)
        return self.grid.chunk_samples(self.sample_rate, values)

    def initial_state(self, channels: int) -> dict[str, np.ndarray]:
        """Returns the state before the first call of `process`, for a batch of one.

        Where networks get several channels at a time, `channels` are those of whole groups. The
        arrays: "masks" `(masks, overlap, bins)`, weighted masks of frames that the next patch will
        share, "weights" `(1, overlap, 1)` of them, "tails" `(stems * channels, tail)`, "uppers"
        `(stems * groups, tail)` and "energy" `(1, tail)`, the unfinished overlap-add of the
        outputs, of their upper masks and of their squared windows.
        """
        front_end, stems, size = self.front_end, len(self.separated), self.channels
        groups = -(-channels // size) if size else 1
        tail = front_end.frame_length - front_end.frame_step
        shapes = {
            "masks": (stems * groups * (size or 1), self.overlap, front_end.bins),
            "weights": (1, self.overlap, 1),
            "tails": (stems * (groups * size if size else channels), tail),
            "uppers": (stems * groups, tail),
            "energy": (1, tail),
        }
        return {name: np.zeros(shape, "float32") for name, shape in shapes.items()}

    def process(self, waveform, state):
        """The networks' stems, upper masks and the next state of a stretch: `Separator.process`."""
        groups = grouped(waveform, self.channels) if self.channels else waveform
        samples, channels = ops.shape(groups)[1], ops.shape(groups)[2]
        signal = ops.reshape(ops.transpose(groups, (0, 2, 1)), (-1, samples))
        signal = self._whole_patches(signal)
        stems, uppers, state = self._process(signal, channels, state)
        stems = {stem: ops.transpose(signal, (0, 2, 1)) for stem, signal in stems.items()}
        if groups is not waveform:
            count = -(-ops.shape(waveform)[2] // self.channels)
            stems = {stem: ungrouped(signal, waveform) for stem, signal in stems.items()}
            uppers = {stem: _mean_of_groups(upper, count) for stem, upper in uppers.items()}
        return stems, uppers, state

    def _whole_patches(self, signal):
        """A stretch `(rows, samples)` without what is beyond its last patch."""
        beyond = self.grid.lookahead - self.front_end.patch_samples(self.overlap)
        return cut(signal, 0, ops.shape(signal)[1] - beyond) if beyond else signal

    def whole(self, waveform):
        """The networks' stems `(batch, samples, channels)` of a signal in one piece."""
        stems, _, _ = self.process(self.grid.whole(waveform), None)
        samples = ops.shape(waveform)[1]
        return {stem: cut(signal, self.grid.skip, samples) for stem, signal in stems.items()}

    def masks(self, waveform):
        """Each network's mask of a signal in one piece: `Separator.masks`."""
        front_end, size = self.front_end, self.channels
        groups = grouped(waveform, size) if size else ops.mean(waveform, axis=2, keepdims=True)
        padded = self.grid.whole(groups)
        signal = ops.reshape(ops.transpose(padded, (0, 2, 1)), (-1, ops.shape(padded)[1]))
        signal = self._whole_patches(signal)
        magnitude = front_end.magnitude(*front_end.stft(signal, center=False))
        masks, _ = self._masks(magnitude, None)
        # The first frame that is centred on the signal, and as many as `STFT` has.
        first = -(-(self.grid.pad - front_end.frame_length // 2) // front_end.frame_step)
        frames = -(-ops.shape(waveform)[1] // front_end.frame_step) + 1
        masks = [cut(mask, first, frames) for mask in parts(masks, len(self.separated))]
        if size:
            masks = [self._mask_of_channels(mask, frames, waveform) for mask in masks]
        return dict(zip(self.separated, masks, strict=True))

    def _mask_of_channels(self, mask, frames, waveform):
        """`(batch * groups * size, frames, bins)` -> `(batch, frames, bins, channels)`."""
        size, bins = self.channels, self.front_end.bins
        mask = ops.reshape(mask, (-1, size, frames * bins))
        mask = ungrouped(ops.transpose(mask, (0, 2, 1)), waveform)
        return ops.reshape(mask, (-1, frames, bins, ops.shape(waveform)[2]))

    def _masks(self, magnitude, state):
        """Cross-faded masks of the frames that no later patch changes.

        Args:
            magnitude: `(rows, frames, bins)`, frames = patches * hop + overlap; a row is a song's
                mean, or one of its channels, those of a group next to one another.
            state: "masks" and "weights" of the patches before, or None.

        Returns:
            `(stems * rows, frames - overlap, bins)`, and the state for the patches after.
        """
        length, bins, size = self.front_end.frames, self.front_end.bins, self.front_end.channels
        hop = length - self.overlap
        flat = ops.reshape(magnitude, (-1, ops.shape(magnitude)[1] * bins))
        patches = frame(flat, length * bins, hop * bins)  # (rows, patches, frames * bins)
        count = ops.shape(patches)[1]
        patches = _exchanged(patches, size, count, length * bins)
        inputs, _ = self.front_end.normalize(ops.reshape(patches, (-1, length, bins)))
        fade = fade_weights(length, self.overlap)[:, None]
        masks, summed = self.masks_of(inputs), []
        for stem in self.separated:
            mask = self.front_end.from_network(masks[stem])
            if self.overlap:
                mask = mask * fade
            mask = _exchanged(mask, count, size, length * bins)
            mask = overlap_add(ops.reshape(mask, (-1, count, length * bins)), hop * bins)
            summed.append(ops.reshape(mask, (-1, count * hop + self.overlap, bins)))
        masks = ops.concatenate(summed, axis=0)
        known = None if state is None else (state["masks"], state["weights"])
        masks, (later, weights) = faded_over(masks, count * hop, self.overlap, known)
        return masks, {"masks": later, "weights": weights}

    def _whole_band(self, masks):
        """Masks of all bins, `(rows, frames, frame_length // 2 + 1)`, of those of the band."""
        front_end = self.front_end
        full = front_end.restore_band(masks)
        if self.mask_extension == "average":
            above = np.zeros(front_end.spectrum_bins, "float32")
            above[front_end.first_bin + front_end.bins :] = 1
            full = full + ops.mean(masks, axis=-1, keepdims=True) * above
        return full

    def _process(self, signal, channels, state):
        """`process` of `(batch * channels, samples)`: stems `(batch, channels, samples)`."""
        front_end = self.front_end
        spectrum = front_end.stft(signal, center=False)  # (batch * channels, frames, all bins)
        frames, bins = ops.shape(spectrum[0])[1], front_end.spectrum_bins
        heard = spectrum
        if not self.channels:
            heard = (ops.mean(ops.reshape(x, (-1, channels, frames, bins)), axis=1) for x in heard)
        masks, next_state = self._masks(front_end.magnitude(*heard), state)

        count, done = len(self.separated), frames - self.overlap
        full = ops.reshape(self._whole_band(masks), (count, -1, front_end.channels, done, bins))

        def masked(part):
            part = ops.reshape(cut(part, 0, done), (-1, channels, done, bins))
            return ops.reshape(full * part, (-1, done, bins))

        total_energy, earlier_energy = window_energy(front_end.frame_length, front_end.frame_step)
        # Where no window reaches, the numerator is zero too: any positive floor will do.
        gain = 1 / np.maximum(total_energy, 1e-8)
        # (networks * batch * channels, frames, frame_length)
        pieces = front_end.inverse_layer.synthesis_frames(*map(masked, spectrum)) * gain
        upper = _mean_of_groups(
            ops.mean(masks[..., front_end.bins // 2 :], axis=-1), front_end.channels
        )
        squared = hann(front_end.frame_length) ** 2 * gain
        length, tail = done * front_end.frame_step, len(earlier_energy)
        known = np.zeros_like(earlier_energy[None]) if state is None else state["energy"]
        # `gain` counts on frames before the first one, of which there may be none.
        total_energy = total_energy[:tail]
        begin = total_energy / ops.maximum(total_energy - earlier_energy + known, 1e-8)
        next_state["energy"] = ops.ones_like(pieces[:1, 0, :1]) * earlier_energy

        def finished(total, name):
            """The finished part of an overlap-add; the rest goes into the state."""
            next_state[name] = total[:, length:]
            if not tail:
                return cut(total, 0, length)
            head = cut(total, 0, tail)
            if state is not None:
                head = head + state[name]
            return ops.concatenate((head * begin, cut(total, tail, length - tail)), axis=1)

        signals = parts(finished(overlap_add(pieces, front_end.frame_step), "tails"), count)
        signals = [ops.reshape(signal, (-1, channels, length)) for signal in signals]
        upper = overlap_add_scaled(upper, squared, front_end.frame_step)
        uppers = parts(finished(upper, "uppers"), count)
        stems, uppers = (dict(zip(self.separated, x, strict=True)) for x in (signals, uppers))
        return stems, uppers, next_state


def _mean_of_groups(rows, size):
    """The mean of every `size` rows of `(rows, ...)`."""
    if isinstance(size, int) and size == 1:
        return rows
    return ops.mean(ops.reshape(rows, (-1, size, *ops.shape(rows)[1:])), axis=1)


def _exchanged(rows, outer, inner, values):
    """`(n * outer, inner, values)`, as it lies in memory -> `(n * inner, outer, values)`."""
    if any(isinstance(size, int) and size == 1 for size in (outer, inner)):
        return rows
    return ops.transpose(ops.reshape(rows, (-1, outer, inner, values)), (0, 2, 1, 3))

"""Separation by a network on waveforms: borders hidden by context, or cross-faded."""

import numpy as np
from keras import ops

from zoo.channel_groups import grouped, ungrouped
from zoo.crossfade import fade_weights, faded_over, parts
from zoo.mask_networks import ALL_STEMS
from zoo.patch_grid import DEFAULT, PatchGrid
from zoo.spectral import cut, frame, overlap_add

# What whole-song inference takes at a time, in samples of output. Context is computed once for each
# chunk, so that long ones are faster (`benchmarks/windows.py`); windows without it cost the same
# however many go together.
CONTEXT_CHUNK_SAMPLES = 3 << 19
CROSSFADE_CHUNK_SAMPLES = 1 << 18
# The default overlap of windows without context is their length divided by this. With the preset
# `wave_unet_small` longer ones are no better, whatever the window (`benchmarks/overlap.py`).
OVERLAP_DIVISOR = 16


class WaveformSeparation:
    """How a `Separator` separates with one waveform network.

    What lies beyond the signal is silence, as in the Wave-U-Net authors' program. Arguments and
    errors are those of `Separator`.
    """

    front_end = None
    mask_extension = None

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
        sources = network.sources
        if mask_extension is not None:
            raise ValueError(
                f"mask_extension is for mask networks. Received: mask_extension={mask_extension!r}"
            )
        if stem is not None:
            raise ValueError(
                f"stem is for a mask network; this one names its stems, {', '.join(sources)}. "
                f"Received: stem={stem}"
            )
        if residual == DEFAULT:
            usual = ("accompaniment", "other")
            residual = next((name for name in usual if name in sources and len(sources) > 1), None)
        self.network = network
        self.networks = {ALL_STEMS: network}
        self.residual = residual
        self.separated = tuple(name for name in sources if name != residual)
        if not self.separated:
            raise ValueError(
                f"residual leaves no stem, the network has {', '.join(sources)} only. "
                f"Received: residual={residual}"
            )
        if downmix is None and network.channels == 1:
            downmix = True
        if downmix is not None and network.channels > 1:
            raise ValueError(
                f"downmix is for mono networks, this one has {network.channels} channels. "
                f"Received: downmix={downmix}"
            )
        self.downmix = downmix
        self.window = window
        self.overlap = overlap
        self.grid = self._grid()

    @property
    def sample_rate(self) -> int:
        """Of input and output, in Hz."""
        return self.network.sample_rate

    @property
    def channels(self) -> int:
        """Of the network."""
        return self.network.channels

    def _grouped(self, waveform):
        return grouped(waveform, self.channels, downmix=bool(self.downmix))

    def _ungrouped(self, groups, waveform):
        return ungrouped(groups, waveform, downmix=bool(self.downmix))

    def whole(self, waveform):
        """The network's stems `(batch, samples, channels)` of a signal in one piece."""
        stems, _, _ = self.process(self.grid.whole(waveform), None)
        samples = ops.shape(waveform)[1]
        return {stem: cut(signal, 0, samples) for stem, signal in stems.items()}

    def masks(self, waveform):
        raise ValueError(
            f"a waveform network has no masks. Received: network={type(self.network).__name__}"
        )


class ContextSeparation(WaveformSeparation):
    """With a network that sees more than it returns, `WaveUNet("M4")` for one.

    A stretch is one window of the network, whatever its length: windows a multiple of the network's
    `length_step` apart give the same samples.
    """

    chunk_samples = CONTEXT_CHUNK_SAMPLES

    def _grid(self):
        for name in ("window", "overlap"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"{name} is for networks without context, which hides this one's borders. "
                    f"Received: {name}={getattr(self, name)}"
                )
        step = self.network.length_step
        window = self.network.input_samples(step)
        context = (window - self.network.output_samples(window)) // 2
        return PatchGrid(
            step=step, lookahead=window - step, pad=context, offset=context, reflect=False
        )

    def initial_state(self, channels: int) -> dict[str, np.ndarray]:
        """Returns the state before the first call of `process`: nothing."""
        return {}

    def process(self, waveform, state):
        """The network's stems of a stretch, no upper masks, no state: `Separator.process`."""
        done = ops.shape(waveform)[1] - self.grid.lookahead
        outputs = self.network(self._grouped(waveform), training=False)
        stems = {stem: cut(outputs[stem], 0, done) for stem in self.separated}
        return {stem: self._ungrouped(x, waveform) for stem, x in stems.items()}, {}, {}


class CrossfadeSeparation(WaveformSeparation):
    """With a network that returns as much as it sees, `WaveUNet("M1")` for one.

    Windows overlap and their outputs are cross-faded, on a grid that starts at the first sample.
    """

    chunk_samples = CROSSFADE_CHUNK_SAMPLES

    def _grid(self):
        network, step = self.network, self.network.length_step
        if self.window is None:
            self.window = network.input_samples(network.segment_samples)
        if self.overlap is None:
            self.overlap = self.window // OVERLAP_DIVISOR
        window, overlap = self.window, self.overlap
        if window < 1 or window % step:
            raise ValueError(
                f"window must be a multiple of {step} samples. Received: window={window}"
            )
        if not 0 <= overlap <= window // 2:
            raise ValueError(
                f"overlap must be between 0 and half a window, {window // 2} samples. "
                f"Received: overlap={overlap}"
            )
        return PatchGrid(step=window - overlap, lookahead=overlap, pad=0, offset=0, reflect=False)

    def initial_state(self, channels: int) -> dict[str, np.ndarray]:
        """Returns the state before the first call of `process`, for a batch of one.

        The arrays: "tails" `(stems * groups, overlap * network's channels)`, weighted outputs that
        the next window will share, and "weights" `(1, overlap)` of them.
        """
        size = self.network.channels
        groups = 1 if self.downmix else -(-channels // size)
        shapes = {
            "tails": (len(self.separated) * groups, self.overlap * size),
            "weights": (1, self.overlap),
        }
        return {name: np.zeros(shape, "float32") for name, shape in shapes.items()}

    def process(self, waveform, state):
        """The network's stems of a stretch, no upper masks, the next state: `Separator.process`."""
        size, hop = self.network.channels, self.grid.step
        signal = self._grouped(waveform)
        signal = ops.reshape(signal, (-1, ops.shape(signal)[1] * size))
        windows = frame(signal, self.window * size, hop * size)  # (rows, windows, window * size)
        count = ops.shape(windows)[1]
        outputs = self.network(ops.reshape(windows, (-1, self.window, size)), training=False)
        fade = fade_weights(self.window, self.overlap)

        def added(stem):
            faded = outputs[stem] * fade[:, None]
            return overlap_add(ops.reshape(faded, (-1, count, self.window * size)), hop * size)

        total = ops.concatenate([added(stem) for stem in self.separated], axis=0)
        done, rows = count * hop, (-1, self.overlap, size)
        total = ops.reshape(total, (-1, done + self.overlap, size))
        if state is not None:
            state = ops.reshape(state["tails"], rows), ops.expand_dims(state["weights"], -1)
        total, (later, weights) = faded_over(total, done, self.overlap, state)
        state = {
            "tails": ops.reshape(later, (-1, self.overlap * size)),
            "weights": ops.squeeze(weights, -1),
        }
        finished = parts(total, len(self.separated))
        finished = [self._ungrouped(x, waveform) for x in finished]
        return dict(zip(self.separated, finished, strict=True)), {}, state

"""How a signal of any length is laid out in overlapping patches: edges and stretches."""

from dataclasses import dataclass

from zoo.array_functions import functions_of

# What arguments whose `None` means something have for a default.
DEFAULT = "default"

# What whole-song inference takes at a time: so long, but no more than one patch where patches are
# of so many values that memory counts.
_CHUNK_SECONDS = 30
_CHUNK_VALUES = 1 << 20


@dataclass(frozen=True)
class PatchGrid:
    """Where patches lie, so that a signal gives the same output however it is cut.

    A stretch holds whole patches: `patches * step + lookahead` samples, of which `patches * step`
    come out. The next one starts `patches * step` samples later. The first one starts with `pad`
    zeros.

    Its methods take NumPy arrays and return them, or tensors of Keras's backend.

    Args:
        step: samples by which one more patch moves forward.
        lookahead: samples of a stretch beyond `patches * step`.
        pad: zeros before the first sample of a signal.
        offset: where in a stretch its output begins, in samples; at most `pad`.
        reflect: whether the last stretch is filled up with the signal played backwards; else with
            silence.
    """

    step: int
    lookahead: int
    pad: int
    offset: int
    reflect: bool

    @property
    def skip(self) -> int:
        """How many samples come out before the signal's first."""
        return self.pad - self.offset

    def chunk_samples(self, sample_rate: int, values: int) -> int:
        """How much to take at a time where a patch is of so many values, in samples."""
        patches = max(1, _CHUNK_VALUES // values)
        return min(_CHUNK_SECONDS * sample_rate, patches * self.step)

    def patches(self, samples):
        """How many patches a signal of so many samples takes."""
        return (self.skip + samples + self.step - 1) // self.step

    def end(self, signal, samples):
        """What is taken to come after a signal: `samples` more of `(rows, length, ...)`."""
        return mirrored(signal, samples) if self.reflect else _silence(signal, samples)

    def whole(self, signal):
        """Continues whole signals `(rows, samples, ...)` at both ends so that each is a stretch."""
        ops = functions_of(signal)
        samples = ops.shape(signal)[1]
        rest = self.patches(samples) * self.step + self.lookahead - self.pad - samples
        signal = ops.concatenate((signal, self.end(signal, rest)), axis=1)
        if not self.pad:
            return signal
        return ops.pad(signal, ((0, 0), (self.pad, 0)) + ((0, 0),) * (len(signal.shape) - 2))


def mirrored(signal, samples):
    """What comes after a signal that is played backwards and forwards from its end on.

    The last patch of a mask network is filled up with it: such networks know music on all frames
    of a patch, and take the few sounds before a silence for vocals.

    Args:
        signal: `(rows, length, ...)`.
        samples: how many to return, more than `length` if need be.

    Returns:
        `(rows, samples, ...)`.
    """
    ops = functions_of(signal)
    length = ops.shape(signal)[1]
    if isinstance(length, int) and isinstance(samples, int) and samples <= length:
        # Places known before run time would become as many constants in an exported file.
        if type(signal).__module__.startswith("torch"):  # which knows no steps back
            return ops.flip(signal[:, length - samples :], axis=1)
        return signal[:, : length - samples - 1 if samples < length else None : -1]
    place = ops.arange(length, length + samples, dtype="int32") % (2 * length)
    return ops.take(signal, ops.minimum(place, 2 * length - 1 - place), axis=1)


def _silence(signal, samples):
    """`samples` zeros in place of a signal's `(rows, length, ...)`."""
    ops = functions_of(signal)
    shape = list(ops.shape(signal))
    shape[1] = samples
    return ops.zeros(shape, "float32")

"""The Wiener filter on songs of any length, window by window, in bounded memory."""

import weakref
from collections.abc import Iterable, Iterator

import keras
import numpy as np
from keras.tree import map_structure

from zoo.crossfade import fade_weights
from zoo.stretches import Signals
from zoo.wiener_filter import WienerFilter

_compiled: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def wiener_filtered(
    wiener: WienerFilter, pieces: Iterable[tuple[np.ndarray, Signals, Signals]]
) -> Iterator[tuple[np.ndarray, Signals, Signals]]:
    """Refines the stems of a song that comes in pieces.

    Windows of `window_frames` frames lie on a grid that starts at the first sample; the last one is
    longer, up to where the next one would end. Each is filtered by itself, and neighbours are
    cross-faded. The result depends on the song only, not on how it is cut into pieces.

    Args:
        wiener: the filter.
        pieces: (mixture, {stem: waveform}, {stem: mean upper mask}) of consecutive stretches, each
            `(samples, channels)` or `(samples,)`, as `zoo.stretches.stretches` yields them. The
            stems' samples are changed, all else is only held back.

    Yields:
        The same, in other pieces.
    """
    window = wiener.window_frames * wiener.frame_step
    overlap = wiener.overlap * wiener.frame_step
    hop = window - overlap
    rise = fade_weights(2 * overlap, overlap)[:overlap, None]
    fall = rise[::-1]
    held = None
    earlier: Signals = {}

    def refined(length: int, done: int):
        """Filters a window of what is held; `done` samples of it no later window changes."""
        nonlocal earlier, held
        mixture, stems, uppers = map_structure(lambda x: x[:length], held)
        stems = _run(wiener, mixture, stems)
        for stem, before in earlier.items():
            stems[stem][:overlap] = before + rise * stems[stem][:overlap]
        earlier = {stem: signal[done:] * fall[: length - done] for stem, signal in stems.items()}
        held = map_structure(lambda x: x[done:], held)
        return map_structure(lambda x: x[:done], (mixture, stems, uppers))

    for piece in pieces:
        held = piece if held is None else map_structure(_joined, held, piece)
        # Until the next window is whole, this one may be the last.
        while len(held[0]) >= window + hop:
            yield refined(window, hop)
    if held is not None:
        samples = len(held[0])
        yield refined(samples, samples)


def _joined(*signals: np.ndarray) -> np.ndarray:
    return np.concatenate(signals)


def _run(wiener: WienerFilter, mixture: np.ndarray, stems: Signals) -> Signals:
    function = _function(wiener, mixture.shape[1], tuple(stems))
    tensor = keras.ops.convert_to_tensor
    refined = function(tensor(mixture[None]), {k: tensor(x[None]) for k, x in stems.items()})
    return {stem: np.array(signal[0]) for stem, signal in refined.items()}


def _function(wiener: WienerFilter, channels: int, stems: tuple[str, ...]):
    """The filter, compiled once for all lengths where the backend can do so: twice as fast."""
    if keras.backend.backend() != "tensorflow":
        return wiener
    functions = _compiled.setdefault(wiener, {})
    if (channels, stems) not in functions:
        import tensorflow as tf

        own, signal = weakref.ref(wiener), tf.TensorSpec((1, None, channels), "float32")
        functions[channels, stems] = tf.function(
            lambda mixture, stems: own()(mixture, stems),
            input_signature=(signal, dict.fromkeys(stems, signal)),
            autograph=False,
        )
    return functions[channels, stems]

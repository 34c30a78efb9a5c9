"""`Separator.process` from and to NumPy arrays, compiled where Keras's backend can do so."""

import weakref

import keras
import numpy as np

_compiled: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def compiled_process(separator):
    """Returns a function that does `separator.process` on arrays; the state stays as it comes.

    One program serves all lengths and songs, and lives as long as its separator.
    """
    function = _function(separator)

    def process(waveform: np.ndarray, state: dict):
        state = {name: keras.ops.convert_to_tensor(value) for name, value in state.items()}
        stems, uppers, state = function(keras.ops.convert_to_tensor(waveform), state)
        stems, uppers = (
            {stem: np.asarray(signal) for stem, signal in signals.items()}
            for signals in (stems, uppers)
        )
        return stems, uppers, state

    return process


def _function(separator):
    """`separator.process` compiled where the backend can do so without freezing the weights."""
    if keras.backend.backend() != "tensorflow":
        return separator.process
    if separator not in _compiled:
        import tensorflow as tf

        own = weakref.ref(separator)
        _compiled[separator] = tf.function(
            lambda waveform, state: own().process(waveform, state),
            reduce_retracing=True,
            # `keras.ops` need no conversion of Python, which takes longer than all the rest.
            autograph=False,
        )
    return _compiled[separator]

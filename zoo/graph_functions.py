"""Keras's functions for tensors of a tf.data graph, whatever backend Keras runs on."""

import keras
from keras import ops


class _GraphFunctions:
    """What the front end needs of `keras.ops`, by TensorFlow's own operators."""

    def __getattr__(self, name):
        import tensorflow as tf

        # expand_dims, maximum, ones_like, pad, reshape, slice, sqrt
        return getattr(tf, name)

    @staticmethod
    def concatenate(parts, axis):
        import tensorflow as tf

        return tf.concat(parts, axis)

    @staticmethod
    def max(x, axis, keepdims):
        import tensorflow as tf

        return tf.reduce_max(x, axis=axis, keepdims=keepdims)

    @staticmethod
    def rfft(frames):
        import tensorflow as tf

        spectrum = tf.signal.rfft(frames)
        return tf.math.real(spectrum), tf.math.imag(spectrum)

    @staticmethod
    def shape(x):
        import tensorflow as tf

        sizes = tf.shape(x)
        return tuple(sizes[axis] if size is None else size for axis, size in enumerate(x.shape))

    @staticmethod
    def transpose(x, axes):
        import tensorflow as tf

        return tf.transpose(x, axes)


_graph_functions = _GraphFunctions()


def is_foreign(tensor) -> bool:
    """Whether a tensor is TensorFlow's, of an input pipeline, and Keras has another backend."""
    return keras.backend.backend() != "tensorflow" and type(tensor).__module__.startswith(
        "tensorflow"
    )


def functions_for(tensor):
    """Returns what to compute with: `keras.ops`, or the same functions for a foreign tensor.

    Input pipelines are tf.data graphs on every backend, and share the front end with the networks:
    its rules are written once, for both.

    Example:
        >>> functions_for(np.zeros(3)).__name__
        'keras.ops'
    """
    return _graph_functions if is_foreign(tensor) else ops

"""Audio files decoded inside the tf.data graph, by tensorflow-io.

Nothing needs this: songs are decoded once, outside the graph, by `zoo.audio`, or read as shards.
It is for pipelines that must not leave the graph, and takes the extra `tfio`, which pins
TensorFlow 2.16. `tests/training/tfio_environment.py` makes an environment for it, and compares its
samples with those of `zoo.audio`.
"""

from collections.abc import Callable

import tensorflow as tf

from zoo.errors import InputError


def graph_decoder() -> Callable:
    """Returns a function for `tf.data.Dataset.map`: path -> samples.

    It takes a string scalar, the path of a WAV or FLAC file of 16 bits or of an MP3 file, told
    apart by the suffix, and returns float32 `(samples, channels)` in [-1, 1], at the file's rate.
    Iterating over the dataset fails at any other file.

    Raises:
        InputError: if tensorflow-io is not installed.

    Example:
        >>> paths = tf.data.Dataset.list_files("songs/*/vocals.mp3")  # doctest: +SKIP
        >>> waveforms = paths.map(graph_decoder())  # doctest: +SKIP
    """
    try:
        from tensorflow_io import audio
    except ImportError as error:
        raise InputError(
            "decoding in the graph needs tensorflow-io: pip install 'stemzoo[tfio]', in an "
            "environment of its own, since that pins TensorFlow 2.16"
        ) from error

    def integers(decode):
        return lambda content: tf.cast(decode(content, dtype=tf.int16), tf.float32) / 32768

    decoders = {
        ".wav": integers(audio.decode_wav),
        ".flac": integers(audio.decode_flac),
        ".mp3": audio.decode_mp3,
    }

    def decode(path):
        suffix = tf.strings.lower(tf.strings.regex_replace(path, r".*(\.[^.]*)$", r"\1"))
        known = tf.constant(list(decoders))
        place = tf.where(known == suffix)
        message = "decoded in the graph are " + ", ".join(decoders)
        with tf.control_dependencies([tf.debugging.assert_equal(tf.size(place), 1, message)]):
            content = tf.io.read_file(path)
        branches = [lambda decoder=decoder: decoder(content) for decoder in decoders.values()]
        samples = tf.switch_case(tf.cast(place[0, 0], tf.int32), branches)
        return tf.ensure_shape(samples, (None, None))

    return decode

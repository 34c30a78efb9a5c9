"""Features on disk: shards of records, which recording is in which, and what made them.

`features.json` holds the settings, `index.json` an entry for each recording, and the shards are
TFRecord files of `tf.train.Example`s with `path`, `features` (uint16, 65535 for 1, row by row),
`minimum`, `maximum` (dB) and `samples`. Each of these files appears whole.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zoo.errors import InputError

SETTINGS = "features.json"
INDEX = "index.json"
FORMAT = 1
# What 1 is stored as. At 80 dB of range a step is 1.2 mdB; half precision, of the same size, would
# err by 20 mdB, and TensorFlow warns about it on most processors.
ONE = 65535


@dataclass(frozen=True)
class Record:
    """The features of one recording.

    Args:
        path: of the recording, relative to the folder of all, with `/`.
        features: uint16 `(bins, frames)`; 1 is stored as `ONE`.
        minimum, maximum: of the spectrogram, in dB.
        samples: that were decoded, before padding.
    """

    path: str
    features: np.ndarray
    minimum: float
    maximum: float
    samples: int


@dataclass(frozen=True)
class Entry:
    """What the index says of one recording: its shard, and the numbers of its `Record`."""

    shard: str
    minimum: float
    maximum: float
    samples: int


def serialized(record: Record) -> bytes:
    """A record as a `tf.train.Example`."""
    import tensorflow as tf

    def numbers(value):
        return tf.train.Feature(float_list=tf.train.FloatList(value=[value]))

    def text(value):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))

    features = {
        "path": text(record.path.encode()),
        "features": text(np.ascontiguousarray(record.features, "<u2").tobytes()),
        "minimum": numbers(record.minimum),
        "maximum": numbers(record.maximum),
        "samples": tf.train.Feature(int64_list=tf.train.Int64List(value=[record.samples])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=features))
    # Otherwise the order of the fields is random.
    return example.SerializeToString(deterministic=True)


def read_entries(shard: Path) -> dict[str, Entry]:
    """Path -> entry of the records of a shard, in their order.

    Raises:
        InputError: if the shard is damaged.
    """
    import tensorflow as tf

    entries = {}
    try:
        for record in tf.data.TFRecordDataset(str(shard)).as_numpy_iterator():
            values = tf.train.Example.FromString(record).features.feature
            entries[values["path"].bytes_list.value[0].decode()] = Entry(
                shard.name,
                values["minimum"].float_list.value[0],
                values["maximum"].float_list.value[0],
                values["samples"].int64_list.value[0],
            )
    except tf.errors.DataLossError as error:
        raise InputError(f"{shard}: is damaged; delete it and preprocess again") from error
    return entries


def read_json(path: Path) -> dict[str, Any]:
    """Reads one of the folder's JSON files.

    Raises:
        InputError: if it is missing or damaged.
    """
    try:
        value = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path.parent}: holds no features: {path.name} is missing") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: is not what stemzoo preprocess writes")
    return value


def read_index(folder: Path) -> tuple[dict[str, Entry], bool]:
    """The index's entries, in the order of their records, and whether preprocessing ended."""
    index = read_json(folder / INDEX)
    try:
        entries = {path: Entry(**values) for path, values in index["recordings"].items()}
        return entries, index["complete"]
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{folder / INDEX}: is not what stemzoo preprocess writes") from error

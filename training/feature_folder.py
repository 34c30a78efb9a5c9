"""A folder of features, as `stemzoo preprocess` writes it, read."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.feature_store import FORMAT, ONE, SETTINGS, read_index, read_json
from zoo.errors import InputError
from zoo.front_end import FrontEnd


class FeatureFolder:
    """Features of recordings and what made them.

    Attributes:
        path: of the folder.
        front_end: a `FrontEnd` with the normalisation "min_max".
        duration: seconds of each recording that were taken.
        paths: of the recordings, relative to their folder, with `/`. They are sorted, but
            for recordings that a later run of `stemzoo preprocess` added: these come last.

    Args:
        path: the folder.

    Raises:
        InputError: if it is no such folder, or preprocessing has not ended.

    Example:
        >>> folder = FeatureFolder("features")  # doctest: +SKIP
        >>> folder.load(folder.paths[:2]).shape  # doctest: +SKIP
        (2, 128, 80, 1)
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        if not self.path.is_dir():
            problem = "not a folder" if self.path.exists() else "no such folder"
            raise InputError(f"{self.path}: {problem}")
        settings = read_json(self.path / SETTINGS)
        if settings.get("format") != FORMAT:
            raise InputError(f"{self.path}: made by another version of stemzoo; preprocess again")
        try:
            self.front_end = FrontEnd(**settings["front_end"])
            self.duration: float = settings["duration"]
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{self.path / SETTINGS}: cannot be used: {error}") from error
        self._entries, complete = read_index(self.path)
        if not complete:
            raise InputError(f"{self.path}: preprocessing was interrupted; run it again")
        if not self._entries:
            raise InputError(f"{self.path}: holds no features")
        self.paths = tuple(self._entries)
        # Shard by shard, as the records are stored.
        self._shards: dict[str, list[str]] = {}
        for recording, entry in self._entries.items():
            self._shards.setdefault(entry.shard, []).append(recording)
        for shard in self._shards:
            if not (self.path / shard).is_file():
                raise InputError(f"{self.path}: {shard} is missing; preprocess again")

    def __len__(self) -> int:
        return len(self.paths)

    def decibel_ranges(self, paths: Sequence[str] | None = None) -> np.ndarray:
        """Minimum and maximum in dB of recordings' spectrograms, float32 `(recordings, 2)`."""
        entries = [self._entries[path] for path in self._known(paths)]
        return np.array([[e.minimum, e.maximum] for e in entries], "float32").reshape(-1, 2)

    def load(self, paths: Sequence[str] | None = None) -> np.ndarray:
        """Features of recordings, float32 `(recordings, bins, frames, 1)`.

        Args:
            paths: of the recordings, in any order; `None` for all.

        Raises:
            InputError: if there is no such recording, or a shard is damaged.
        """
        import tensorflow as tf

        paths = self._known(paths)
        shape = (len(paths), self.front_end.bins, self.front_end.frames, 1)
        features = np.empty(shape, "float32")
        rows: dict[str, list[int]] = {}
        for row, path in enumerate(paths):
            rows.setdefault(path, []).append(row)
        files, wanted = self.selection(rows)
        stored = [path for path in self.paths if path in rows]
        dataset = selected(files, wanted).batch(256)
        try:
            for batch in dataset.as_numpy_iterator():
                values = self.parsed(tf.constant(batch)).numpy()
                for path, value in zip(stored, values, strict=False):
                    features[rows[path]] = value
                stored = stored[len(values) :]
        except tf.errors.DataLossError as error:
            raise InputError(f"{self.path}: a shard is damaged; preprocess again") from error
        return features

    def selection(self, paths: Sequence[str] | None = None) -> tuple[list[str], list[np.ndarray]]:
        """Files of the shards that hold recordings, and which of each one's records those are."""
        wanted = set(self._known(paths))
        masks = {
            str(self.path / shard): np.array([recording in wanted for recording in recordings])
            for shard, recordings in self._shards.items()
        }
        masks = {shard: mask for shard, mask in masks.items() if mask.any()}
        return list(masks), list(masks.values())

    def parsed(self, records):
        """Serialised records -> float32 `(batch, bins, frames, 1)`, in the graph."""
        import tensorflow as tf

        described = {"features": tf.io.FixedLenFeature((), tf.string)}
        raw = tf.io.parse_example(records, described)["features"]
        shape = (-1, self.front_end.bins, self.front_end.frames, 1)
        features = tf.cast(tf.io.decode_raw(raw, tf.uint16), tf.float32) / ONE
        return tf.reshape(features, shape)

    def _known(self, paths: Sequence[str] | None) -> Sequence[str]:
        if paths is None:
            return self.paths
        for path in paths:
            if path not in self._entries:
                raise InputError(f"{self.path}: holds no features of {path}")
        return list(paths)


def selected(files: Sequence[str], masks: Sequence[np.ndarray]):
    """Serialised records of shards, in order, as a dataset of scalars.

    Args:
        files: of the shards.
        masks: for each, which of its records, bool `(records,)`.
    """
    import tensorflow as tf

    records = tf.data.TFRecordDataset(tf.constant(files, tf.string))
    return only(records, np.concatenate([np.zeros(0, bool), *masks]))


def only(records, mask):
    """Those elements of a dataset that a bool vector says."""
    import tensorflow as tf

    pairs = tf.data.Dataset.zip((records, tf.data.Dataset.from_tensor_slices(mask)))
    # Arguments of different names: AutoGraph would not tell the two functions apart.
    return pairs.filter(lambda _, wanted: wanted).map(lambda record, _: record)

"""A small problem, runs that die, and what they leave."""

import csv
from contextlib import contextmanager

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.callbacks import Backup

# A recipe's beginning; more keys of [data] and other tables may follow.
TINY = """
[model]
network = "JanssonUNet"
filters = [2, 4]

[front_end]
sample_rate = 2000
frame_length = 64
frame_step = 48
bins = 32
frames = 8

[data]
batch_size = 4
patches_per_song = 8
validation_share = 0.2
"""


def network(dropout=0.0):
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4,), name="mixture"),
            keras.layers.Dense(8, activation="relu", name="hidden"),
            keras.layers.Dropout(dropout, seed=1, name="dropout"),
            keras.layers.Dense(1, name="vocals"),
        ]
    )


def batches(count=8, seed=0, epoch=0):
    """A linear problem, new in each epoch."""
    rng = np.random.default_rng([seed, epoch])
    inputs = rng.normal(size=(count * 4, 4)).astype("float32")
    targets = {"vocals": inputs @ np.float32([[1], [-1], [2], [0]])}
    return tf.data.Dataset.from_tensor_slices((inputs, targets)).batch(4)


def endless(first_epoch):
    epochs = [batches(epoch=epoch) for epoch in range(first_epoch, 12)]
    dataset = epochs[0]
    for epoch in epochs[1:]:
        dataset = dataset.concatenate(epoch)
    return dataset


class Killed(Exception):
    pass


@contextmanager
def dying_in_epoch(number, monkeypatch):
    """Expects the run that is made within to die when this epoch, counted from 0, begins."""
    begin = Backup.on_epoch_begin

    def killed(self, epoch, logs=None):
        begin(self, epoch, logs)
        if epoch == number:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Backup, "on_epoch_begin", killed)
        yield


def dying(train, batches):
    """`train`, as it would be if the process died after so many batches of the run."""

    def die():
        raise Killed

    def dataset(first_epoch):
        rest = tf.data.Dataset.range(1).map(lambda n: tf.py_function(die, [], tf.float32))
        rest = rest.map(lambda n: (tf.zeros((4, 4)), {"vocals": tf.zeros((4, 1))}))
        return train(first_epoch).take(batches - 8 * first_epoch).concatenate(rest)

    return dataset


def history(run):
    with (run / "history.csv").open(newline="") as file:
        return [
            {name: float(value) for name, value in row.items() if value != "NA"}
            for row in csv.DictReader(file)
        ]

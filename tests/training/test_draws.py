"""Random orders, in the tf.data graph."""

import numpy as np
import tensorflow as tf

from training.draws import shuffled_numbers


def orders(key, size=40, count=3):
    """`(size, count)`."""
    key = tf.constant(key, tf.int64)
    draw = tf.function(lambda number: shuffled_numbers(number, size, key=key, count=count))
    return np.stack([draw(number).numpy() for number in tf.range(size, dtype=tf.int64)])


def test_orders_are_permutations_which_differ_by_place_epoch_and_seed():
    # Epochs 0 and 1 of the seeds 0 and 1, as `epoch_keys` makes them.
    drawn = np.concatenate([orders(epoch + seed * 2**32) for seed in (0, 1) for epoch in (0, 1)], 1)
    np.testing.assert_array_equal(np.sort(drawn, axis=0), np.tile(np.arange(40)[:, None], 12))
    agreeing = (drawn[:, :, None] == drawn[:, None]).sum(axis=0)
    in_order = (drawn == np.arange(40)[:, None]).sum(axis=0)
    # Of two random orders, one place agrees on average.
    assert agreeing[~np.eye(12, dtype=bool)].max() < 8
    assert in_order.max() < 8

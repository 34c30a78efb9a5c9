"""Augmentation of stems, in the tf.data graph."""

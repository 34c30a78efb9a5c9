"""Augmentation: small transforms of stems, which run in the tf.data graph, and offline ones."""

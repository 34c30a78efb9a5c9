"""Loss scaling for training in half precision, over several devices too."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="stemzoo")
class LossScaling(keras.optimizers.LossScaleOptimizer):
    """`keras.optimizers.LossScaleOptimizer` that leaves out a step where any device overflows.

    Keras's looks at the first device's gradients only under `tf.distribute`: what another one's
    overflow gives would reach the weights. Source: Micikevicius et al., "Mixed Precision Training",
    ICLR 2018, section 3.2.

    Args:
        inner_optimizer: the optimiser to scale the loss for.
        **kwargs: further arguments of `keras.optimizers.LossScaleOptimizer`.

    Example:
        >>> optimizer = LossScaling(keras.optimizers.Adam())
        >>> weight = keras.Variable([1.0])
        >>> optimizer.build([weight])
        >>> optimizer.apply([ops.convert_to_tensor([np.inf])], [weight])
        >>> float(weight[0]), float(optimizer.dynamic_scale) / optimizer.initial_scale
        (1.0, 0.5)
    """

    def check_finite(self, grads):
        """Whether all gradients of all devices are finite."""
        finite = super().check_finite(grads)
        if keras.backend.backend() != "tensorflow":
            return finite
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return finite
        overflows = context.all_reduce(tf.distribute.ReduceOp.SUM, 1 - ops.cast(finite, "float32"))
        return ops.equal(overflows, 0)

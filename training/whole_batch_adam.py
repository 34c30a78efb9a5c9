"""Adam whose step is that of a whole batch, however it is split up."""

import keras
from keras import ops


def _devices() -> int:
    """Devices that TensorFlow spreads the calling step over; 1 on other backends."""
    if keras.backend.backend() != "tensorflow":
        return 1
    import tensorflow as tf

    return tf.distribute.get_strategy().num_replicas_in_sync


def _added_up(gradients: list) -> list:
    """Sums over TensorFlow's devices."""
    import tensorflow as tf

    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, gradients)


@keras.saving.register_keras_serializable(package="stemzoo")
class WholeBatchAdam(keras.optimizers.Adam):
    """Adam that steps once for several batches, with what one batch of them all would give.

    Keras's optimisers accumulate gradients too, but under `tf.distribute` they neither can do that
    nor clip the gradient of the whole batch: each device clips its own. Here gradients are added up
    over devices and batches before their norm is taken. Between two steps weights, moments and the
    weights' moving average stay as they are. `learning_rate` schedules count batches.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", ICLR 2015, algorithm 1.

    Args:
        learning_rate: number or schedule.
        batches: for one step, at least 1.
        clip_norm: upper bound of the mean gradient's global norm; `None` for none.
        **kwargs: further arguments of `keras.optimizers.Adam`.

    Raises:
        ValueError: if `batches` is below 1, or Keras's own arguments for the same are given.

    Example:
        >>> weight = keras.Variable([0.0])
        >>> optimizer = WholeBatchAdam(0.5, batches=2)
        >>> for gradient in (np.ones(1, "float32"), np.ones(1, "float32")):
        ...     optimizer.apply([ops.convert_to_tensor(gradient)], [weight])
        ...     print(round(float(weight[0]), 4))
        0.0
        -0.5
    """

    def __init__(self, learning_rate=0.001, *, batches=1, clip_norm=None, **kwargs):
        for name in ("gradient_accumulation_steps", "global_clipnorm", "clipnorm", "clipvalue"):
            if kwargs.pop(name, None) is not None:
                raise ValueError(f"use batches and clip_norm instead. Received: {name}")
        if batches < 1:
            raise ValueError(f"batches must be at least 1. Received: batches={batches}")
        super().__init__(learning_rate, **kwargs)
        self.batches = batches
        self.clip_norm = clip_norm

    @property
    def iterations(self):
        """Steps so far."""
        batches = super().iterations
        return batches if self.batches == 1 else ops.floor_divide(batches, self.batches)

    def build(self, variables):
        if self.built:
            return
        super().build(variables)
        self._sums = []
        if self.batches > 1:
            for variable in variables:
                total = self.add_variable(
                    shape=variable.shape,
                    dtype=variable.dtype,
                    aggregation="only_first_replica",
                    name="sum",
                )
                self._sums.append(total)

    def _steps_now(self):
        """Whether the batch under way is the last one for a step, as 0 or 1."""
        batches = super().iterations
        return ops.cast(ops.equal((batches + 1) % self.batches, 0), "float32")

    def apply(self, grads, trainable_variables=None):
        """Takes one batch's gradients.

        Args:
            grads: of every trainable variable.
            trainable_variables: those the optimiser was built with, or is to be built with.
        """
        if not self.built:
            self.build(trainable_variables)
        devices = _devices()
        grads = list(grads)
        if devices > 1:
            grads = _added_up(grads)
        if self.batches > 1:
            now = self._steps_now()
            totals = [total + grad for total, grad in zip(self._sums, grads, strict=True)]
            for variable, total in zip(self._sums, totals, strict=True):
                variable.assign((1 - now) * total)
            grads = [total / self.batches for total in totals]
        if self.clip_norm is not None:
            norm = ops.sqrt(sum(ops.sum(ops.square(grad)) for grad in grads))
            grads = [grad * (self.clip_norm / ops.maximum(norm, self.clip_norm)) for grad in grads]
        # Keras adds the devices' gradients up again.
        super().apply([grad / devices for grad in grads], trainable_variables)

    def update_step(self, gradient, variable, learning_rate):
        """Moves one variable, where the batch is the last one for a step."""
        now = ops.cast(self._steps_now(), variable.dtype)
        step = ops.cast(self.iterations + 1, variable.dtype)
        rate = ops.cast(learning_rate, variable.dtype) * now
        rate *= ops.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        index = self._get_variable_index(variable)
        mean, square = self._momentums[index], self._velocities[index]
        self.assign_add(mean, now * (gradient - mean) * (1 - self.beta_1))
        self.assign_add(square, now * (ops.square(gradient) - square) * (1 - self.beta_2))
        self.assign_sub(variable, rate * mean / (ops.sqrt(square) + self.epsilon))

    def _update_model_variables_moving_average(self, trainable_variables):
        """Moves the average with steps only; the first one is where it starts."""
        start = ops.cast(ops.equal(self.iterations, 0), "float32")
        share = self._steps_now() * ops.maximum(start, 1 - self.ema_momentum)
        averages = self._model_variables_moving_average
        for variable, average in zip(trainable_variables, averages, strict=True):
            average.assign(average + ops.cast(share, variable.dtype) * (variable - average))

    def get_config(self):
        return {**super().get_config(), "batches": self.batches, "clip_norm": self.clip_norm}

"""How a model is trained: loss, optimiser, schedule."""

from dataclasses import dataclass

import keras

from training.loss_scaling import LossScaling
from training.losses import LOSSES
from training.whole_batch_adam import WholeBatchAdam
from zoo.errors import InputError


@dataclass(frozen=True)
class FitSettings:
    """How a model is trained: the `[training]` table of a recipe.

    Args:
        epochs: passes, each of `steps_per_epoch` batches.
        loss: `"mean_absolute_error"`, the L1 of Jansson et al.; `"mean_squared_error"`, that of
            Stoller et al.; `"energy_normalized_squared_error"`, for spectrograms;
            `"signal_to_distortion"` or `"scale_invariant_signal_to_distortion"`; for images
            `"dice_cross_entropy"`. With several sources it is the mean of theirs. `None` for the
            model's own, as `ConvVAE` has one, and else for the first.
        phase_sensitive: for spectrograms: targets take the angle between stem and mixture into
            account, see `training.spectrogram_patches`.
        scale_weight: what the loss at each lower rate counts of that at the next higher one, for
            a network that estimates sources at several.
        learning_rate: Adam's, at its highest.
        schedule: `"constant"`, or `"cosine"`: decay to zero over the whole run.
        warmup_steps: batches over which the rate of a cosine schedule rises at its start.
        accumulate_steps: batches whose gradients are added up for one step, which is that of one
            batch of them all. Schedules go on counting batches. What is left at the end of the run
            does not count.
        clip_norm: upper bound of the gradients' global norm; `None` for none.
        ema_momentum: keep a moving average of the weights over the steps, which validation and the
            saved models use; `None` for none.
        reduce_patience: epochs without a better validation loss after which a constant rate is
            halved; `None` for never.
        stop_patience: epochs without a better validation loss after which training stops; `None`
            for never.
        jit_compile: whether XLA compiles a step; `None` for what Keras thinks best.
    """

    epochs: int = 40
    loss: str | None = None
    phase_sensitive: bool = False
    scale_weight: float = 0.5
    learning_rate: float = 1e-3
    schedule: str = "constant"
    warmup_steps: int = 0
    accumulate_steps: int = 1
    clip_norm: float | None = None
    ema_momentum: float | None = None
    reduce_patience: int | None = None
    stop_patience: int | None = None
    jit_compile: bool | None = None

    def __post_init__(self):
        if self.epochs < 1:
            raise InputError(f"epochs={self.epochs} would train nothing; it must be at least 1")
        if self.loss is not None and self.loss not in LOSSES:
            raise InputError(f"loss={self.loss!r} is none of {', '.join(LOSSES)}")
        if self.scale_weight < 0:
            raise InputError(f"scale_weight={self.scale_weight} must not be negative")
        if self.learning_rate <= 0:
            raise InputError(f"learning_rate={self.learning_rate} would train nothing")
        if self.accumulate_steps < 1:
            raise InputError(f"accumulate_steps={self.accumulate_steps} must be at least 1")
        if self.schedule not in ("constant", "cosine"):
            raise InputError(f"schedule={self.schedule!r} is neither constant nor cosine")
        if self.schedule == "cosine" and self.reduce_patience is not None:
            raise InputError("reduce_patience needs schedule='constant': cosine sets the rate")

    def optimizer(
        self, steps: int, *, devices: int = 1, half_precision: bool = False
    ) -> keras.optimizers.Optimizer:
        """Returns Adam for a run.

        Args:
            steps: batches of the run.
            devices: that TensorFlow spreads a batch over.
            half_precision: whether the network computes in float16, whose small numbers need the
                loss to be scaled.
        """
        rate = self.learning_rate
        if self.schedule == "cosine":
            rate = keras.optimizers.schedules.CosineDecay(
                initial_learning_rate=0.0 if self.warmup_steps else rate,
                decay_steps=max(1, steps - self.warmup_steps),
                warmup_target=rate if self.warmup_steps else None,
                warmup_steps=self.warmup_steps,
            )
        average = {} if self.ema_momentum is None else {"ema_momentum": self.ema_momentum}
        average["use_ema"] = self.ema_momentum is not None
        if devices == self.accumulate_steps == 1:
            optimizer = keras.optimizers.Adam(rate, global_clipnorm=self.clip_norm, **average)
        else:
            optimizer = WholeBatchAdam(
                rate, batches=self.accumulate_steps, clip_norm=self.clip_norm, **average
            )
        return LossScaling(optimizer) if half_precision else optimizer

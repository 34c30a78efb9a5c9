"""Losses by name, and how they are weighed over a network's outputs."""

import math

import keras
from keras import ops

from training.segmentation.dice import Dice
from training.segmentation.losses import DiceCrossEntropy
from zoo.errors import InputError

ENERGY_FLOOR = 1e-8


def _decibels(energy, error, floor: float):
    return (10.0 / math.log(10.0)) * (ops.log(energy + floor) - ops.log(error + floor))


class _RatioLoss(keras.losses.Loss):
    def __init__(
        self,
        *,
        energy_floor: float = ENERGY_FLOOR,
        reduction: str = "sum_over_batch_size",
        name: str | None = None,
        dtype=None,
    ):
        if energy_floor <= 0:
            raise ValueError(f"energy_floor must be positive. Received: {energy_floor=}")
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.energy_floor = energy_floor

    def get_config(self):
        return {**super().get_config(), "energy_floor": self.energy_floor}


@keras.saving.register_keras_serializable(package="stemzoo")
class SignalToDistortion(_RatioLoss):
    """Negative signal-to-distortion ratio in dB: energy of the target over that of the error.

    Over time and channels of each example, `(batch, samples, channels)`, then averaged over the
    batch. Source: Le Roux, Wisdom, Erdogan, Hershey, "SDR - half-baked or well done?", ICASSP 2019,
    where it is called SNR; Music Demixing Challenge 2021, where it is the SDR of whole songs.

    Args:
        energy_floor: added to both energies, as a mean square of samples in [-1, 1]: 1e-8 is 80 dB
            below a full-scale square wave. It keeps the loss and its gradient finite for silence:
            two silent signals score 0 dB, a silent target pulls the estimate towards silence.
        reduction: over the batch, as in Keras.
        name: of the loss.
        dtype: of the computation, float32 by default.

    Raises:
        ValueError: if `energy_floor` is not positive.

    Example:
        >>> target = np.ones((1, 100, 2), "float32")
        >>> round(float(SignalToDistortion()(target, 0.9 * target)), 2)
        -20.0
    """

    def call(self, y_true, y_pred):
        axes = tuple(range(1, len(y_true.shape)))
        energy = ops.mean(ops.square(y_true), axis=axes)  # (batch,)
        error = ops.mean(ops.square(y_true - y_pred), axis=axes)
        return -_decibels(energy, error, self.energy_floor)


@keras.saving.register_keras_serializable(package="stemzoo")
class ScaleInvariantSignalToDistortion(_RatioLoss):
    """Negative scale-invariant SDR in dB: the target is scaled to fit the estimate best.

    Over the time of each example and channel, `(batch, samples, channels)`, then averaged over
    both. Means are not removed. Source: Le Roux, Wisdom, Erdogan, Hershey, "SDR - half-baked or
    well done?", ICASSP 2019, the definition of SI-SDR.

    Args:
        energy_floor: added to all energies, the target's in the scale's denominator among them; a
            mean square of samples in [-1, 1], 1e-8 is 80 dB below a full-scale square wave. The
            loss and its gradient are finite for silence: a silent estimate scores 0 dB, a silent
            target pulls the estimate towards silence. The invariance holds as far as error and
            scaled target are louder than the floor.
        reduction: over batch and channels, as in Keras.
        name: of the loss.
        dtype: of the computation, float32 by default.

    Raises:
        ValueError: if `energy_floor` is not positive.

    Example:
        >>> target = np.tile(np.float32([1, -1]), 50)[None, :, None]
        >>> estimate = target + np.tile(np.float32([0.1, 0.1]), 50)[None, :, None]
        >>> loss = ScaleInvariantSignalToDistortion()
        >>> round(float(loss(target, estimate)), 2), round(float(loss(target, 5 * estimate)), 2)
        (-20.0, -20.0)
    """

    def call(self, y_true, y_pred):
        axes = tuple(range(1, len(y_true.shape) - 1))
        energy = ops.mean(ops.square(y_true), axis=axes, keepdims=True)
        product = ops.mean(y_true * y_pred, axis=axes, keepdims=True)
        projection = product / (energy + self.energy_floor) * y_true
        return -_decibels(
            ops.mean(ops.square(projection), axis=axes),  # (batch, channels)
            ops.mean(ops.square(y_pred - projection), axis=axes),
            self.energy_floor,
        )


LOSSES = {
    "mean_absolute_error": keras.losses.MeanAbsoluteError,
    "mean_squared_error": keras.losses.MeanSquaredError,
    # With the pipeline's `energy_weights`, which divide by the mixture's energy.
    "energy_normalized_squared_error": keras.losses.MeanSquaredError,
    "signal_to_distortion": SignalToDistortion,
    "scale_invariant_signal_to_distortion": ScaleInvariantSignalToDistortion,
    "dice_cross_entropy": DiceCrossEntropy,
}
# What is measured beside a loss, epoch by epoch.
METRICS = {"dice_cross_entropy": Dice}


def output_names(model: keras.Model) -> list[str] | None:
    """Returns the names of a model's dict of outputs; `None` if it has another kind of output."""
    # `Sequential` has no `output` where it never was called on a symbolic input.
    output = getattr(model, "output", None)
    return list(output) if isinstance(output, dict) else None


def output_weights(model: keras.Model, *, scale_weight: float = 0.5) -> dict[str, float]:
    """Returns what each output's loss counts in the total; the weights add up to one.

    The outputs of a network count alike: the total is the mean over the sources. Where a source is
    estimated at several rates, each counts `scale_weight` of the next higher one.

    Args:
        model: with a dict of outputs.
        scale_weight: not negative.

    Example:
        >>> model = WaveUNet("M1", levels=3, initial_filters=2, scales=2)
        >>> weights = output_weights(model, scale_weight=1.0)
        >>> weights["vocals"], weights["vocals_2"]
        (0.25, 0.25)
    """
    names = output_names(model)
    scales = getattr(model, "scales", 1)
    if scales == 1:
        return {name: 1 / len(names) for name in names}
    shares = [scale_weight**level for level in range(scales)]
    return {
        source if level == 0 else f"{source}_{2**level}": share / sum(shares) / len(model.sources)
        for source in model.sources
        for level, share in enumerate(shares)
    }


def compile_arguments(
    model: keras.Model, loss: str | None = None, *, scale_weight: float = 0.5
) -> dict:
    """Returns losses, weights and metrics for `compile` of a model with one output or a dict.

    Args:
        model: functional.
        loss: one of `LOSSES`; `None` for the model's own if it has one, else the first.
        scale_weight: as in `output_weights`.

    Raises:
        InputError: if a loss is given for a model with one of its own.

    Example:
        >>> network = WaveUNet("M1", levels=3, initial_filters=2)
        >>> compile_arguments(network)["loss_weights"]
        {'accompaniment': 0.5, 'vocals': 0.5}
        >>> network.compile("adam", **compile_arguments(network, "mean_squared_error"))
    """
    if getattr(model, "has_own_loss", False):
        if loss is not None:
            raise InputError(
                f"{type(model).__name__}: has a loss of its own, set by the model's arguments; "
                f"leave out loss={loss!r}"
            )
        return {}
    loss = loss or next(iter(LOSSES))
    if output_names(model) is None:
        metrics = {"metrics": [METRICS[loss]()]} if loss in METRICS else {}
        return {"loss": LOSSES[loss](), **metrics}
    weights = output_weights(model, scale_weight=scale_weight)
    return {"loss": {name: LOSSES[loss]() for name in weights}, "loss_weights": weights}

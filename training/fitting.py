"""Training of a model into a run folder, from which a killed run goes on."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import keras
import tensorflow as tf

from training.callbacks import Backup, Checkpoint, LossCurve, truncate_history
from training.models import check_trainable, computes_in_half_precision, rebuilt
from zoo.errors import InputError
from zoo.files import atomic_path

LOSSES = {
    "mean_absolute_error": keras.losses.MeanAbsoluteError,
    # With the pipeline's `energy_weights`, which divide by the mixture's energy.
    "energy_normalized_squared_error": keras.losses.MeanSquaredError,
}
MODEL, HISTORY, BEST = "model.keras", "history.csv", "checkpoints/best.keras"


@dataclass(frozen=True)
class FitSettings:
    """How a model is trained: the `[training]` table of a recipe.

    Args:
        epochs: passes, each of `steps_per_epoch` batches.
        loss: `"mean_absolute_error"`, the paper's L1, or `"energy_normalized_squared_error"`.
        learning_rate: Adam's, at its highest.
        schedule: `"constant"`, or `"cosine"`: decay to zero over the whole run.
        warmup_steps: linear rise of the rate at the start of a cosine schedule.
        clip_norm: upper bound of the gradients' global norm; `None` for none.
        ema_momentum: keep a moving average of the weights, which validation and the saved models
            use; `None` for none.
        reduce_patience: epochs without a better validation loss after which a constant rate is
            halved; `None` for never.
        stop_patience: epochs without a better validation loss after which training stops; `None`
            for never.
    """

    epochs: int = 40
    loss: str = "mean_absolute_error"
    learning_rate: float = 1e-3
    schedule: str = "constant"
    warmup_steps: int = 0
    clip_norm: float | None = None
    ema_momentum: float | None = None
    reduce_patience: int | None = None
    stop_patience: int | None = None

    def __post_init__(self):
        if self.epochs < 1:
            raise InputError(f"epochs={self.epochs} would train nothing; it must be at least 1")
        if self.loss not in LOSSES:
            raise InputError(f"loss={self.loss!r} is none of {', '.join(LOSSES)}")
        if self.learning_rate <= 0:
            raise InputError(f"learning_rate={self.learning_rate} would train nothing")
        if self.schedule not in ("constant", "cosine"):
            raise InputError(f"schedule={self.schedule!r} is neither constant nor cosine")
        if self.schedule == "cosine" and self.reduce_patience is not None:
            raise InputError("reduce_patience needs schedule='constant': cosine sets the rate")

    def optimizer(self, steps: int) -> keras.optimizers.Optimizer:
        """Returns Adam for a run of `steps` batches."""
        rate = self.learning_rate
        if self.schedule == "cosine":
            rate = keras.optimizers.schedules.CosineDecay(
                initial_learning_rate=0.0 if self.warmup_steps else rate,
                decay_steps=max(1, steps - self.warmup_steps),
                warmup_target=rate if self.warmup_steps else None,
                warmup_steps=self.warmup_steps,
            )
        average = self.ema_momentum
        return keras.optimizers.Adam(
            rate,
            global_clipnorm=self.clip_norm,
            use_ema=average is not None,
            ema_momentum=0.99 if average is None else average,
        )


def _single_target(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Targets of a network with one output, out of their dict."""
    if not isinstance(dataset.element_spec[1], dict):
        return dataset
    if len(dataset.element_spec[1]) != 1:
        names = ", ".join(dataset.element_spec[1])
        raise InputError(f"the network has one output, the dataset has the targets {names}")
    return dataset.map(lambda x, targets, *weights: (x, *targets.values(), *weights)).prefetch(2)


def _callbacks(output: Path, settings: FitSettings, validated: bool, resumed: bool) -> list:
    history = output / HISTORY
    callbacks = [keras.callbacks.TerminateOnNaN(raise_error=True)]
    if settings.ema_momentum is not None:
        callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
    best = Checkpoint(
        str(output / BEST), monitor="val_loss" if validated else "loss", save_best_only=True
    )
    callbacks += [
        best,
        keras.callbacks.CSVLogger(history, append=resumed),
        LossCurve(history, output / "loss.png"),
    ]
    # TensorFlow no longer brings TensorBoard along: its log is written for those who have it.
    if find_spec("tensorboard") is not None:
        callbacks.append(keras.callbacks.TensorBoard(output / "tensorboard", write_graph=False))
    if settings.reduce_patience is not None:
        callbacks.append(
            keras.callbacks.ReduceLROnPlateau(factor=0.5, patience=settings.reduce_patience)
        )
    if settings.stop_patience is not None:
        callbacks.append(keras.callbacks.EarlyStopping(patience=settings.stop_patience))
    return [*callbacks, Backup(output / "backup", callbacks)]


def _refuse_used(output: Path, *, resume: bool) -> None:
    if output.exists() and not output.is_dir():
        raise InputError(f"{output}: is a file; name a folder for the run")
    if not resume and any((output / name).exists() for name in (HISTORY, MODEL)):
        raise InputError(f"{output}: holds a run already; resume it or name a new folder")


def _steps(train, steps_per_epoch: int | None) -> int:
    if steps_per_epoch is None:
        steps_per_epoch = -1 if callable(train) else int(train.cardinality())
    if steps_per_epoch < 0:
        raise InputError("steps_per_epoch is needed for a dataset whose end is unknown")
    if steps_per_epoch == 0:
        raise InputError("the training data has no batch: nothing would be trained")
    return steps_per_epoch


def fit(
    model: keras.Model,
    train: tf.data.Dataset | Callable[[int], tf.data.Dataset],
    validation: tf.data.Dataset | None = None,
    *,
    output: str | os.PathLike,
    settings: FitSettings | None = None,
    steps_per_epoch: int | None = None,
    resume: bool = False,
) -> keras.Model:
    """Trains a model into a run folder.

    The folder gets `history.csv`, `loss.png`, `checkpoints/best.keras`, `tensorboard/`,
    `backup/` while it runs, and at the end `model.keras`: the best epoch's model.

    Args:
        model: with one output or a dict of outputs; it is compiled here.
        train: batches (input, targets[, weights]); or a function that takes the first epoch and
            returns an endless dataset from there on, so that a resumed run sees what an
            uninterrupted one would have.
        validation: batches for the validation loss; without them the training loss decides which
            epoch is best.
        output: folder of the run.
        settings: loss, optimiser, schedule; defaults are the paper's.
        steps_per_epoch: needed where `train` does not end.
        resume: go on from the last whole epoch in `output`, or start if there is none.

    Returns:
        The best epoch's model, in single precision and not compiled.

    Raises:
        InputError: if nothing would be trained, `output` is in use, or the loss is NaN.

    Example:
        >>> import tempfile
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, name="dense")])
        >>> train = tf.data.Dataset.from_tensors((tf.ones((2, 4)), tf.ones((2, 1))))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     best = fit(model, train, output=f"{folder}/run", settings=FitSettings(epochs=1))
        ...     sorted(path.name for path in Path(folder, "run").glob("*.*"))  # doctest: +ELLIPSIS
        1/1...
        ['history.csv', 'loss.png', 'model.keras']
    """
    settings = settings or FitSettings()
    check_trainable(model)
    steps_per_epoch = _steps(train, steps_per_epoch)
    output = Path(output)
    _refuse_used(output, resume=resume)
    if resume and (output / MODEL).exists():
        print(f"{output}: the run is complete")
        return keras.saving.load_model(output / MODEL, compile=False)

    model.compile(
        settings.optimizer(settings.epochs * steps_per_epoch), loss=LOSSES[settings.loss]()
    )
    callbacks = _callbacks(output, settings, validation is not None, resume)
    backup = callbacks[-1]
    first_epoch = backup.epochs_done() if resume else 0
    dataset = train(first_epoch) if callable(train) else train
    if len(model.outputs) == 1:
        dataset = _single_target(dataset)
        validation = None if validation is None else _single_target(validation)
    if first_epoch:
        backup.restore(model)
        print(f"resuming from epoch {first_epoch + 1} of {settings.epochs}")
    (output / BEST).parent.mkdir(parents=True, exist_ok=True)
    truncate_history(output / HISTORY, first_epoch)
    try:
        model.fit(
            dataset,
            validation_data=validation,
            epochs=settings.epochs,
            initial_epoch=first_epoch,
            steps_per_epoch=steps_per_epoch if callable(train) else None,
            callbacks=callbacks,
            shuffle=False,
            verbose=1 if sys.stdout.isatty() else 2,
        )
    except RuntimeError as error:
        if "NaN" not in str(error):
            raise
        raise InputError(
            f"{output}: the loss is no longer a number; lower learning_rate or set clip_norm"
        ) from error
    finally:
        # Keras leaves the file open where training ends with an error.
        next(c for c in callbacks if isinstance(c, keras.callbacks.CSVLogger)).on_train_end()
    best = keras.saving.load_model(output / BEST, compile=False)
    if computes_in_half_precision(best):
        best = rebuilt(best, "float32")
    with atomic_path(output / MODEL) as temporary:
        best.save(temporary)
    backup.remove()
    return best

"""Training of a model into a run folder, from which a killed run goes on."""

import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import tensorflow as tf

from training.callbacks import Backup, Checkpoint, History, truncate_history
from training.data_service import LOST
from training.devices import Spread
from training.fit_settings import FitSettings
from training.losses import compile_arguments, output_names
from training.models import check_trainable, computes_in, computes_in_half_precision, rebuilt
from training.run_folder import BACKUP, BEST, HISTORY, RunFolder
from zoo.errors import InputError
from zoo.files import atomic_path

MODEL = "model.keras"


@dataclass(frozen=True)
class Stage:
    """A further stage of a training, which goes on from the best weights so far.

    Args:
        train: as in `fit`; a function takes the number of epochs of the whole run before it.
        settings: with the first stage's loss, since the best epoch is that of the whole run. The
            optimiser starts anew.
        steps_per_epoch: as in `fit`.

    Example:
        >>> train = tf.data.Dataset.from_tensors((tf.ones((2, 4)), tf.ones((2, 1))))
        >>> Stage(train, FitSettings(epochs=5, learning_rate=1e-5)).settings.epochs
        5
    """

    train: tf.data.Dataset | Callable[[int], tf.data.Dataset]
    settings: FitSettings
    steps_per_epoch: int | None = None


def _fitting_targets(model: keras.Model, dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The dataset with targets as the model has outputs: a dict like its own, or a tensor."""
    targets = dataset.element_spec[1]
    named = isinstance(targets, dict)
    names = output_names(model)
    if names is not None:
        if not named or set(targets) != set(names):
            given = ", ".join(targets) if named else "one without a name"
            raise InputError(
                f"the network has the outputs {', '.join(names)}, the dataset the targets {given}"
            )
        return dataset
    if len(model.outputs) > 1 or not named:
        return dataset
    if len(targets) != 1:
        names = ", ".join(targets)
        raise InputError(f"the network has one output, the dataset has the targets {names}")
    return dataset.map(lambda x, targets, *weights: (x, *targets.values(), *weights)).prefetch(2)


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


def _check_stages(stages: Sequence[Stage]) -> None:
    first = stages[0].settings
    for stage in stages[1:]:
        for name in ("loss", "scale_weight"):
            value = getattr(stage.settings, name)
            if value != getattr(first, name):
                raise InputError(
                    f"{name}={value!r} of a further stage is not the first one's: their epochs "
                    "could not be compared"
                )


def _compile(model: keras.Model, stage: Stage, spread: Spread) -> None:
    settings = stage.settings
    if settings.jit_compile and spread.replicas > 1:
        raise InputError(
            "jit_compile: TensorFlow compiles no step for several devices; leave it out, or take "
            "Keras's JAX backend"
        )
    model.compile(
        settings.optimizer(
            settings.epochs * stage.steps_per_epoch,
            devices=spread.replicas,
            half_precision=computes_in(model, "float16"),
        ),
        **compile_arguments(model, settings.loss, scale_weight=settings.scale_weight),
        jit_compile="auto" if settings.jit_compile is None else settings.jit_compile,
    )
    # TensorFlow traces a step twice that makes variables the first time.
    model.optimizer.build(model.trainable_variables)


def _train(
    run: RunFolder,
    model: keras.Model,
    stage: Stage,
    validation: tf.data.Dataset | None,
    *,
    number: int,
    start: int,
    progress: dict | None,
) -> tuple[int, float]:
    """Trains a stage to its end: (epochs of the run so far, best loss of the run so far).

    Without `progress`, that of the stage before, it goes on where the newest state is.
    """
    settings, steps, spread = stage.settings, stage.steps_per_epoch, run.spread
    _compile(model, stage, spread)
    place = {"stage": number, "start": start}
    callbacks = run.callbacks(settings, validated=validation is not None, place=place)
    backup = callbacks[-1]
    done, last = start, start + settings.epochs
    if progress is not None:
        backup.begin(model, progress)
    elif backup.epochs_done():
        done = backup.epochs_done()
        backup.restore(model)
        run.say(f"resuming from epoch {done + 1} of {last}")
    # The first process may now replace what all have read.
    spread.wait(f"stage {number + 1}")
    train = stage.train(done) if callable(stage.train) else stage.train
    train = _fitting_targets(model, train)
    (run.written / BEST).parent.mkdir(parents=True, exist_ok=True)
    truncate_history(run.written / HISTORY, done)
    verbose = 1 if sys.stdout.isatty() else 2
    try:
        trained = model.fit(
            train,
            validation_data=validation,
            epochs=last,
            initial_epoch=done,
            steps_per_epoch=steps if callable(stage.train) else None,
            callbacks=callbacks,
            shuffle=False,
            verbose=verbose if spread.first else 0,
        )
    except RuntimeError as error:
        if lost := spread.explained(error):
            raise lost from error
        if "NaN" not in str(error):
            raise
        raise InputError(
            f"{run.output}: the loss is no longer a number; lower learning_rate or set clip_norm"
        ) from error
    except tf.errors.OpError as error:
        if LOST not in str(error):
            raise
        raise InputError(f"{run.output}: {LOST}; start the run again with --resume") from error
    finally:
        # Keras leaves the file open where training ends with an error.
        next(c for c in callbacks if isinstance(c, History)).on_train_end()
    lowest = next(c for c in callbacks if isinstance(c, Checkpoint)).best
    return done + len(trained.epoch), lowest


def fit(
    model: keras.Model,
    train: tf.data.Dataset | Callable[[int], tf.data.Dataset],
    validation: tf.data.Dataset | None = None,
    *,
    output: str | os.PathLike,
    settings: FitSettings | None = None,
    steps_per_epoch: int | None = None,
    then: Sequence[Stage] = (),
    resume: bool = False,
    spread: Spread | None = None,
) -> keras.Model:
    """Trains a model into a run folder.

    The folder gets `history.csv` (with a column `stage` if there are several), `loss.png`,
    `checkpoints/best.keras`, `tensorboard/`, `backup/` while it runs, and at the end `model.keras`:
    the best epoch's model.

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
        then: further stages, each from the best weights so far; epochs are counted through.
        resume: go on from the last whole epoch in `output`, or start if there is none.
        spread: where to train: over several devices (`spread_over`) or hosts (`connect_hosts`); the
            model was built in its `scope()`. Of several processes the first one writes `output`,
            which all of them read.

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
    check_trainable(model)
    stages = [Stage(train, settings or FitSettings(), steps_per_epoch), *then]
    _check_stages(stages)
    stages = [replace(s, steps_per_epoch=_steps(s.train, s.steps_per_epoch)) for s in stages]
    output = Path(output)
    spread = spread or Spread()
    spread.agree(lambda: _refuse_used(output, resume=resume))
    if resume and (output / MODEL).exists():
        if spread.first:
            print(f"{output}: the run is complete")
        return keras.saving.load_model(output / MODEL, compile=False)

    backup = Backup(output / BACKUP, [])
    if not resume and spread.first:
        backup.remove()
    spread.wait("start")
    first, done = backup.newest_stage()
    if first >= len(stages):
        raise InputError(f"{output}: cannot resume, that run was in stage {first + 1}")
    if validation is not None:
        validation = spread.validation(_fitting_targets(model, validation))
    progress = None
    with ExitStack() as stack:
        written = output
        if not spread.first:
            written = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        run = RunFolder(output, written, spread, len(stages))
        for number, stage in list(enumerate(stages))[first:]:
            with spread.scope():
                done, lowest = _train(
                    run, model, stage, validation, number=number, start=done, progress=progress
                )
            spread.wait(f"end of stage {number + 1}")
            best = keras.saving.load_model(output / BEST, compile=False)
            with spread.scope():
                model.set_weights(best.get_weights())
            progress = {name: {"best": float(lowest)} for name in ("Checkpoint", "EarlyStopping")}
    if computes_in_half_precision(best):
        best = rebuilt(best, "float32")
    # Nobody may still be reading what goes now.
    spread.wait("end")
    if spread.first:
        with atomic_path(output / MODEL) as temporary:
            best.save(temporary)
        backup.remove()
    spread.wait("model")
    return best

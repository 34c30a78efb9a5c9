"""Callbacks that leave a run whole whenever it is killed."""

import csv
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import keras

from zoo.files import atomic_path

WEIGHTS, STATE = "state.weights.h5", "state.json"
# What stock callbacks learn during a run, by their public attributes.
_REMEMBERED = ("best", "wait", "best_epoch", "cooldown_counter", "stopped_epoch")


@contextmanager
def _alone() -> Iterator[None]:
    """While it is open, nothing is made on other hosts' devices.

    Keras makes variables while it saves; several hosts would have to make them together.
    """
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


class Checkpoint(keras.callbacks.ModelCheckpoint):
    """`keras.callbacks.ModelCheckpoint` whose file appears whole or not at all."""

    def on_epoch_end(self, epoch, logs=None):
        final = Path(self.filepath)
        temporary = final.with_name(f".unfinished-{final.name}")
        self.filepath = str(temporary)
        try:
            with _alone():
                super().on_epoch_end(epoch, logs)
            if temporary.exists():
                temporary.replace(final)
        finally:
            self.filepath = str(final)
            temporary.unlink(missing_ok=True)


class History(keras.callbacks.CSVLogger):
    """`keras.callbacks.CSVLogger` that keeps to the columns of the file it appends to.

    Args:
        path: of the file.
        stage: number for a column of this name; `None` for a run of one stage.
    """

    def __init__(self, path: str | os.PathLike, *, stage: int | None = None):
        super().__init__(path, append=True)
        self.stage = stage

    def on_train_begin(self, logs=None):
        super().on_train_begin(logs)
        if not self.append_header:
            with Path(self.filename).open(newline="") as file:
                self.keys = next(csv.reader(file))[1:]

    def on_epoch_end(self, epoch, logs=None):
        stage = {} if self.stage is None else {"stage": self.stage}
        super().on_epoch_end(epoch, {**(logs or {}), **stage})


def _random_states(model: keras.Model) -> list[keras.Variable]:
    """Where dropout stands in its random numbers: weights files leave that out."""
    return [variable for variable in model.variables if variable.name == "seed_generator_state"]


class Backup(keras.callbacks.Callback):
    """Saves all that a run needs to go on, at the end of every epoch.

    `keras.callbacks.BackupAndRestore` writes weights and epoch as two files in place, so that a
    kill between them leaves weights that are an epoch ahead, and it forgets what the other
    callbacks know. Here the state after `n` epochs is a folder `epoch-n`, renamed into place before
    the one before it goes.

    It is saved as the next epoch begins: only then have all others finished the last one, and
    averaged weights been swapped back.

    Args:
        folder: where the states go.
        others: callbacks whose progress (best value, epochs waited) belongs to the state.
        stage: which of the run's stages is under way, from 0.
        start: epochs of the run before that stage.
        writes: `False` for a process that only reads what another one writes.
    """

    def __init__(
        self,
        folder: str | os.PathLike,
        others: list[keras.callbacks.Callback],
        *,
        stage: int = 0,
        start: int = 0,
        writes: bool = True,
    ):
        super().__init__()
        self.folder = Path(folder)
        self.writes = writes
        self.others = others
        self.stage = stage
        self.start = start
        self._finished = start
        self._remembered: dict[str, dict] = {}

    def _path(self, epochs: int) -> Path:
        return self.folder / f"epoch-{epochs:05}"

    def epochs_done(self) -> int:
        """Epochs that the newest state has behind it, 0 if there is none."""
        states = self.folder.glob("epoch-*")
        return max((int(state.name.removeprefix("epoch-")) for state in states), default=0)

    def newest_stage(self) -> tuple[int, int]:
        """(stage, start) of the newest state, (0, 0) if there is none."""
        if not self.epochs_done():
            return 0, 0
        state = json.loads((self._path(self.epochs_done()) / STATE).read_text())
        return state["stage"], state["start"]

    def restore(self, model: keras.Model) -> None:
        """Loads the newest state into a compiled model and the other callbacks."""
        path = self._path(self.epochs_done())
        model.optimizer.build(model.trainable_variables)
        with _alone():
            model.load_weights(path / WEIGHTS)
        state = json.loads((path / STATE).read_text())
        for variable, value in zip(_random_states(model), state["random"], strict=True):
            variable.assign(value)
        self._finished = self.epochs_done()
        self._remembered = state["callbacks"]

    def begin(self, model: keras.Model, progress: dict[str, dict]) -> None:
        """Saves a stage's start: from here on a killed run resumes in this stage.

        Args:
            model: compiled, with the weights that the stage starts from.
            progress: what callbacks know from the stage before, by class name.
        """
        model.optimizer.build(model.trainable_variables)
        self._remembered = progress
        self._save(model, self.start, progress)

    def on_train_begin(self, logs=None):
        # After the others' own `on_train_begin`, which forgets: this callback comes last.
        for other in self.others:
            vars(other).update(self._remembered.get(type(other).__name__, {}))

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self._finished:
            return
        progress = {
            type(other).__name__: {
                name: float(value) if name == "best" else value
                for name, value in vars(other).items()
                if name in _REMEMBERED and value is not None
            }
            for other in self.others
        }
        self._save(self.model, epoch, progress)

    def _save(self, model: keras.Model, epochs: int, progress: dict[str, dict]) -> None:
        self._finished = epochs
        if not self.writes:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "stage": self.stage,
            "start": self.start,
            "callbacks": progress,
            "random": [variable.numpy().tolist() for variable in _random_states(model)],
        }
        with atomic_path(self._path(epochs)) as temporary:
            temporary.mkdir()
            with _alone():
                model.save_weights(temporary / WEIGHTS)
            (temporary / STATE).write_text(json.dumps(state))
        for old in self.folder.iterdir():
            if old != self._path(epochs):
                shutil.rmtree(old)

    def remove(self) -> None:
        """Removes the states: the run is complete."""
        shutil.rmtree(self.folder, ignore_errors=True)


def read_history(path: str | os.PathLike) -> list[dict[str, float]]:
    """Returns the rows of a `CSVLogger`'s file, epoch by epoch, as far as they have values."""
    if not Path(path).exists():
        return []
    with Path(path).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        {name: float(value) for name, value in row.items() if value not in (None, "", "NA")}
        for row in rows
    ]


def truncate_history(path: str | os.PathLike, epochs: int) -> None:
    """Drops the rows from epoch `epochs` on: a resumed run writes them again."""
    path = Path(path)
    if not path.exists():
        return
    header, *lines = path.read_bytes().splitlines(keepends=True) or [b""]
    numbered = ((line.split(b",")[0], line) for line in lines)
    kept = [line for number, line in numbered if number.isdigit() and int(number) < epochs]
    with atomic_path(path) as temporary:
        temporary.write_bytes(header + b"".join(kept))

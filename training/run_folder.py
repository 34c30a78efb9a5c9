"""The folder of a run, and the callbacks that write to it."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import keras

from training.callbacks import Backup, Checkpoint, History
from training.devices import Spread
from training.fit_settings import FitSettings
from training.loss_curve import LossCurve

HISTORY = "history.csv"
BEST, BACKUP = "checkpoints/best.keras", "backup"


@dataclass(frozen=True)
class RunFolder:
    """What the stages of a run share: where it writes, and where it is trained.

    Args:
        output: folder of the run.
        written: folder that this process writes to: the same, or one that nobody reads.
        spread: where the run is trained.
        stages: how many there are.
    """

    output: Path
    written: Path
    spread: Spread
    stages: int

    def callbacks(self, settings: FitSettings, *, validated: bool, place: dict) -> list:
        """Keras callbacks of a stage; the last one is the `Backup`.

        Args:
            settings: of the stage.
            validated: whether there is validation data.
            place: `stage` and `start` of the backup.
        """
        history = self.written / HISTORY
        monitor = "val_loss" if validated else "loss"
        callbacks = [keras.callbacks.TerminateOnNaN(raise_error=True)]
        if settings.ema_momentum is not None:
            callbacks.append(keras.callbacks.SwapEMAWeights(swap_on_epoch=True))
        callbacks += [
            Checkpoint(str(self.written / BEST), monitor=monitor, save_best_only=True),
            History(history, stage=place["stage"] + 1 if self.stages > 1 else None),
        ]
        if self.spread.first:
            callbacks.append(LossCurve(history, self.written / "loss.png"))
        # TensorFlow no longer brings TensorBoard along: its log is written for those who have it.
        # It computes the learning rate, which no host of several may do alone.
        if self.spread.processes == 1 and find_spec("tensorboard") is not None:
            folder = self.written / "tensorboard"
            callbacks.append(keras.callbacks.TensorBoard(folder, write_graph=False))
        patience = settings.reduce_patience
        if patience is not None:
            callbacks.append(
                keras.callbacks.ReduceLROnPlateau(monitor=monitor, factor=0.5, patience=patience)
            )
        patience = settings.stop_patience
        if patience is not None:
            callbacks.append(keras.callbacks.EarlyStopping(monitor=monitor, patience=patience))
        backup = Backup(self.output / BACKUP, callbacks, **place, writes=self.spread.first)
        return [*callbacks, backup]

    def say(self, line: str) -> None:
        """Prints a line, in one of the processes."""
        if self.spread.first:
            print(line)

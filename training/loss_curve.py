"""Pictures of a training's losses."""

import os
from collections.abc import Sequence

import keras

from training.callbacks import read_history
from zoo.files import atomic_path

_COLUMNS = 3
# Losses that fall by more are drawn on a logarithmic axis: their end would be a flat line.
_LINEAR_RATIO = 10


def loss_terms(rows: Sequence[dict[str, float]]) -> list[str]:
    """Names of the losses in a history: `"loss"`, and its terms where there are several.

    Example:
        >>> loss_terms([{"epoch": 0, "loss": 3.0, "kl_loss": 1.0, "mse_loss": 2.0, "val_loss": 3}])
        ['loss', 'kl_loss', 'mse_loss']
    """
    names = dict.fromkeys(name for row in rows for name in row)
    terms = [name for name in names if name.endswith("_loss") and not name.startswith("val_")]
    return ["loss", *(terms if len(terms) > 1 else [])]


def loss_picture(path: str | os.PathLike, rows: Sequence[dict[str, float]]) -> None:
    """Draws training and validation loss over epochs, and each of the loss's terms beside it.

    Args:
        path: PNG file to write.
        rows: a history, as `training.callbacks.read_history` returns it. Where the column `stage`
            changes there is a dotted line.
    """
    from matplotlib.figure import Figure

    terms = loss_terms(rows)
    columns = min(len(terms), _COLUMNS)
    lines = -(-len(terms) // columns)
    width = 7 if columns == 1 else 4.6 * columns
    figure = Figure(figsize=(width, 4 * lines), layout="constrained")
    panels = figure.subplots(lines, columns, squeeze=False).ravel()
    for axes, term in zip(panels, terms, strict=False):
        _draw(axes, rows, term)
    for axes in panels[len(terms) :]:
        axes.remove()
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=100)


def _draw(axes, rows: Sequence[dict[str, float]], term: str) -> None:
    values = []
    for name, label in ((term, "training"), (f"val_{term}", "validation")):
        known = [row for row in rows if name in row]
        if known:
            epochs = [row["epoch"] + 1 for row in known]
            axes.plot(epochs, [row[name] for row in known], marker=".", label=label)
            values += [row[name] for row in known]
    if values and max(values) > _LINEAR_RATIO * min(values) > 0:
        axes.set_yscale("log")
    stages = [row.get("stage") for row in rows]
    for place in range(1, len(rows)):
        if stages[place] != stages[place - 1]:
            axes.axvline(rows[place]["epoch"] + 0.5, color="grey", linestyle=":")
    axes.set(xlabel="epoch", ylabel=term.replace("_", " "))
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()


class LossCurve(keras.callbacks.Callback):
    """Draws the losses over epochs after each epoch, from `history.csv`; see `loss_picture`.

    Args:
        history: file of a `CSVLogger` that comes before this callback.
        picture: PNG to write.
    """

    def __init__(self, history: str | os.PathLike, picture: str | os.PathLike):
        super().__init__()
        self.history = history
        self.picture = picture

    def on_epoch_end(self, epoch, logs=None):
        loss_picture(self.picture, read_history(self.history))

"""Stages of a recipe's run, whatever it learns from."""

from typing import TYPE_CHECKING

from training.recipe import Recipe
from training.recipe_tables import DataRecipe
from zoo.errors import InputError

if TYPE_CHECKING:
    from training.fitting import Stage


def stage_of(
    recipe: Recipe,
    settings,
    data: DataRecipe,
    *,
    examples: int,
    named: str,
    draw,
    host: tuple[int, int] = (0, 1),
) -> "Stage":
    """A stage whose epochs are passes over the examples, or of so many steps.

    Args:
        recipe: of the run.
        settings: the stage's `[training]`.
        data: the stage's `[data]`.
        examples: of one pass.
        named: what they are, for messages.
        draw: function of `data`, `first_epoch` and `host` that returns a process's share of
            endless training data.
        host: `(index, count)` of this process among those that train together.
    """
    from training.fitting import Stage

    one_pass = examples // data.batch_size
    if not one_pass:
        raise InputError(
            f"recipe {recipe.name}: {named} do not fill a batch of {data.batch_size}: nothing "
            "would be trained"
        )
    steps = data.steps_per_epoch or one_pass

    def train(first_epoch):
        passes, surplus = divmod(first_epoch * steps, one_pass)

        def share(host):
            dataset = draw(data, first_epoch=passes, host=host)
            return dataset.skip(surplus) if surplus else dataset

        if data.service is None:
            return share(host)
        from training.data_service import served

        return served(share, data.service, host=host, batch_size=data.batch_size)

    return Stage(train, settings, steps)

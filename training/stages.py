"""Stages of a recipe's run, whatever it learns from."""

from typing import TYPE_CHECKING

from training.recipe import Recipe
from training.recipe_tables import DataRecipe
from zoo.errors import InputError

if TYPE_CHECKING:
    from training.fitting import Stage


def stage_of(
    recipe: Recipe, settings, data: DataRecipe, *, examples: int, named: str, draw
) -> "Stage":
    """A stage whose epochs are passes over the examples, or of so many steps."""
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
        dataset = draw(data, first_epoch=passes)
        return dataset.skip(surplus) if surplus else dataset

    return Stage(train, settings, steps)

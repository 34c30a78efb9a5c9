"""A folder of recordings -> a folder of features, as a recipe says."""

import os
from collections.abc import Callable, Mapping

from training.preprocessing import Loader, LogSpectrogramExtractor, MinMaxNormaliser, Padder
from training.preprocessing_pipeline import PreprocessingPipeline, PreprocessingReport
from training.recipe import load_recipe
from training.saver import Saver
from zoo.errors import InputError


def preprocess_recordings(
    recordings: str | os.PathLike,
    output: str | os.PathLike,
    *,
    recipe: str | os.PathLike = "vae_fsdd",
    overrides: Mapping[str, object] | None = None,
    on_error: Callable[[InputError], None] | None = None,
) -> PreprocessingReport:
    """Preprocesses a folder of recordings as a recipe says.

    Its tables `[front_end]` and `[features]` decide on the features: see
    `training.PreprocessingPipeline`.

    Args:
        recordings: folder of audio files, in folders of any depth.
        output: folder of the features; what an earlier run has finished there is kept.
        recipe: a TOML file, or the name of a shipped recipe.
        overrides: `"table.key"` -> value, in place of what the recipe says.
        on_error: called with the error of each file that cannot be used; the others go on.

    Raises:
        InputError: if the recipe is not one for features, there are no recordings, or the output
            holds other files or features made with other settings.

    Example:
        >>> report = preprocess_recordings("recordings", "features")  # doctest: +SKIP
        >>> print(report)  # doctest: +SKIP
        features: 3000 recordings preprocessed, 0 were there already, 0 skipped
    """
    loaded = load_recipe(recipe, overrides=overrides)
    front_end, table = loaded.front_end, loaded.features
    if front_end is None or table is None:
        raise InputError(f"recipe {loaded.name}: [front_end] and [features] must say what to make")
    duration = table.duration or front_end.clip_samples / front_end.sample_rate
    try:
        pipeline = PreprocessingPipeline(
            Loader(front_end.sample_rate, duration),
            Padder(),
            LogSpectrogramExtractor(front_end),
            MinMaxNormaliser(),
            Saver(output),
            pad=table.pad,
        )
    except ValueError as error:
        raise InputError(f"recipe {loaded.name}: {error}") from error
    return pipeline.process(recordings, on_error=on_error)

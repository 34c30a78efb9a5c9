"""Recordings whose names say what they are and whether they are held out, as waveforms."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training.preprocessing import Loader, Padder
from training.recipe_tables import FeaturesRecipe
from training.recordings import recordings_of
from zoo.errors import InputError
from zoo.front_end import FrontEnd
from zoo.progress import progress

if TYPE_CHECKING:
    from training.label_classifier import LabelClassifier


def split_by_name(
    recordings: str | os.PathLike, features: FeaturesRecipe
) -> tuple[list[str], list[str]]:
    """Returns the paths of a folder's recordings to learn from, and of those held out.

    Args:
        recordings: the folder; paths are relative to it, with `/`.
        features: says which are held out and what a label is; where it says the latter, recordings
            without a label are left out.

    Raises:
        InputError: if the folder cannot be read, or one of the two parts is empty.
    """

    def refuse(path, error):
        raise error

    root = Path(recordings)
    paths = recordings_of(root, on_error=refuse)
    if features.label is not None:
        paths = [path for path in paths if features.label_of(path) is not None]
    held_out = [path for path in paths if features.is_held_out(path)]
    known = [path for path in paths if not features.is_held_out(path)]
    if not held_out:
        raise InputError(f"{root}: no recording has a name like {features.held_out}")
    if not known and features.label is not None:
        raise InputError(f"{root}: all recordings are held out: none is left to learn labels from")
    return known, held_out


def load_clips(
    recordings: str | os.PathLike,
    paths: Sequence[str],
    front_end: FrontEnd,
    features: FeaturesRecipe,
    *,
    sample_rate: int | None = None,
) -> np.ndarray:
    """Decodes recordings as preprocessing does: cut to the duration and padded.

    Args:
        recordings: folder of the recordings.
        paths: relative to it.
        front_end: of the network that learns them.
        features: how they become features.
        sample_rate: of the result; by default the front end's.

    Returns:
        float32 `(recordings, samples)`.
    """
    duration = features.duration or front_end.clip_samples / front_end.sample_rate
    loader, padder = Loader(sample_rate or front_end.sample_rate, duration), Padder()
    pad = padder.right_pad if features.pad == "right" else padder.left_pad
    clips = (loader.load(Path(recordings, path)) for path in paths)
    padded = (pad(clip, loader.samples - len(clip)) for clip in clips)
    return np.stack(list(progress(padded, "Reading", total=len(paths))))


def train_classifier(
    recordings: str | os.PathLike,
    paths: Sequence[str],
    front_end: FrontEnd,
    features: FeaturesRecipe,
    *,
    seed: int = 0,
) -> "LabelClassifier":
    """Returns a classifier that has learned the labels of recordings.

    Args:
        recordings: as all up to `features` in `load_clips`.
        paths: of the recordings that it learns.
        front_end: of the generator whose sounds it will hear.
        features: with a pattern for labels.
        seed: see `LabelClassifier`.

    Raises:
        InputError: if there are fewer than two labels.
    """
    from training.label_classifier import LabelClassifier, listening_front_end

    labels = [features.label_of(path) for path in paths]
    if len(set(labels)) < 2:
        raise InputError(f"{recordings}: all recordings to learn from have the label {labels[0]}")
    heard = listening_front_end(front_end)
    clips = load_clips(recordings, paths, front_end, features, sample_rate=heard.sample_rate)
    classifier = LabelClassifier(heard, sorted(set(labels)), seed=seed)
    classifier.fit(clips, labels)
    return classifier

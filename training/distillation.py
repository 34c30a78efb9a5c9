"""Distillation: a network learns what trained ones estimate, beside the truth."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from training.models import computes_in_half_precision, rebuilt
from training.recipe_tables import DistillationRecipe
from zoo.errors import InputError
from zoo.front_end import FrontEnd
from zoo.mask_networks import ALL_STEMS, MaskNetworks
from zoo.presets import load_model


class Teacher(NamedTuple):
    """Trained mask networks, and how long patches must be for them.

    Attributes:
        networks: in single precision.
        stems: that they teach.
        frames: of the patches that they see.
    """

    networks: MaskNetworks
    stems: tuple[str, ...]
    frames: int


def load_teachers(
    recipe: DistillationRecipe, front_end: FrontEnd, stems: Sequence[str]
) -> list[Teacher]:
    """Loads a recipe's teachers.

    Args:
        recipe: the `[distillation]` table.
        front_end: of the network to train, which the teachers share but for the length of patches.
        stems: that it learns. A network of one source, which has no name for it, teaches the only
            one of them, or `"vocals"`.

    Raises:
        InputError: if a teacher cannot be loaded, has another front end, cannot see patches of that
            length, or teaches none of the stems; or if Keras does not run on TensorFlow.
    """
    needs_tensorflow()
    return [_teacher(name, front_end, tuple(stems)) for name in recipe.teachers]


def distilled(
    dataset: tf.data.Dataset, teachers: Sequence[Teacher], *, share: float, front_end: FrontEnd
) -> tf.data.Dataset:
    """Mixes the teachers' mean estimate into the targets.

    Source: Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network", 2015, with
    estimates for its class probabilities. The teachers run in the pipeline, on the CPU, where a
    resumed run makes the same targets again.

    Args:
        dataset: batches (mixture, {stem: target}[, weights]) as `spectrogram_patches` makes them.
        teachers: from `load_teachers`. A stem that none of them teaches keeps its targets.
        share: of the teachers in a target, in [0, 1]; the truth has the rest.
        front_end: of the patches.

    Returns:
        The same batches with other targets.
    """

    @tf.autograph.experimental.do_not_convert
    def mixed(mixture, targets, *weights):
        estimates = {stem: [] for stem in targets}
        for teacher in teachers:
            masks = teacher.networks(_longer(mixture, teacher.frames, front_end))
            for stem in teacher.stems:
                estimates[stem].append(_cut(masks[stem], front_end) * mixture)
        return mixture, mean_with_truth(targets, estimates, share), *weights

    return dataset.map(mixed).prefetch(2)


def needs_tensorflow() -> None:
    """Raises `InputError` on another backend: teachers run in the input pipeline."""
    if keras.backend.backend() != "tensorflow":
        raise InputError("[distillation] needs Keras's TensorFlow backend: set KERAS_BACKEND")


def stems_taught(name: str, known: Sequence[str], stems: Sequence[str]) -> tuple[str, ...]:
    """Those of a teacher's stems that a network learns; `InputError` if there are none."""
    taught = tuple(stem for stem in known if stem in stems)
    if not taught:
        raise InputError(f"{name}: teaches {', '.join(known)}, none of {', '.join(stems)}")
    return taught


def mean_with_truth(targets: Mapping, estimates: Mapping[str, list], share: float) -> dict:
    """The teachers' mean has `share` of a target, the truth the rest; without one, all of it."""
    return {
        stem: share * tf.add_n(found) / len(found) + (1 - share) * target
        if (found := estimates[stem])
        else target
        for stem, target in targets.items()
    }


def _teacher(name: str, front_end: FrontEnd, stems: tuple[str, ...]) -> Teacher:
    loaded = load_model(name)
    if getattr(loaded, "front_end", None) is None:
        raise InputError(
            f"{name}: has no front end; a teacher masks spectrograms as its pupil does"
        )
    for key, value in front_end.get_config().items():
        other = getattr(loaded.front_end, key)
        if key != "frames" and other != value:
            raise InputError(
                f"{name}: has another front end than the network that it teaches: {key} is "
                f"{other}, not {value}"
            )
    networks = dict(getattr(loaded, "networks", {ALL_STEMS: loaded}))
    networks = {
        key: rebuilt(model, "float32") if computes_in_half_precision(model) else model
        for key, model in networks.items()
    }
    one = networks.get(ALL_STEMS, networks)
    options = {}
    if hasattr(one, "mask"):
        options["stem"] = stems[0] if len(stems) == 1 else "vocals"
    try:
        made = MaskNetworks(one, **options)
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error
    taught = stems_taught(name, made.stems, stems)
    frames = max(_frames_for(model, front_end.frames) for model in made.models.values())
    if frames < front_end.frames or frames - front_end.frames > 2 * (front_end.frames - 1):
        raise InputError(f"{name}: cannot see patches of {front_end.frames} frames")
    return Teacher(made, taught, frames)


def _frames_for(network: keras.Model, frames: int) -> int:
    """The least length, from `frames` on, of which a network takes patches."""
    if network.frames is not None:
        return network.frames
    # The classic U-Net takes any, and has no `filters`.
    divisor = 2 ** len(getattr(network, "filters", ()))
    return -(-frames // divisor) * divisor


def _axis(front_end: FrontEnd) -> int:
    return 2 if front_end.layout == "bins_frames" else 1


def _longer(patches, frames: int, front_end: FrontEnd):
    """Patches that are mirrored at both ends, up to so many frames."""
    before = (frames - front_end.frames) // 2
    after = frames - front_end.frames - before
    paddings = [(0, 0)] * 4
    paddings[_axis(front_end)] = (before, after)
    return tf.pad(patches, paddings, "REFLECT") if frames > front_end.frames else patches


def _cut(masks, front_end: FrontEnd):
    """Inverse of `_longer`."""
    axis, frames = _axis(front_end), front_end.frames
    before = (masks.shape[axis] - frames) // 2
    places = [slice(None)] * 4
    places[axis] = slice(before, before + frames)
    return masks[tuple(places)]

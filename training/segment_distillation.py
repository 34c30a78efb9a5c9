"""Distillation of networks on waveforms: they learn what separators make of a segment."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from training.distillation import mean_with_truth, needs_tensorflow, stems_taught
from training.models import computes_in_half_precision, rebuilt
from training.recipe_tables import DistillationRecipe
from zoo.errors import InputError
from zoo.presets import load_model
from zoo.separator import Separator


class SegmentTeacher(NamedTuple):
    """A trained separator of whatever kind.

    Attributes:
        separator: in single precision.
        stems: that it teaches.
    """

    separator: Separator
    stems: tuple[str, ...]


def load_segment_teachers(
    recipe: DistillationRecipe, network: keras.Model, stems: Sequence[str]
) -> list[SegmentTeacher]:
    """Loads a recipe's teachers for a network on waveforms.

    Args:
        recipe: the `[distillation]` table.
        network: to train, whose sample rate the teachers share.
        stems: that it learns.

    Raises:
        InputError: if a teacher cannot be loaded, separates nothing, has another sample rate, or
            teaches none of the stems; or if Keras does not run on TensorFlow.
    """
    needs_tensorflow()
    return [_teacher(name, network.sample_rate, tuple(stems)) for name in recipe.teachers]


def _teacher(name: str, sample_rate: int, stems: tuple[str, ...]) -> SegmentTeacher:
    loaded = load_model(name)
    # Separators are stored in single precision; networks may come from the middle of a training.
    if not isinstance(loaded, Separator) and computes_in_half_precision(loaded):
        loaded = rebuilt(loaded, "float32")
    try:
        separator = Separator.from_model(loaded)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
    if separator.sample_rate != sample_rate:
        raise InputError(
            f"{name}: hears {separator.sample_rate} Hz, the network that it teaches {sample_rate}"
        )
    return SegmentTeacher(separator, stems_taught(name, separator.stems, stems))


def distilled_segments(
    dataset: tf.data.Dataset, teachers: Sequence[SegmentTeacher], *, share: float
) -> tf.data.Dataset:
    """Mixes the teachers' mean estimate into the targets, as `training.distillation.distilled`.

    A teacher hears as many of a batch's segments in a row as fill one of its patches, which are
    often longer: that costs it less than silence around each of them, and suits it better where
    they are of whole songs (docs/weights.md).

    Args:
        dataset: batches (mixture, {stem: target}) as `waveform_segments` makes them. Targets are
            the middle of a mixture that a network with context sees more of.
        teachers: from `load_segment_teachers`. What none of them teaches keeps its targets, those
            at lower rates too.
        share: of the teachers in a target, in [0, 1]; the truth has the rest.

    Returns:
        The same batches with other targets.
    """

    @tf.autograph.experimental.do_not_convert
    def mixed(mixture, targets):
        estimates = {stem: [] for stem in targets}
        for teacher in teachers:
            for stem, segments in _estimates(teacher, mixture).items():
                samples = targets[stem].shape[1]
                start = (mixture.shape[1] - samples) // 2
                estimates[stem].append(segments[:, start : start + samples])
        return mixture, mean_with_truth(targets, estimates, share)

    return dataset.map(mixed).prefetch(2)


def _estimates(teacher: SegmentTeacher, mixture) -> Mapping[str, tf.Tensor]:
    """What it makes of each segment, `(batch, samples, channels)` for each stem that it teaches."""
    batch, samples, channels = mixture.shape
    separator = teacher.separator
    fitting = max(1, (separator.step_samples + separator.lookahead_samples) // samples)
    row = max(count for count in range(1, batch + 1) if batch % count == 0 and count <= fitting)
    stems = separator(tf.reshape(mixture, (batch // row, row * samples, channels)))
    return {stem: tf.reshape(stems[stem], mixture.shape) for stem in teacher.stems}

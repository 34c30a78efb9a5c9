"""What a recipe feeds a network: examples to listen to and to look at."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from training.models import build_model, takes_features, takes_waveforms
from training.recipe import Recipe, load_recipe
from training.song_run import training_examples
from zoo.errors import InputError
from zoo.files import atomic_path, created_folder
from zoo.front_end import FrontEnd
from zoo.griffin_lim import griffin_lim
from zoo.progress import progress

PICTURE = "examples.png"
MIXTURE = "mixture"
# Patches are divided by their peak: their sound gets this one.
_PEAK = 0.5


@dataclass(frozen=True)
class Example:
    """One training example as sound and as a picture.

    Args:
        sounds: `"mixture"` and every output of the network -> `(samples, channels)`.
        rates: of the sounds, in Hz.
        pictures: `"mixture"` and every target -> magnitudes in dB, `(bins, frames)`.
        seconds: name -> where the picture begins and ends in the mixture.
        caption: what was done to the stems.
    """

    sounds: Mapping[str, np.ndarray]
    rates: Mapping[str, int]
    pictures: Mapping[str, np.ndarray]
    seconds: Mapping[str, tuple[float, float]]
    caption: str


def _decibels(magnitude: np.ndarray) -> np.ndarray:
    return 20 * np.log10(np.maximum(magnitude, 1e-6))


def _of_patch(mixture, targets, front_end: FrontEnd, caption: str) -> Example:
    """A patch of a spectrogram, in the network's layout, and its targets."""
    patches = {MIXTURE: mixture, **targets}
    stacked = np.stack(list(patches.values()))
    magnitudes = np.asarray(front_end.from_network(stacked))
    # One phase for each of them: they are heard alone, and need not add up.
    waveforms = np.asarray(griffin_lim(magnitudes, front_end))
    # (patches, channels, samples) -> (patches, samples, channels)
    waveforms = waveforms.reshape(len(patches), front_end.channels, -1).swapaxes(1, 2)
    magnitudes = magnitudes.reshape(len(patches), front_end.channels, *magnitudes.shape[1:])
    pictures = _decibels(magnitudes.mean(axis=1).swapaxes(1, 2))
    if front_end.normalization == "peak":
        waveforms = waveforms * (_PEAK / max(np.abs(waveforms[0]).max(), 1e-6))
    seconds = front_end.frames * front_end.frame_step / front_end.sample_rate
    return Example(
        dict(zip(patches, waveforms, strict=True)),
        dict.fromkeys(patches, front_end.sample_rate),
        dict(zip(patches, pictures, strict=True)),
        dict.fromkeys(patches, (0.0, seconds)),
        caption,
    )


def _spectrogram(waveform: np.ndarray, front_end: FrontEnd) -> np.ndarray:
    """Magnitude in dB below a full-scale sine, `(bins, frames)`, of whole frames only."""
    missing = max(0, front_end.frame_length - len(waveform))
    middle = np.pad(waveform.mean(axis=1), (0, missing))
    spectrum = front_end.stft(middle[None], center=False)
    return _decibels(np.asarray(front_end.magnitude(*spectrum))[0].T * 4 / front_end.frame_length)


def _of_segment(mixture, targets, network, caption: str) -> Example:
    """A segment of waveform, `(samples, channels)`, and its targets, in the middle of it."""
    from zoo.pictures import display_front_end

    rate = network.sample_rate
    front_end = display_front_end(rate)
    # What is estimated at a lower rate is heard, and looks the same.
    shown = {MIXTURE: mixture} | {stem: targets[stem] for stem in network.sources}
    seconds = {}
    for name, waveform in shown.items():
        first = (len(mixture) - len(waveform)) / 2
        seconds[name] = (first / rate, (first + len(waveform)) / rate)
    scales = {
        f"{stem}_{2**level}": 2**level
        for stem in network.sources
        for level in range(1, network.scales)
    }
    return Example(
        {MIXTURE: mixture, **targets},
        {name: rate // scales.get(name, 1) for name in (MIXTURE, *targets)},
        {name: _spectrogram(waveform, front_end) for name, waveform in shown.items()},
        seconds,
        caption,
    )


def _caption(recipe: Recipe, stems: Sequence[str], epoch: int, number: int) -> str:
    """What the recipe's transforms do to an example."""
    import tensorflow as tf

    from training.transforms.transform import seed_of

    key = recipe.run.seed * 2**32 + number // epoch
    done: dict[str, list[str]] = {}  # words -> stems
    for place, transform in enumerate(recipe.augment):
        seed = seed_of(tf.constant(key, tf.int64), tf.constant(number % epoch, tf.int64), place)
        for stem, words in transform.describe(stems, seed).items():
            done.setdefault(words, []).append(stem)
    return "; ".join(
        f"{words}: {'all stems' if len(changed) == len(stems) else ', '.join(changed)}"
        for words, changed in done.items()
    )


def preview_recipe(
    recipe: str | os.PathLike,
    data: str | os.PathLike | None,
    folder: str | os.PathLike,
    *,
    count: int = 8,
    overrides: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Writes the first examples that a recipe would train on, drawn by its own pipeline.

    Of each there is a folder with a WAV file (float32) of the mixture and of every target, and all
    are in one picture. A network for waveforms is fed these very samples; targets are what lies in
    the middle of the mixture. A network for spectrograms is fed magnitudes, without phases: what is
    heard is a waveform that Griffin and Lim's algorithm finds for them, channel by channel, at a
    peak of 0.5 where patches are divided by theirs; targets keep their level under the mixture.
    What is seen of several channels is their mean magnitude.

    Args:
        recipe: TOML file or name of a shipped recipe, for separation.
        data: as for `training.train_recipe`.
        folder: where to write; made if it is missing.
        count: examples; they come from at most as many songs, evenly spread over the data.
        overrides: `"table.key"` -> value, in place of what the recipe says.

    Returns:
        The files written, the picture last.

    Raises:
        InputError: if recipe or data cannot be used.

    Example:
        >>> preview_recipe("wave_unet_small", None, "preview", count=2)  # doctest: +SKIP
    """
    from training.preview_picture import examples_picture

    recipe = load_recipe(recipe, overrides=overrides)
    model = build_model(recipe.model, recipe.front_end)
    if takes_features(model):
        raise InputError(
            f"recipe {recipe.name}: {type(model).__name__} learns recordings, which nothing is "
            "done to: listen to the recordings themselves"
        )
    drawn = training_examples(recipe, model, data, songs=count)
    folder = Path(folder)
    examples, files = [], []
    with created_folder(folder):
        batches = islice(drawn.dataset.as_numpy_iterator(), count)
        for number, batch in enumerate(progress(batches, "Drawing examples", total=count)):
            mixture, targets = batch[0][0], {name: batch[1][name][0] for name in batch[1]}
            caption = _caption(recipe, drawn.stems, drawn.epoch, number)
            if takes_waveforms(model):
                example = _of_segment(mixture, targets, model, caption)
            else:
                example = _of_patch(mixture, targets, model.front_end, caption)
            place = folder / f"example_{number + 1:02d}"
            place.mkdir(exist_ok=True)
            for name, sound in example.sounds.items():
                files.append(place / f"{name}.wav")
                with atomic_path(files[-1]) as temporary:
                    soundfile.write(temporary, sound, example.rates[name], subtype="FLOAT")
            examples.append(example)
        rate = model.sample_rate if takes_waveforms(model) else model.front_end.sample_rate
        band = (0.0, rate / 2)
        if not takes_waveforms(model):
            front_end = model.front_end
            first, last = front_end.first_bin, front_end.first_bin + front_end.bins
            band = tuple(place * rate / front_end.frame_length for place in (first, last))
        files.append(examples_picture(folder / PICTURE, examples, band=band, title=recipe.name))
    return files

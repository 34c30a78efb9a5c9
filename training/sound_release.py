"""A finished run on features as a preset of a sound generator, with a card of measured figures.

python -m training.sound_release RUN PRESET --recipe NAME --recordings FOLDER ...
"""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from training.callbacks import read_history
from training.feature_run import GENERATOR, LATENTS, RECONSTRUCTIONS, split_recordings
from training.fitting import HISTORY
from training.labelled_recordings import load_clips, split_by_name
from training.loss_curve import loss_picture
from training.recipe_tables import FeaturesRecipe
from training.release_parts import (
    argument_parser,
    as_shipped,
    began_with,
    finished_run,
    training_time,
)
from training.sound_evaluation import evaluate_sounds
from training.sound_pictures import reconstruction_picture
from zoo.command_line import run_module
from zoo.presets import load_model
from zoo.sound_generator import SoundGenerator
from zoo.sound_pictures import sounds_picture

SAMPLES, LOSS = "samples.png", "loss.png"
_PICTURED = 6
CARD = """# {name}

{network} in a `zoo.SoundGenerator`: it makes sounds of {seconds:.2g} s like the recordings that it
learned{kinds}.

- Input and output: latents `(batch, {latent})` to waveforms `(batch, {samples})` at {sample_rate}
  Hz, {low:.0f} to {high:.0f} Hz; recordings of any rate and length through `stemzoo generate`.
- Parameters: {parameters:,}, stored in float16.
- Trained on: {trained_on}
- Licence of the weights: {licence}

![Samples, the labels in turn](samples.png)

    stemzoo generate --preset {name} -n 10 --output sounds

    generator = zoo.SoundGenerator.from_preset("{name}")
    sounds = generator.sample(10, {label}seed=0)  # waveforms, labels, latents

## Training

Recipe `{recipe}`, all settings in `metadata.json`; {clips:,} recordings to learn from and
{validation:,} to choose the best of {epochs} epochs by{minutes}.

    stemzoo preprocess RECORDINGS features --recipe {recipe}
    stemzoo train {recipe} --data features --output RUN{began}
    python -m training.sound_release RUN saved_models/{name} --recipe {recipe} \\
        --recordings RECORDINGS

![Losses over epochs](loss.png)

## Scores

On the {held_out} recordings that no training saw (`{pattern}`), with the weights as they are
stored: `stemzoo evaluate {name} --data RECORDINGS`.

{scores}

"Network" is the spectrogram that comes out of the network, "Griffin-Lim alone" the waveform made of
a recording's true magnitudes: what is lost without any network.

![Recordings held out and what the network makes of them](reconstructions.png)

![Latents of the recordings learned](latents.png)

## Limits

It knows sounds like its recordings and nothing else, and says none longer than {seconds:.2g} s.
Its decoder gives what is likely on average: harmonics and noise are smeared, and the phases are
Griffin-Lim's guess, so that voices sound hollow. A sample of a label is now and then another one:
see the scores.
"""


def _samples_picture(path: Path, generator: SoundGenerator) -> None:
    """Two sounds of each label, or ten of none."""
    drawn = generator.sample(2 * len(generator.labels) or 10, seed=0)
    names = [label or "sample" for label in drawn.labels]
    sounds = list(zip(names, drawn.waveforms, strict=True))
    columns = min(len(generator.labels) or 5, 5)
    sounds_picture(path, sounds, generator.front_end, columns=columns, dots_per_inch=70)


def _reconstructions_picture(
    path: Path, generator: SoundGenerator, recordings: Path, features: FeaturesRecipe
) -> None:
    """Recordings held out, evenly spread over their sorted names."""
    _, held_out = split_by_name(recordings, features)
    count = min(_PICTURED, len(held_out))
    paths = [held_out[(2 * place + 1) * len(held_out) // (2 * count)] for place in range(count)]
    clips = load_clips(recordings, paths, generator.front_end, features)
    originals = generator.front_end.features(clips)[0]
    again = generator.network.predict(originals, verbose=0)
    names = [Path(path).name for path in paths]
    reconstruction_picture(path, originals, again, names, generator.front_end, dots_per_inch=70)


def release(
    run: str | os.PathLike,
    preset: str | os.PathLike,
    *,
    recipe: str,
    recordings: str | os.PathLike,
    trained_on: str,
    licence: str,
    minutes: float | None = None,
) -> None:
    """Writes a run's sound generator as a preset folder with a measured card and pictures.

    Args:
        run: folder of a finished run on features.
        preset: folder to create or replace.
        recipe: name of the shipped recipe that the run followed.
        recordings: folder of all recordings: those held out are scored, and the classifier that
            scores them learns the others.
        trained_on: what the card says of the training data.
        licence: of the weights.
        minutes: how long the training took.

    Raises:
        InputError: if the run is not finished, followed another recipe, or the recordings cannot
            be used.
    """
    run, preset, recordings = Path(run), Path(preset), Path(recordings)
    settings = finished_run(run, GENERATOR, recipe)
    features = FeaturesRecipe(**settings["features"])
    known, held_out = split_by_name(recordings, features)
    train, validation = split_recordings(known, features, settings["data"]["validation_share"])
    history = read_history(run / HISTORY)
    generator = as_shipped(load_model(run / GENERATOR))
    report = evaluate_sounds(generator, recordings, features=features)

    front_end = generator.front_end
    hertz = front_end.sample_rate / front_end.frame_length
    labels = generator.labels
    card = CARD.format(
        name=preset.name,
        network=type(generator.network).__name__,
        seconds=front_end.clip_samples / front_end.sample_rate,
        kinds=f", asked for by label: {', '.join(labels)}" if labels else "",
        label=f'label="{labels[0]}", ' if labels else "",
        latent=generator.latent_size,
        samples=generator.samples,
        sample_rate=front_end.sample_rate,
        low=front_end.first_bin * hertz,
        high=(front_end.first_bin + front_end.bins - 1) * hertz,
        parameters=generator.count_params(),
        trained_on=trained_on,
        licence=licence,
        recipe=recipe,
        clips=len(train),
        validation=len(validation),
        epochs=len(history),
        minutes=training_time(minutes),
        began=began_with(recipe, settings),
        held_out=len(held_out),
        pattern=features.held_out,
        scores=report.markdown(),
    )
    metadata = {
        "licence": licence,
        "trained_on": trained_on,
        "labels": list(labels),
        "recordings": len(train),
        "settings": settings,
        "scores": json.loads(report.to_json()),
    }
    generator.save_to_preset(preset, metadata=metadata, card=card, half_precision=True)
    _samples_picture(preset / SAMPLES, generator)
    _reconstructions_picture(preset / RECONSTRUCTIONS, generator, recordings, features)
    loss_picture(preset / LOSS, history)
    shutil.copyfile(run / LATENTS, preset / LATENTS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of this module."""
    parser = argument_parser(__doc__)
    parser.add_argument("--recordings", required=True, help="folder of all recordings")
    release(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    run_module(main)

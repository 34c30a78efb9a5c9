"""A finished run as a preset: float16 weights, metadata, and a card whose figures are measured.

python -m training.release RUN PRESET --recipe NAME --songs synthetic:SEED:COUNT ...
"""

import os
from collections.abc import Sequence
from pathlib import Path

import keras
from PIL import Image

from training.callbacks import read_history
from training.evaluation import AGGREGATION, Evaluation, evaluate
from training.fitting import HISTORY, MODEL
from training.loaders.named import named_tracks
from training.models import own_stems, rebuilt, takes_waveforms
from training.release_parts import (
    argument_parser,
    as_shipped,
    began_with,
    finished_run,
    training_time,
    worst_row,
    worst_song,
)
from training.synthetic import synthetic_songs
from zoo.command_line import run_module
from zoo.demo import DEMO_SEED
from zoo.presets import load_model
from zoo.separator import Separator

PICTURE = "spectrograms.png"
CARD = """# {name}

{network} that separates {stems} from music, trained without any real song.

- Input and output: waveforms at {sample_rate} Hz{channels} through `zoo.Separator`; songs of any
  rate through `stemzoo separate`. Above {band:.0f} Hz nothing is separated: that part {above}
  unless `--above-band` says otherwise.
- Parameters: {parameters:,}, stored in float16.
- Trained on: {trained_on}
{materials}- Licence of the weights: {licence}

## Training

Recipe `{recipe}`, all settings in `metadata.json`; {patches:,} {examples} in {epochs}
epochs{minutes}.

    stemzoo train {recipe} --output RUN{songs_from}
    python -m training.release RUN saved_models/{name} {release_arguments}

## Scores

SDR in dB; mixture = the mixture in the stem's place.

{scores}

{worst}

![A held-back synthetic song before and after](spectrograms.png)

Limits: it was trained on synthetic music, so instruments that sound like none of the synthesiser's
{leak}, and its band ends at {band:.0f} Hz.
"""


def _score_lines(evaluation: Evaluation, title: str, command: str) -> list[str]:
    lines = [
        f"**{title}** ({evaluation.metric}: {AGGREGATION[evaluation.metric]}; `{command}`)",
        "",
        "| stem | aggregation | SDR | mixture | improvement |",
        "|---|---|---|---|---|",
    ]
    for row in evaluation.aggregates:
        if row["aggregation"] != "median over all frames":
            cells = (f"{row[name]:.2f}" for name in ("SDR", "mixture", "improvement"))
            lines.append(f"| {row['stem']} | {row['aggregation']} | {' | '.join(cells)} |")
    return [*lines, ""]


def _patches(settings: dict, history: Sequence[dict]) -> int:
    """Patches of all epochs: the stages' batches differ."""
    total = 0
    for row in history:
        data = dict(settings["data"])
        if row.get("stage", 1) > 1:
            given = settings["second_stage"].items()
            data.update({name: value for name, value in given if value is not None})
        batch = data["batch_size"]
        steps = data.get("steps_per_epoch") or data["count"] * data["patches_per_song"] // batch
        total += steps * batch
    return total


def _song_hours(data: dict) -> float | None:
    """How much music the recipe made to train on; `None` where it was given songs."""
    if data["kind"] != "synthetic":
        return None
    return round(data["count"] * data["duration"] / 3600, 2)


def _songs_from(data: dict, materials: Sequence[str]) -> str:
    """What the card's command says of the songs: shards have no material, or none to be named."""
    if data.get("material"):
        return " --set data.material=FOLDER"
    return " --data SONGS" if materials else ""


def _shown(corpus: str) -> str:
    """The corpus as the card names it: where it lies is the owner's business."""
    kind, colon, _ = corpus.partition(":")
    if kind == "synthetic":
        return corpus
    return f"{kind}:FOLDER" if colon else "FOLDER"


def _examples(model: keras.Model) -> str:
    """What the network was trained on."""
    if not takes_waveforms(model):
        return f"patches of {model.front_end.frames} frames"
    samples = model.output_samples(model.input_samples(model.segment_samples))
    return f"segments of {samples:,} samples ({samples / model.sample_rate:.1f} s)"


def _band(model: keras.Model) -> float:
    """The highest frequency that the network separates, in Hz."""
    if takes_waveforms(model):
        return model.sample_rate / 2
    front_end = model.front_end
    last_bin = front_end.first_bin + front_end.bins - 1
    return last_bin * front_end.sample_rate / front_end.frame_length


def _draw(separator: Separator, path: Path) -> None:
    """A song of the synthesiser that no recipe trains on, before and after."""
    from zoo.pictures import separation_picture

    (track,) = synthetic_songs(
        DEMO_SEED,
        1,
        duration=20.0,
        sample_rate=separator.sample_rate,
        channels=separator.channels or 1,
    )
    title = f"{path.parent.name}: {track.name}"
    mixture = track.load_mixture()
    separation_picture(path, separator, mixture, title=title, dots_per_inch=70)
    fewer_colours(path)


def fewer_colours(path: Path) -> None:
    """Stores a picture in 256 colours, a quarter of its bytes: git keeps every version.

    The palette is that of an octree, which keeps rare colours: the median cut, Pillow's default,
    gives them away for more shades of the common ones, and a colour bar's bright end turns green.
    """
    with Image.open(path) as drawn:
        few = drawn.convert("RGB").quantize(256, method=Image.Quantize.FASTOCTREE)
    few.save(path, optimize=True)


def release(
    run: str | os.PathLike,
    preset: str | os.PathLike,
    *,
    recipe: str,
    songs: str,
    checks: Sequence[str] = (),
    trained_on: str,
    licence: str,
    minutes: float | None = None,
    materials: Sequence[str] = (),
) -> None:
    """Writes the best model of a run as a preset folder with a measured card.

    Args:
        run: folder of a finished run.
        preset: folder to create or replace.
        recipe: name of the shipped recipe that the run followed.
        songs: held-back songs, a folder or `synthetic:SEED:COUNT`, scored by whole-song SDR.
        checks: corpora of real songs, as `training.loaders.named.named_tracks` takes them, each
            scored by BSSEval v4; never trained on.
        trained_on: what the card says of the training data.
        licence: of the weights.
        minutes: how long the training took.
        materials: what the songs were made with, each with its licence, as the card shall name it.

    Raises:
        InputError: if the run is not finished, or followed another recipe.
    """
    run, preset = Path(run), Path(preset)
    settings = finished_run(run, MODEL, recipe)
    data = settings["data"]
    history = read_history(run / HISTORY)
    model = as_shipped(rebuilt(load_model(run / MODEL), "float32"))
    separator = Separator.from_model(model)
    stems = list(separator.stems)
    if own_stems(model) is None:
        stems = [*(data["stems"] or ["vocals"]), "accompaniment"]
    held_back = _shown(songs)
    arguments = [f"--recipe {recipe} --songs {held_back}"]
    arguments += [f"--check {_shown(check)}" for check in checks]
    scores, figures, worst = [], {}, None
    for source in (songs, *checks):
        metric = "bsseval_v4" if figures else "sdr"
        evaluation = evaluate(separator, named_tracks(source), metric=metric)
        if figures:
            names = ", ".join(sorted({row["track"] for row in evaluation.rows}))
            title = f"Real songs, as a check only: {names}"
        else:
            names, title, worst = held_back, "Songs held back", worst_row(evaluation.rows)
        command = f"stemzoo evaluate {preset.name} --data {_shown(source)} --metric {metric}"
        scores += _score_lines(evaluation, title, command)
        rows = ({"songs": names, **row} for row in evaluation.aggregates)
        figures.setdefault(metric, []).extend(rows)
    patches = _patches(settings, history)
    card = CARD.format(
        name=preset.name,
        network=type(model).__name__,
        stems=", ".join(stem for stem in stems if stem != separator.residual),
        sample_rate=model.sample_rate,
        band=_band(model),
        channels=", stereo; a mono song is heard twice," if separator.channels == 2 else "",
        above=f"stays in the {separator.residual}" if separator.residual else "is in no stem",
        leak="leak into the vocals" if separator.residual else "end up in a wrong stem",
        materials="".join(f"- Material: {material}\n" for material in materials),
        worst=worst_song(worst),
        parameters=model.count_params(),
        trained_on=trained_on,
        licence=licence,
        recipe=recipe,
        patches=patches,
        examples=_examples(model),
        epochs=len(history),
        minutes=training_time(minutes),
        songs_from=_songs_from(data, materials) + began_with(recipe, settings),
        release_arguments=" ".join(arguments),
        scores="\n".join(scores).rstrip(),
    )
    # Where material and other networks lie is the trainer's own business.
    data["material"] = bool(data.get("material") or materials)
    for origin in ("start", "weights"):
        if settings["model"].get(origin):
            settings["model"][origin] = Path(settings["model"][origin]).name
    if settings.get("distillation"):
        teachers = settings["distillation"]["teachers"]
        settings["distillation"]["teachers"] = [Path(name).name for name in teachers]
    metadata = {
        "licence": licence,
        "trained_on": trained_on,
        "stems": stems,
        "materials": list(materials),
        "patches": patches,
        "hours": {"songs": _song_hours(data), "training": minutes and round(minutes / 60, 2)},
        "worst": worst,
        "settings": settings,
        "scores": figures,
    }
    model.save_to_preset(preset, metadata=metadata, card=card, half_precision=True)
    _draw(separator, preset / PICTURE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of this module."""
    parser = argument_parser(__doc__)
    parser.add_argument("--songs", required=True, help="held-back songs: folder or synthetic:S:N")
    parser.add_argument(
        "--material",
        dest="materials",
        action="append",
        default=[],
        help="what songs were made with, and its licence; repeatable",
    )
    parser.add_argument(
        "--check",
        dest="checks",
        action="append",
        default=[],
        help="real songs for BSSEval v4, folder or musdb18:FOLDER; repeatable",
    )
    release(**vars(parser.parse_args(arguments)))


if __name__ == "__main__":
    run_module(main)

"""Fine-tunes the shipped separator on your own songs, and says whether that was worth it.

    python examples/fine_tuning/fine_tune.py my_stems --output fine_tuned

`my_stems` is whatever `stemzoo train --data` takes: one folder a song with `vocals.wav` and
`accompaniment.wav`, a corpus, or a manifest. Without it, 20 synthetic songs of a style that the
preset does not know are made. docs/fine_tuning.md explains each step.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
from comparison import Comparison
from theremin_songs import write_theremin_songs

from export import table
from training import FitSettings, Remix, fit, spectrogram_patches
from training.loaders.named import named_tracks
from training.models import freeze_layers
from zoo import InputError, Separator, load_preset
from zoo.exporting import FILES, export_model
from zoo.inference import separate_array
from zoo.pictures import spectrogram_picture

PRESET = "jansson_unet_vocals"
# The first layers hear edges and slopes of partials, which are the same in all music.
FROZEN = ("encoder_1_*", "encoder_2_*")
LOSS = "energy_normalized_squared_error"
BATCH_SIZE = 8
PICTURE_SECONDS = 20.0


def parsed(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", help="your songs, as stemzoo train --data takes them")
    parser.add_argument("--output", type=Path, default=Path("fine_tuned"), help="a new folder")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--patches-per-song", type=int, default=24, help="of an epoch")
    parser.add_argument("--learning-rate", type=float, default=5e-4)
    parser.add_argument("--songs", type=int, default=20, help="synthetic ones to make")
    parser.add_argument("--seconds", type=float, default=20.0, help="of a synthetic song")
    parser.add_argument("--formats", nargs="+", choices=FILES, default=["tflite", "onnx"])
    return parser.parse_args(given)


def split(tracks: list) -> tuple[list, list, list]:
    """Songs to train on, to choose the best epoch by, and to judge the result by.

    One song in six goes to each of the latter two, evenly spread over the alphabet: neighbours
    are often of one album.
    """
    if len(tracks) < 3:
        raise InputError(f"{len(tracks)} songs: one to train on, one to validate, one to judge by")
    held = max(1, len(tracks) // 6)
    places = np.linspace(0, len(tracks) - 1, 2 * held).round().astype(int)
    validation, test = set(places[::2]), set(places[1::2])
    training = [track for n, track in enumerate(tracks) if n not in validation | test]
    return training, [tracks[n] for n in sorted(validation)], [tracks[n] for n in sorted(test)]


def fine_tuned(network, train, validation, options: argparse.Namespace):
    """The network after its best epoch."""
    freeze_layers(network, FROZEN)
    cache = options.output / "cache"
    patches = {"batch_size": BATCH_SIZE, "energy_weights": True, "cache_dir": cache}

    def drawn(first_epoch):
        return spectrogram_patches(
            train,
            network.front_end,
            patches_per_song=options.patches_per_song,
            remix=Remix(),
            first_epoch=first_epoch,
            **patches,
        )

    fixed = spectrogram_patches(
        validation, network.front_end, patches_per_song=8, training=False, **patches
    )
    settings = FitSettings(
        epochs=options.epochs,
        loss=LOSS,
        learning_rate=options.learning_rate,
        schedule="cosine",
        warmup_steps=10,
    )
    steps = len(train) * options.patches_per_song // BATCH_SIZE
    run = options.output / "run"
    return fit(network, drawn, fixed, output=run, settings=settings, steps_per_epoch=steps)


def draw_spectrograms(path: Path, track, separators: dict[str, Separator]) -> None:
    """The beginning of a song: mixture, true vocals, and what each separator takes for them."""
    samples = int(PICTURE_SECONDS * track.sample_rate)
    mixture = track.load_mixture()[:samples]
    signals = {"mixture": mixture, "vocals": track.load_stem("vocals")[:samples]}
    for name, separator in separators.items():
        signals[f"vocals, {name}"] = separate_array(separator, mixture, track.sample_rate)["vocals"]
    mono = {name: signal.mean(axis=1) for name, signal in signals.items()}
    front_end = next(iter(separators.values())).front_end
    if track.sample_rate != front_end.sample_rate:
        import soxr

        rates = track.sample_rate, front_end.sample_rate
        mono = {name: soxr.resample(signal, *rates) for name, signal in mono.items()}
    spectrogram_picture(path, mono, front_end, title=track.name)


def main(given: list[str] | None = None) -> Comparison:
    """Runs all steps; returns the scores before and after."""
    options = parsed(given)
    start, spent = time.perf_counter(), time.process_time()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - start:5.0f} s] {text}", flush=True)

    output = options.output
    if output.exists():
        raise InputError(f"{output}: is there already; name a new folder")
    data = options.data
    if data is None:
        data = output / "songs"
        say(f"making {options.songs} songs of a singer and a theremin in {data}")
        write_theremin_songs(data, count=options.songs, duration=options.seconds)
    train, validation, test = split(named_tracks(data))
    say(f"{len(train)} songs to train on, {len(validation)} to validate, {len(test)} held back")

    say(f"fine-tuning {PRESET} for {options.epochs} epochs, without {' and '.join(FROZEN)}")
    tuned = fine_tuned(load_preset(PRESET), train, validation, options)
    say(f"the best epoch is {output / 'run' / 'model.keras'}, see loss.png beside it")

    separators = {"preset": Separator.from_preset(PRESET), "fine-tuned": Separator(tuned)}
    say("separating the songs held back, before and after")
    comparison = Comparison.of(separators, test)
    print(comparison.table())
    comparison.picture(output / "scores.png")
    draw_spectrograms(output / "spectrograms.png", test[0], separators)
    say(f"pictures: {output / 'scores.png'}, {output / 'spectrograms.png'}")

    exports = output / "exports"
    exports.mkdir()
    say(f"exporting to {exports} and comparing each file with the model")
    print(table(export_model(separators["fine-tuned"], exports, formats=options.formats)))
    say(f"done, {time.process_time() - spent:.0f} s of processor time")
    return comparison


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"{Path(__file__).name}: {error}")

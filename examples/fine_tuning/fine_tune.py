"""Fine-tunes a shipped separator on ten songs, and says whether that was worth it.

    python examples/fine_tuning/fine_tune.py --output fine_tuned
    python examples/fine_tuning/fine_tune.py my_stems --output fine_tuned

`my_stems` is whatever `stemzoo train --data` takes: one folder a song with `vocals.wav` and
`accompaniment.wav`, a corpus, or a manifest. Without it, songs of a style that the preset does not
know are made: ten to learn from, six to judge by. docs/fine_tuning.md explains each step.
"""

import argparse
import sys
import time
from pathlib import Path

import keras
import numpy as np
from comparison import Comparison
from theremin_songs import write_theremin_songs

from training import Remix, spectrogram_patches, synthetic_songs
from training.loaders.named import named_tracks
from training.models import freeze_layers, own_stems
from zoo import InputError, Separator

PRESET = "jansson_unet_vocals"
# The first layers hear edges and slopes of partials, which are the same in all music.
FROZEN = ("*encoder_1_*", "*encoder_2_*")
# What starts anew has further to go.
LEARNING_RATE, FROM_SCRATCH = 5e-4, 1e-3
BATCH_SIZE = 8
TRAINING, VALIDATION, HELD_BACK = 8, 2, 6
# Songs of the kind that the presets were trained on, but not one of those.
USUAL_SEED, USUAL_SONGS = 920_000, 6


def parsed(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", help="your songs, as stemzoo train --data takes them")
    parser.add_argument("--output", type=Path, default=Path("fine_tuned"), help="a new folder")
    parser.add_argument("--preset", default=PRESET, help="name or folder, of a mask network")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--patches-per-song", type=int, default=24, help="of an epoch")
    parser.add_argument("--seconds", type=float, default=30.0, help="of a synthetic song")
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


def network_of(preset: str) -> keras.Model:
    """The preset's network: of one for each stem, that of the vocals."""
    networks = Separator.from_preset(preset).networks
    network = networks.get("vocals", next(iter(networks.values())))
    if not hasattr(network, "front_end"):
        raise InputError(f"--preset {preset}: works on waveforms; this is for mask networks")
    return network


def piles(options: argparse.Namespace, front_end) -> tuple[list, list, list]:
    """Songs to train on, to validate and to judge by; synthetic ones where none are given."""
    if options.data is not None:
        return split(named_tracks(options.data))
    folder = options.output / "songs"
    write_theremin_songs(
        folder,
        count=TRAINING + VALIDATION + HELD_BACK,
        duration=options.seconds,
        sample_rate=front_end.sample_rate,
        channels=front_end.channels,
    )
    tracks = named_tracks(folder)
    learned = TRAINING + VALIDATION
    return tracks[:TRAINING], tracks[TRAINING:learned], tracks[learned:]


def patches_of(tracks: list, network: keras.Model, *, per_song: int, training: bool):
    """Batches as the network takes them: remixed ones to train on, fixed ones to validate."""
    patches = spectrogram_patches(
        tracks,
        network.front_end,
        stems=own_stems(network) or ("vocals",),
        batch_size=BATCH_SIZE,
        patches_per_song=per_song,
        remix=Remix() if training else None,
        energy_weights=True,
        training=training,
    )
    if isinstance(network.output, dict):
        return patches
    # A network of one stem has one output, without a name.
    return patches.map(lambda mixture, targets, weights: (mixture, targets["vocals"], weights))


def train(network, patches, validation, *, epochs: int, learning_rate: float) -> None:
    """Trains by stock Keras; the weights of the best epoch stay."""
    steps = epochs * int(patches.cardinality())
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=learning_rate, warmup_steps=steps // 20
    )
    network.compile(keras.optimizers.Adam(rate), loss="mean_squared_error")
    best = keras.callbacks.EarlyStopping(patience=epochs, restore_best_weights=True)
    # The patches are drawn at random as they are.
    network.fit(
        patches,
        validation_data=validation,
        epochs=epochs,
        callbacks=[best],
        shuffle=False,
        verbose=2,
    )


def main(given: list[str] | None = None) -> Comparison:
    """Runs all steps; returns the scores before, from scratch and after."""
    options = parsed(given)
    start = time.perf_counter()

    def say(text: str) -> None:
        print(f"[{time.perf_counter() - start:5.0f} s] {text}", flush=True)

    output, preset = options.output, options.preset
    if output.exists():
        raise InputError(f"{output}: is there already; name a new folder")
    keras.utils.set_random_seed(0)
    tuned = network_of(preset)
    scratch = type(tuned).from_config(tuned.get_config())
    learning, validating, judging = piles(options, tuned.front_end)
    counts = f"{len(learning)} songs to train on, {len(validating)} to validate"
    say(f"{counts}, {len(judging)} held back")

    per_song = options.patches_per_song
    patches = patches_of(learning, tuned, per_song=per_song, training=True)
    fixed = patches_of(validating, tuned, per_song=8, training=False)
    say(f"fine-tuning {preset} for {options.epochs} epochs, without {' and '.join(FROZEN)}")
    freeze_layers(tuned, FROZEN)
    train(tuned, patches, fixed, epochs=options.epochs, learning_rate=LEARNING_RATE)
    tuned.save_to_preset(output / "preset", metadata={"origin": f"{preset}, fine-tuned"})
    say(f"saved as {output / 'preset'}; now as many steps from random weights")
    train(scratch, patches, fixed, epochs=options.epochs, learning_rate=FROM_SCRATCH)

    separators = {
        "preset": Separator.from_preset(preset),
        "from scratch": Separator.from_model(scratch),
        "fine-tuned": Separator.from_preset(output / "preset"),
    }
    say("separating songs that no training saw")
    comparison = Comparison.of(separators, judging)
    print(f"SDR of the vocals, dB\n{comparison.table()}")
    usual = synthetic_songs(
        USUAL_SEED,
        USUAL_SONGS,
        duration=options.seconds,
        sample_rate=tuned.sample_rate,
        channels=tuned.front_end.channels,
    )
    medians = Comparison.of(separators, usual).medians.items()
    forgotten = ", ".join(f"{name} {value:.2f}" for name, value in medians)
    print(f"{USUAL_SONGS} songs of the preset's own kind, median: {forgotten}")
    track = judging[comparison.median_gain("preset", "fine-tuned")]
    comparison.picture(output / "fine_tuning.png", track, separators)
    say(f"done: {output / 'fine_tuning.png'}")
    return comparison


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"{Path(__file__).name}: {error}")

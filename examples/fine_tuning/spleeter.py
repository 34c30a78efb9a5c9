"""Fine-tunes an imported preset of Spleeter's networks on your own stems, and exports the result.

    stemzoo import spleeter 2stems -o spleeter-2stems
    python examples/fine_tuning/spleeter.py spleeter-2stems my_stems --output tuned

`my_stems` is whatever `stemzoo train --data` takes, such as one folder a song with a file a stem.
Without it, stereo songs are synthesised. docs/spleeter.md says more, docs/fine_tuning.md explains
the steps.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from comparison import Comparison
from fine_tune import split

from export import table
from training import FitSettings, Remix, fit, spectrogram_patches, synthetic_songs
from training.loaders.named import named_tracks
from training.models import freeze_layers
from zoo import InputError, Separator, SpleeterUNet
from zoo.checkpoints.spleeter import variables_by_name
from zoo.exporting import FILES, export_model

# What the encoders hear in a spectrum is the same for all instruments; the decoders choose.
FROZEN = ("*_encoder_*",)
# Not one of those that the shipped presets were trained on.
SEED = 920_000


def parsed(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("preset", help="folder that stemzoo import spleeter wrote")
    parser.add_argument("data", nargs="?", help="your songs, as stemzoo train --data takes them")
    parser.add_argument("--output", type=Path, default=Path("tuned"), help="a new folder")
    parser.add_argument(
        "--stems", nargs="+", help="names of yours, in place of the preset's and in their order"
    )
    parser.add_argument("--steps", type=int, default=300, help="batches to train on")
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--frames", type=int, default=128, help="of a patch, 43 a second")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--songs", type=int, default=12, help="synthetic ones to make")
    parser.add_argument("--seconds", type=float, default=20.0, help="of a synthetic song")
    parser.add_argument("--formats", nargs="*", choices=FILES, default=["tflite"])
    return parser.parse_args(given)


def with_stems(network: SpleeterUNet, stems: list[str] | None) -> SpleeterUNet:
    """The network with other names for its stems: what each decoder knows is where it starts."""
    if not stems:
        return network
    if len(stems) != len(network.stems):
        raise InputError(f"--stems {' '.join(stems)}: the preset has {', '.join(network.stems)}")
    renamed = SpleeterUNet.from_config({**network.get_config(), "stems": stems})
    # Keras sorts outputs, and so weights, by the stems' names; their place in the program stays.
    given = variables_by_name(network)
    for name, variable in variables_by_name(renamed).items():
        variable.assign(given[name])
    return renamed


def fine_tuned(network: SpleeterUNet, train, validation, options: argparse.Namespace):
    """The network after its best epoch of ten."""
    freeze_layers(network, FROZEN)
    # The network takes patches of any length: short ones are quick.
    front_end = replace(network.front_end, frames=options.frames)
    patches = {
        "stems": network.stems,
        "batch_size": options.batch_size,
        "cache_dir": options.output / "cache",
    }
    epochs = min(10, options.steps)
    steps = options.steps // epochs
    per_song = -(-steps * options.batch_size // len(train))

    def drawn(first_epoch):
        return spectrogram_patches(
            train,
            front_end,
            patches_per_song=per_song,
            # Magnitudes are not divided by their peak: the network hears how loud a mixture is.
            remix=Remix(foreground=network.stems[0], level_db=(-10.0, 4.0)),
            first_epoch=first_epoch,
            **patches,
        )

    fixed = spectrogram_patches(
        validation, front_end, patches_per_song=4, training=False, **patches
    )
    settings = FitSettings(
        epochs=epochs,
        loss="mean_absolute_error",
        learning_rate=options.learning_rate,
        schedule="cosine",
        warmup_steps=options.steps // 20,
        # XLA takes several times as long for these networks on a processor.
        jit_compile=False,
    )
    run = options.output / "run"
    return fit(network, drawn, fixed, output=run, settings=settings, steps_per_epoch=steps)


def main(given: list[str] | None = None) -> dict[str, Comparison]:
    """Runs all steps; returns the scores before and after, by stem."""
    options = parsed(given)
    output = options.output
    if output.exists():
        raise InputError(f"{output}: is there already; name a new folder")
    network = with_stems(SpleeterUNet.from_preset(options.preset), options.stems)
    before = with_stems(SpleeterUNet.from_preset(options.preset), options.stems)
    if options.data is None:
        tracks = synthetic_songs(SEED, options.songs, duration=options.seconds)
    else:
        tracks = named_tracks(options.data)
    train, validation, test = split(tracks)
    counts = f"{len(train)} songs to train on, {len(validation)} to validate, {len(test)} held back"
    print(f"{counts}; {options.steps} steps on {', '.join(network.stems)}")
    tuned = fine_tuned(network, train, validation, options)
    tuned.save_to_preset(
        output / "preset",
        metadata={"variant": tuned.variant, "origin": f"{options.preset}, fine-tuned"},
        card=f"# {output.name}\n\n{Path(options.preset).name}, fine-tuned in {options.steps} "
        f"steps on {len(train)} songs. Licence: that of the preset, see its card.\n",
    )
    print(f"saved as {output / 'preset'}")

    separators = {"preset": Separator(before), "fine-tuned": Separator(tuned)}
    comparisons = Comparison.of_stems(separators, test)
    for stem, comparison in comparisons.items():
        print(f"SDR of {stem} in songs that no training saw, dB\n{comparison.table()}")

    if not options.formats:
        return comparisons
    exports = output / "exports"
    exports.mkdir()
    print(f"exporting to {exports} and comparing each file with the model")
    print(table(export_model(separators["fine-tuned"], exports, formats=options.formats)))
    return comparisons


if __name__ == "__main__":
    try:
        main()
    except InputError as error:
        sys.exit(f"{Path(__file__).name}: {error}")

"""`stemzoo import`: what other programs trained, as presets."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoo.quiet import load_backend
from zoo.settings import parse_setting

MaskExtension = StrEnum("MaskExtension", ["zeros", "average"])

import_app = typer.Typer(help="Take over what other programs trained.", no_args_is_help=True)


@import_app.command("wave-unet")
def import_wave_unet(
    checkpoint: Annotated[
        Path, typer.Argument(help="Of the authors' program: prefix, .index file or folder.")
    ],
    variant: Annotated[str, typer.Option(help="What it was trained as: M1 to M7 or M5-HighSR.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the preset.")],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="argument=value of WaveUNet in place of the variant's."),
    ] = None,
):
    """Turn a TensorFlow 1 checkpoint of the Wave-U-Net into a preset."""
    arguments = dict(parse_setting(text, "argument=value") for text in settings or ())
    load_backend()
    from zoo.checkpoints.wave_unet import load_wave_unet

    network = load_wave_unet(checkpoint, variant, **arguments)
    name = checkpoint.resolve().name
    origin = f"{name}, a checkpoint of the Wave-U-Net authors' TensorFlow program"
    network.save_to_preset(output, metadata={"variant": variant, "origin": origin})
    print(output)


@import_app.command("spleeter")
def import_spleeter(
    checkpoint: Annotated[
        Path, typer.Argument(help="Folder of the checkpoint, such as 2stems, or a file in it.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the preset.")],
    variant: Annotated[
        str | None,
        typer.Option(
            help="2stems, 4stems or 5stems; with -16kHz to separate up to there, else up to 11 kHz."
        ),
    ] = None,
    mask_extension: Annotated[
        MaskExtension,
        typer.Option(help="What stems get above that: silence, as in Spleeter, or their share."),
    ] = MaskExtension.zeros,
    half_precision: Annotated[
        bool, typer.Option(help="Store weights in float16: half the size.")
    ] = False,
):
    """Turn a released checkpoint of Spleeter into a preset, compared with the checkpoint.

    How many stems it has, its variables tell.
    """
    load_backend()
    from zoo.checkpoints import spleeter_preset

    report = spleeter_preset.import_spleeter(
        checkpoint,
        output,
        variant=variant,
        mask_extension=mask_extension.value,
        half_precision=half_precision,
    )
    error = max(report["error_over_peak"].values())
    print(f"{report['variables']} variables, error at most {error:.1e} of the peak: ", end="")
    print(output)


@import_app.command("autoencoder")
def import_autoencoder(
    path: Annotated[
        Path, typer.Argument(help="Folder with weights.h5 and parameters.pkl, or the weights file.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder of the preset.")],
    parameters: Annotated[
        Path | None,
        typer.Option(help="List of parameters, pickled or .json; beside the weights by default."),
    ] = None,
):
    """Turn a saved autoencoder of the course "Generating Sound with Neural Networks" into a preset.

    Variational or not, its layers tell. Nothing in a pickle is executed.
    """
    load_backend()
    from zoo.checkpoints.autoencoder import load_autoencoder

    network = load_autoencoder(path, parameters=parameters)
    name = path.resolve().name
    origin = f'{name}, weights of the course "Generating Sound with Neural Networks" (Keras 2)'
    network.save_to_preset(output, metadata={"origin": origin})
    print(output)

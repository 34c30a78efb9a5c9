"""The command line. Each command imports what it needs when it runs: `--help` needs nothing."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from zoo import deployment_commands, export_commands, sound_commands
from zoo.command_line import complain
from zoo.data_commands import data_app
from zoo.errors import InputError
from zoo.evaluate_command import evaluate
from zoo.extras import missing_extra
from zoo.import_commands import import_app
from zoo.models_command import models
from zoo.pair_command import check_pair
from zoo.preprocess_command import preprocess
from zoo.quiet import load_backend
from zoo.segment_command import segment
from zoo.separate_command import separate
from zoo.train_command import train

app = typer.Typer(
    help="Model zoo for audio: separate songs, train, and export to SavedModel, TFLite and ONNX.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.add_typer(data_app, name="data")
app.add_typer(import_app, name="import")
app.command()(models)
app.command()(separate)
app.command()(segment)
app.command()(train)
app.command()(evaluate)
app.command()(preprocess)
app.command()(check_pair)
app.command()(sound_commands.generate)
app.command()(deployment_commands.inspect)
app.command()(deployment_commands.benchmark)
app.command()(export_commands.export)
app.command()(export_commands.verify)


@app.command()
def demo(
    song: Annotated[
        Path | None, typer.Argument(help="Your song; a synthetic one by default.")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder.")] = Path("demo_output"),
):
    """Separate a song, fine-tune the preset, export it in three formats and check each file."""
    load_backend()
    from zoo.demo import run_demo

    run_demo(song, output)


def main() -> None:
    """Entry point: a user's mistake is one line and exit code 2, a failed check exit code 1."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("GLOG_minloglevel", "2")
    try:
        app()
    except (InputError, OSError) as error:
        complain(error)
        sys.exit(2)
    except ModuleNotFoundError as error:
        complain(missing_extra(error))
        sys.exit(2)
    except RuntimeError as error:
        if "export.errors" not in sys.modules:
            raise
        from export.errors import ExportError

        if not isinstance(error, ExportError):
            raise
        print(f"stemzoo: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("stemzoo: interrupted", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()

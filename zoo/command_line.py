"""What the modules of commands share: common options, and how they speak."""

import json
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from zoo.errors import InputError, system_reason

ModelArgument = Annotated[str, typer.Argument(help="Preset name, preset folder or .keras file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def complain(error: InputError | OSError) -> None:
    """Prints a user's mistake, or what the system refuses, on standard error."""
    if isinstance(error, OSError):
        name = "" if error.filename is None else f"{error.filename}: "
        error = InputError(f"{name}{system_reason(error)}")
    print(f"stemzoo: {error}", file=sys.stderr)


def run_module(main: Callable[[], object]) -> None:
    """Runs a module as a program: a user's mistake is one line and exit code 2."""
    try:
        main()
    except (InputError, OSError) as error:
        complain(error)
        sys.exit(2)


def print_json(value) -> None:
    """Prints a value on standard output."""
    print(json.dumps(value, indent=1, default=str))

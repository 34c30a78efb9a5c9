"""What the modules of commands share: common options, and how they speak."""

import json
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from zoo.errors import InputError

ModelArgument = Annotated[str, typer.Argument(help="Preset name, preset folder or .keras file.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def complain(error: InputError) -> None:
    """Prints a user's mistake on standard error."""
    print(f"stemzoo: {error}", file=sys.stderr)


def run_module(main: Callable[[], object]) -> None:
    """Runs a module as a program: a user's mistake is one line and exit code 2."""
    try:
        main()
    except InputError as error:
        complain(error)
        sys.exit(2)


def print_json(value) -> None:
    """Prints a value on standard output."""
    print(json.dumps(value, indent=1, default=str))

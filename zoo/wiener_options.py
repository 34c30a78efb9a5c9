"""Options of commands for the Wiener filter."""

from typing import Annotated

import typer

Wiener = Annotated[
    bool, typer.Option("--wiener", help="Refine the stems by a multichannel Wiener filter.")
]
WienerIterations = Annotated[
    int | None, typer.Option(help="Of the Wiener filter; 1 with --wiener alone.", min=1)
]


def iterations_of(wiener: bool, iterations: int | None) -> int:
    """Returns how many iterations the two options ask for; 0 for no filter.

    Example:
        >>> iterations_of(False, None), iterations_of(True, None), iterations_of(False, 2)
        (0, 1, 2)
    """
    return iterations or int(wiener)

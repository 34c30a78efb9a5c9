"""Tables of scores, for terminals and in Markdown."""

from collections.abc import Sequence
from io import StringIO

import numpy as np

Rows = Sequence[Sequence[str]]
# Names of songs and scores of all ceilings, in one line.
_WIDTH = 150


def cell(value: float | None) -> str:
    """Returns a score with two digits, or a dash where it is undefined.

    Example:
        >>> cell(1.005), cell(float("nan"))
        ('1.00', '-')
    """
    return "-" if value is None or np.isnan(value) else f"{value:.2f}"


def text_table(title: str, heads: Sequence[str], *sections: Rows) -> str:
    """Returns rows as a table of plain text, the first two columns names and the rest numbers."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, title=title, title_justify="left")
    for place, head in enumerate(heads):
        table.add_column(head, justify="left" if place < 2 else "right")
    for rows in sections:
        for row in rows:
            table.add_row(*row)
        table.add_section()
    console = Console(file=StringIO(), width=_WIDTH)
    console.print(table)
    lines = console.file.getvalue().splitlines()
    return "\n".join(line.rstrip() for line in lines).rstrip()


def markdown_table(title: str, heads: Sequence[str], *sections: Rows) -> str:
    """Returns the same in Markdown.

    Example:
        >>> print(markdown_table("sdr", ["track", "stem", "SDR"], [["a|b", "vocals", "1.00"]]))
        **sdr**
        <BLANKLINE>
        | track | stem | SDR |
        |---|---|---:|
        | a\\|b | vocals | 1.00 |
    """
    rules = ["---" if place < 2 else "---:" for place in range(len(heads))]
    lines = [f"**{title}**", "", _line(heads), f"|{'|'.join(rules)}|"]
    return "\n".join([*lines, *(_line(row) for rows in sections for row in rows)])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(text.replace('|', chr(92) + '|') for text in cells)} |"

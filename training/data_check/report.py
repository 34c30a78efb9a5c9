"""All that was found in a corpus, as a table and for machines."""

from dataclasses import asdict, dataclass
from io import StringIO
from typing import Any

from training.data_check.finding import ERROR, WARNING, Finding


@dataclass(frozen=True)
class DataReport:
    """The result of `check_data`.

    Args:
        data: what was checked.
        kind: of corpus, such as "musdb18" or "files".
        songs: how many; of a folder of single files, the files.
        files: decoded, with those that could not be.
        seconds: of all songs together.
        residuals: by song, what its stems leave of its mixture: energy of the difference over the
            mixture's, in dB. Songs whose mixture is by definition their stems' sum have none.
        findings: errors first.
    """

    data: str
    kind: str
    songs: int
    files: int
    seconds: float
    residuals: dict[str, float]
    findings: tuple[Finding, ...]

    @property
    def errors(self) -> int:
        """Number of errors."""
        return sum(finding.severity == ERROR for finding in self.findings)

    @property
    def warnings(self) -> int:
        """Number of warnings."""
        return sum(finding.severity == WARNING for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Returns everything as plain values."""
        return {
            **asdict(self),
            "errors": self.errors,
            "warnings": self.warnings,
            "findings": [asdict(finding) for finding in self.findings],
        }

    def table(self) -> str:
        """Returns a line for each finding, and the sum below."""
        from rich.console import Console
        from rich.table import Column, Table
        from rich.text import Text

        console = Console(file=StringIO(), width=120)
        folder = self.data.removeprefix(f"{self.kind}:").rstrip("/") + "/"
        if self.findings:
            table = Table("", Column("file", overflow="fold"), "check", "what", box=None)
            for finding in self.findings:
                where = finding.where.removeprefix(folder)
                what = finding.message.replace(folder, "")
                cells = (finding.severity, where, finding.check, what)
                table.add_row(*map(Text, cells))
            console.print(table)
        lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
        return "\n".join([*lines, self._summary()])

    def _summary(self) -> str:
        hours, rest = divmod(round(self.seconds), 3600)
        length = f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
        left = ""
        if self.residuals:
            largest = max(self.residuals.values())
            left = f"; mixtures differ from their stems by {largest:.1f} dB at most"
        songs = "" if self.kind == "files" else f" of {_count(self.songs, 'song')}"
        return (
            f"{self.data} ({self.kind}): {_count(self.files, 'file')}{songs}, {length}: "
            f"{_count(self.errors, 'error')}, {_count(self.warnings, 'warning')}{left}"
        )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"

"""What was measured of a sound generator, as a table and as JSON."""

import json
from dataclasses import dataclass
from typing import Any

AGGREGATION = {
    "errors": "in dB, over all bins and frames of a clip, mean over clips",
    "recognition": "share of clips",
}
CONFIDENT = 0.9
ERROR_COLUMNS = {"RMS": "root_mean_square", "mean absolute": "mean_absolute"}
RECOGNITION_COLUMNS = {
    "accuracy": "accuracy",
    "mean confidence": "confidence",
    f"confidence above {CONFIDENT}": "confident",
}


@dataclass(frozen=True)
class SoundEvaluation:
    """Errors of reconstructed spectrograms, and how well a classifier recognises sounds.

    Args:
        errors: one dict a kind of spectrogram: `spectrogram`, `clips`, and over all bins and frames
            of a clip, mean over clips, `root_mean_square` and `mean_absolute` differences in dB
            from the recordings held out.
        recognition: one dict a kind of audio: `audio`, `clips`, `accuracy` and `by_label` (`None`
            for audio that was not made for a label), and of the classifier's choice the mean
            `confidence` and the share `confident` of clips with more than 0.9. Empty without
            labels.
        classified_by: `recordings`, how many real ones the classifier was trained on, and its
            `sample_rate`.
    """

    errors: list[dict[str, Any]]
    recognition: list[dict[str, Any]]
    classified_by: dict[str, int]

    def to_json(self) -> str:
        """Returns all figures as JSON."""
        return json.dumps(
            {
                "aggregation": AGGREGATION,
                "errors": self.errors,
                "recognition": self.recognition,
                "classifier": self.classified_by,
            },
            indent=1,
        )

    def tables(self) -> dict[str, list[list[str]]]:
        """Returns title -> rows of cells, the first of them the heads of the columns."""
        tables = {
            f"reconstruction error {AGGREGATION['errors']}": [
                ["spectrogram", "clips", *ERROR_COLUMNS],
                *(
                    [row["spectrogram"], str(row["clips"])]
                    + [f"{row[name]:.2f}" for name in ERROR_COLUMNS.values()]
                    for row in self.errors
                ),
            ]
        }
        if self.recognition:
            count = self.classified_by["recordings"]
            title = f"recognised by a classifier trained on {count:,} real recordings"
            tables[f"{title} ({AGGREGATION['recognition']})"] = [
                ["audio", "clips", *RECOGNITION_COLUMNS],
                *(
                    [row["audio"], str(row["clips"])]
                    + [_percent(row[name]) for name in RECOGNITION_COLUMNS.values()]
                    for row in self.recognition
                ),
            ]
        return tables

    def table(self) -> str:
        """Returns the figures as tables."""
        from io import StringIO

        from rich.console import Console
        from rich.table import Table

        console = Console(file=StringIO(), width=120)
        for title, (heads, *rows) in self.tables().items():
            table = Table(box=None)
            for place, head in enumerate(heads):
                table.add_column(head, justify="right" if place else "left")
            for row in rows:
                table.add_row(*row)
            console.print(title)
            console.print(table)
            console.print()
        return console.file.getvalue().rstrip()

    def markdown(self) -> str:
        """Returns the figures as tables of a card."""
        lines = []
        for title, (heads, *rows) in self.tables().items():
            rule = ["---", *("---:" for _ in heads[1:])]
            lines += [f"**{title[0].upper()}{title[1:]}**", ""]
            lines += [f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows)]
            lines.append("")
        return "\n".join(lines).rstrip()


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{100 * share:.1f} %"

"""`stemzoo models`: what there is to choose from, as text of 80 columns or JSON."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from zoo.command_line import Json, print_json
from zoo.errors import InputError

_FIGURES = "{:>10}{:>9}{:>13}{:>11}  {}"
_HEADINGS = ("parameters", "size", "cost", "rate", "licence")
_UNITS = {"multiply_adds_per_second": "s", "multiply_adds_per_pixel": "px"}
_SCALES = {"G": 1e9, "M": 1e6, "k": 1e3}


class Kind(StrEnum):
    architecture = "architecture"
    preset = "preset"


def models(
    patterns: Annotated[
        list[str] | None,
        typer.Argument(help='Names, such as "wave*", or preset folders; all by default.'),
    ] = None,
    kind: Annotated[Kind | None, typer.Option(help="Only these.")] = None,
    stems: Annotated[
        str | None, typer.Option(help="Only what separates all of these; commas between.")
    ] = None,
    as_json: Json = False,
):
    """List presets and architectures: parameters, size, cost, rate, licence, input and stems.

    Of one model alone also paper, published weights and training. Size: of a preset's weights file,
    of an architecture in float32. Cost: multiply-adds (MAC) for a second of audio, or for a pixel
    (px) of an image.
    """
    from zoo.registry import model_info

    wanted = [stem.strip() for stem in stems.split(",")] if stems else []
    names = _names(patterns or ["*"], kind and kind.value, wanted)
    rows = {name: model_info(name) for name in names}
    if as_json:
        print_json(rows)
        return
    width = max(map(len, [*names, "architecture"])) + 2
    groups = {row["kind"]: {} for row in rows.values()}
    for name, row in rows.items():
        groups[row["kind"]][name] = row
    for number, group in enumerate(sorted(groups, reverse=True)):
        print("\n" * bool(number) + f"{group:<{width}}" + _FIGURES.format(*_HEADINGS))
        for name, row in groups[group].items():
            print(f"{name:<{width}}" + _FIGURES.format(*_figures(row)).rstrip())
            print(f"  {_input_and_output(row)}")
    if len(rows) == 1:
        for line in _details(*rows.values()):
            print(f"  {line}")


def _names(patterns: list[str], kind: str | None, stems: list[str]) -> list[str]:
    """The models asked for, each once; every pattern must find one."""
    from zoo.registry import list_models

    names = {}
    for pattern in patterns:
        found = list_models(pattern, kind=kind, stems=stems)
        if not found and list_models(pattern):
            wanted = [f"--kind {kind}"] * bool(kind) + [f"--stems {','.join(stems)}"] * bool(stems)
            raise InputError(f"{pattern}: no model of that name fits {' '.join(wanted)}")
        if not found and not Path(pattern).is_dir():
            raise InputError(f"{pattern}: no model matches; `stemzoo models` lists them all")
        names |= dict.fromkeys(found or [pattern])
    return list(names)


def _figures(facts: dict) -> tuple[str, ...]:
    cost, rate = "?", facts["sample_rate"]
    for key, unit in _UNITS.items():
        adds = facts.get(key)
        if adds:
            prefix = next((prefix for prefix, scale in _SCALES.items() if adds >= scale), "k")
            cost = f"{adds / _SCALES[prefix]:.3g} {prefix}MAC/{unit}"
    # Of an architecture, that of the weights which its authors published.
    published = facts.get("weights") or {}
    licence = facts.get("licence") or published.get("licence")
    return (
        "?" if facts["parameters"] is None else f"{facts['parameters']:,}",
        "?" if facts["size"] is None else f"{facts['size'] / 1e6:.3g} MB",
        cost,
        f"{rate:,} Hz" if rate else "",
        licence or ("not stated" if facts["kind"] == "preset" else ""),
    )


def _input_and_output(facts: dict) -> str:
    outputs = facts["stems"] or facts.get("labels")
    text = facts["input"] or "?"
    return f"{text} -> {', '.join(outputs)}" if outputs else text


def _details(facts: dict) -> list[str]:
    lines = [f"class: zoo.{facts['class']}"]
    for name in ("paper", "trained_on", "origin"):
        if facts.get(name):
            lines.append(f"{name.replace('_', ' ')}: {facts[name]}")
    if facts.get("weights"):
        lines.append(f"published weights: {facts['weights']['command']}")
    for name in ("training", "fine_tuning"):
        if facts.get(name):
            command = f"stemzoo train {facts[name]} --data FOLDER -o RUN"
            lines.append(f"{name.replace('_', '-')}: {command}")
    return lines

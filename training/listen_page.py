"""The HTML of a page to listen to: no script, no network, one file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import groupby

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --bad: #ff8a80; } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
h2 { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
h3.worst { color: var(--bad); }
article { background: var(--soft); border-radius: .6rem; padding: .1rem 1rem 1rem; margin: 1rem 0; }
img { display: block; max-width: 100%; height: auto; margin: auto; border-radius: .4rem; }
audio { width: 100%; min-width: 0; }
.row { display: grid; grid-template-columns: 9rem 1fr 1fr; gap: .3rem 1rem; align-items: center;
  border-top: 1px solid var(--line); padding: .5rem 0; }
.row p { margin: 0; } .row small { display: block; }
pre { overflow-x: auto; background: var(--soft); padding: .6rem; border-radius: .4rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; } caption { text-align: left; }
th, td { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid var(--line); }
@media (max-width: 40rem) { .row { grid-template-columns: 1fr; } }
"""
_NOTES = {
    "best": "the one that it does best on",
    "median": "what to expect",
    "worst": "a failure: the one that it does worst on",
}


@dataclass(frozen=True)
class ShownStem:
    """A stem of an example.

    Args:
        name: of the stem.
        truth: file of the true stem, relative to the page.
        estimate: file of the estimate.
        ratio: SDR of the estimate in dB, NaN for a silent stem.
        floor: SDR of the mixture in its place.
    """

    name: str
    truth: str
    estimate: str
    ratio: float
    floor: float


@dataclass(frozen=True)
class Shown:
    """An example as the page shows it.

    Args:
        preset: name.
        rank: "best", "median" or "worst".
        song: name.
        seconds: of the excerpt.
        mixture: its file, relative to the page.
        picture: file of the spectrograms.
        stems: in the preset's order.
    """

    preset: str
    rank: str
    song: str
    seconds: float
    mixture: str
    picture: str
    stems: tuple[ShownStem, ...]


def page(
    examples: Sequence[Shown],
    scores: dict[str, dict[str, float]],
    *,
    licences: dict[str, str],
    material_licence: str | None,
    command: str,
    sample_rate: int,
) -> str:
    """Returns the page's text.

    Args:
        examples: those of a preset next to one another.
        scores: preset -> song -> score of all songs.
        licences: preset -> that of its weights.
        material_licence: of recordings that songs are made with; `None` for none.
        command: that makes the page.
        sample_rate: of the sounds, in Hz.
    """
    seconds = examples[0].seconds
    count = max(map(_known, scores.values()))
    made_with = "no recording went into them"
    if material_licence:
        made_with = f"the recordings that they are made with: {escape(material_licence)}"
    weights = "; ".join(f"{escape(name)}: {escape(text)}" for name, text in licences.items())
    sections = "".join(
        _section(preset, list(group), scores[preset], licences[preset])
        for preset, group in groupby(examples, key=lambda example: example.preset)
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>stemzoo: listen</title>
<style>{_STYLE}</style>
</head>
<body>
<header>
<h1>Listen to what the presets do</h1>
<p>Synthetic songs that no training saw: the {seconds:g} seconds in the middle of each of {count},
separated by each preset. Three are shown for each: those with the highest, the median and the
lowest score. The score is the mean signal-to-distortion ratio (SDR) of the stems, in dB,
without one that is only what the others leave; nobody picked by ear. Real music is harder: the
cards of the presets have figures on it.</p>
</header>
<main>
{_summary(examples, scores)}{sections}</main>
<footer>
<h2>How this page was made</h2>
<pre><code>{escape(command)}</code></pre>
<p>Your own songs: <code>stemzoo separate song.mp3 --preset {escape(examples[0].preset)} -o
stems</code></p>
<p>Sounds are MP3 at {sample_rate / 1000:g} kHz, pictures have a logarithmic frequency axis and one
scale of 70 dB for all signals of an example; SDR was taken before the sounds were encoded.</p>
<p>Songs: made by this project's own code (MIT), <code>training.synthetic</code>;
{made_with}. Weights: {weights}; their cards, <code>saved_models/NAME/README.md</code>, say what
they were trained on.</p>
</footer>
</body>
</html>
"""


def _known(scores: dict[str, float]) -> int:
    return sum(not math.isnan(score) for score in scores.values())


def _decibels(value: float) -> str:
    return "silent" if math.isnan(value) else f"{value:.1f} dB".replace("-", "\N{MINUS SIGN}")


def _summary(examples: Sequence[Shown], scores: dict[str, dict[str, float]]) -> str:
    rows = ""
    for preset, group in groupby(examples, key=lambda example: example.preset):
        cells = "".join(f"<td>{_decibels(scores[preset][shown.song])}</td>" for shown in group)
        rows += f'<tr><th scope="row"><a href="#{escape(preset)}">{escape(preset)}</a></th>'
        rows += f"{cells}</tr>\n"
    return f"""<div class="wide"><table>
<caption>Mean SDR of the stems</caption>
<thead><tr><th scope="col">preset</th><th scope="col">best</th><th scope="col">median</th>
<th scope="col">worst</th></tr></thead>
<tbody>
{rows}</tbody>
</table></div>
"""


def _section(preset: str, examples: Sequence[Shown], scores: dict[str, float], licence: str) -> str:
    name, stems = escape(preset), ", ".join(stem.name for stem in examples[0].stems)
    articles = "".join(_article(example, scores) for example in examples)
    return f"""<section>
<h2 id="{name}">{name}</h2>
<p>Makes {escape(stems)}. Weights: {escape(licence)}.</p>
{articles}</section>
"""


def _article(example: Shown, scores: dict[str, float]) -> str:
    song = escape(example.song)
    title = f"{example.rank.capitalize()} of {_known(scores)}: {_decibels(scores[example.song])}"
    rows = "".join(_row(stem, example) for stem in example.stems)
    mixture = _player(example.mixture, f"mixture of {song}")
    alternative = f"Spectrograms of {song}: the mixture, true stems and what {example.preset} made"
    return f"""<article>
<h3 class="{example.rank}">{title}</h3>
<p>{song}, {_NOTES[example.rank]}</p>
<div class="row"><p><strong>mixture</strong></p>{mixture}</div>
{rows}<img src="{escape(example.picture)}" alt="{escape(alternative)}" loading="lazy">
</article>
"""


def _row(stem: ShownStem, example: Shown) -> str:
    name, song = escape(stem.name), escape(example.song)
    ratio = "silent" if math.isnan(stem.ratio) else f"SDR {_decibels(stem.ratio)}"
    floor = "" if math.isnan(stem.floor) else f"<small>mixture {_decibels(stem.floor)}</small>"
    truth = _player(stem.truth, f"true {name} of {song}", "true")
    made = _player(stem.estimate, f"{name} of {song} by {example.preset}", "separated")
    return f"""<div class="row"><p><strong>{name}</strong><small>{ratio}</small>{floor}</p>
{truth}
{made}</div>
"""


def _player(file: str, label: str, caption: str = "") -> str:
    shown = f"<small>{caption}</small>" if caption else ""
    return (
        f'<p>{shown}<audio controls preload="none" src="{escape(file)}" '
        f'aria-label="{escape(label)}"></audio></p>'
    )

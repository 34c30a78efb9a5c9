"""What an imported preset of Spleeter's networks says of itself."""

from pathlib import Path

from zoo.spleeter_unet import SpleeterUNet

LICENCE = "MIT"
COPYRIGHT = "Copyright (c) 2019-present, Deezer SA"
SOURCE = "https://github.com/deezer/spleeter"
PAPER = (
    "Hennequin, Khlif, Voituret, Moussallam, Spleeter: a fast and efficient music source "
    "separation tool with pre-trained models, JOSS 5(50), 2154, 2020, "
    "https://doi.org/10.21105/joss.02154"
)
TRAINED_ON = "Deezer's internal data sets, with an L1 loss on magnitudes (paper)"
# Of the 4-stem networks, SDR in dB: with the ratio mask, with a multichannel Wiener filter.
PUBLISHED_SDR = {
    "vocals": (6.55, 6.86),
    "bass": (5.10, 5.51),
    "drums": (5.93, 6.71),
    "other": (4.24, 4.55),
}
METRIC = "BSSEval v4 SDR in dB, median, MUSDB18 test songs"
_CARD = """# {name}

The networks of Spleeter's {variant} model as Keras layers, with the weights of the checkpoint
`{checkpoint}`: {stems}.

- Input and output: stereo waveforms at {sample_rate:,} Hz through `zoo.Separator`; songs of any
  rate, mono or stereo, through `stemzoo separate`.
- Parameters: {parameters:,}, {count} networks of {each:,}, stored in {precision}.
- The networks see up to {band:,.0f} Hz. {above}
- Trained on: {trained_on}.
- Licence of the weights: {licence}. {copyright}.
- Source: {source}; {paper}

Licence, training and scores are those of the release. An import cannot tell its checkpoint from one
that somebody has trained further with the same program.

## Scores

{scores}

Not measured here; `stemzoo evaluate {name} --data FOLDER --metric bsseval_v4` does it.

## Parity

{variables} variables with {values:,} values were read; {equal} of them are here bit for bit. The
preset's outputs on noise differ from those of TensorFlow's own operators on the checkpoint's
variables by at most {error:.1e} of the peak. Each variable is in `parity.json`.

## Use

    stemzoo separate song.mp3 --preset {name} --output stems
    stemzoo export {name} --output exports
    python examples/fine_tuning/spleeter.py {name} my_stems --output tuned
"""


def metadata(network: SpleeterUNet, checkpoint: Path) -> dict:
    """Returns what `metadata.json` says beside what every preset says.

    Args:
        network: as imported.
        checkpoint: prefix of the checkpoint.
    """
    facts = {
        "variant": network.variant,
        "mask_extension": network.mask_extension,
        "licence": LICENCE,
        "copyright": COPYRIGHT,
        "origin": "a checkpoint of Spleeter's TensorFlow program",
        "checkpoint": "/".join(checkpoint.resolve().parts[-2:]),
        "source": SOURCE,
        "paper": PAPER,
        "trained_on": TRAINED_ON,
    }
    if _is_published(network):
        rows = {
            stem: {"ratio_mask": mask, "wiener": wiener}
            for stem, (mask, wiener) in PUBLISHED_SDR.items()
        }
        facts["published_scores"] = {"metric": METRIC, "measured_here": False, "SDR": rows}
    return facts


def card(network: SpleeterUNet, name: str, report: dict) -> str:
    """Returns the text of the model card.

    Args:
        network: as imported.
        name: of the preset.
        report: what `parity.json` says.
    """
    front_end = network.front_end
    if network.mask_extension == "zeros":
        above = (
            "Above, all stems are silent, as in Spleeter;\n  "
            "`stemzoo import spleeter ... --mask-extension average` keeps that part."
        )
    else:
        above = "Above, a stem gets its mean share of what\n  is below at the same moment."
    return _CARD.format(
        name=name,
        variant=network.variant,
        checkpoint=report["checkpoint"],
        stems=", ".join(network.stems),
        sample_rate=network.sample_rate,
        parameters=network.count_params(),
        count=len(network.stems),
        each=network.count_params() // len(network.stems),
        precision=report["precision"],
        band=front_end.bins * front_end.sample_rate / front_end.frame_length,
        above=above,
        trained_on=TRAINED_ON,
        licence=LICENCE,
        copyright=COPYRIGHT,
        source=SOURCE,
        paper=PAPER,
        scores=_scores(network),
        variables=report["variables"],
        values=report["values"],
        equal=report["equal_variables"],
        error=max(report["error_over_peak"].values()),
    )


def _is_published(network: SpleeterUNet) -> bool:
    return network.variant == "4stems"


def _scores(network: SpleeterUNet) -> str:
    if not _is_published(network):
        return (
            "Published are scores of the 4-stem networks up to 11 kHz only; none is known for "
            f"these of\n{network.variant}."
        )
    lines = [
        f"As published (paper): {METRIC}.",
        "",
        "| stem | ratio mask | multichannel Wiener filter |",
        "|---|---|---|",
    ]
    for stem, scores in PUBLISHED_SDR.items():
        lines.append(f"| {stem} | " + " | ".join(f"{score:.2f}" for score in scores) + " |")
    return "\n".join(lines)

"""A page to listen to: what presets make of synthetic songs, best, median and worst.

python -m training.listen docs/listen --preset NAME ... --songs synthetic:SEED:COUNT[:MATERIAL]
"""

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from training.evaluation import signal_to_distortion, true_stems
from training.listen_files import write_page
from training.loaders.named import synthetic_tracks
from training.tracks import Track
from zoo.command_line import run_module
from zoo.errors import InputError
from zoo.inference import DEFAULT_PRESET, separate_array
from zoo.preset_files import preset_metadata
from zoo.progress import progress
from zoo.separator import Separator

RANKS = ("best", "median", "worst")
SONGS = "synthetic:1000000:20"


@dataclass(frozen=True)
class Example:
    """What a preset makes of an excerpt of a song.

    Args:
        preset: name.
        rank: one of `RANKS`, among the preset's excerpts by `score`.
        track: the excerpt, its stems in memory.
        separator: the preset's.
    """

    preset: str
    rank: str
    track: Track
    separator: Separator

    @property
    def stems(self) -> tuple[str, ...]:
        """Names of the stems, the residual last."""
        return self.separator.stems

    @property
    def rest(self) -> str | None:
        """The stem that the song does not have: the sum of its stems that the preset does not."""
        return next((stem for stem in self.stems if stem not in self.track.stems), None)

    def signals(self) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
        """Mixture, true stems and estimates, each `(samples, channels)`."""
        mixture = self.track.load_mixture()
        truths = true_stems(self.track, self.stems)
        estimates = separate_array(self.separator, mixture, self.track.sample_rate)
        return mixture, dict(zip(self.stems, truths, strict=True)), estimates

    def score(self) -> float:
        """Mean SDR of the stems but the residual, whose error is that of all others, in dB.

        Silent stems have none; NaN if all are silent.
        """
        _, truths, estimates = self.signals()
        ratios = [
            signal_to_distortion(truth, estimates[stem])
            for stem, truth in truths.items()
            if stem != self.separator.residual and truth.any()
        ]
        return float(np.mean(ratios)) if ratios else math.nan


def excerpt(track: Track, seconds: float) -> Track:
    """Returns the middle of a song, in memory.

    Raises:
        InputError: if it is not that long.
    """
    samples = round(seconds * track.sample_rate)
    stems = {name: track.load_stem(name) for name in track.stems}
    length = len(next(iter(stems.values())))
    if samples > length:
        raise InputError(
            f"--seconds {seconds:g}: {track.name} has {length / track.sample_rate:g}; name fewer"
        )
    start = (length - samples) // 2
    middles = {name: signal[start : start + samples].copy() for name, signal in stems.items()}
    return Track(track.name, track.sample_rate, None, middles)


def picked(scores: dict[str, float]) -> dict[str, str]:
    """Rank -> song: of highest, middle and lowest score; of an even number the lower middle.

    Args:
        scores: song -> score; songs without one, NaN, are left out.

    Raises:
        InputError: if there are fewer than three.

    Example:
        >>> picked({"a": 3.0, "b": -1.0, "c": 9.0, "d": float("nan")})
        {'best': 'c', 'median': 'a', 'worst': 'b'}
    """
    known = {song: score for song, score in scores.items() if not math.isnan(score)}
    if len(known) < len(RANKS):
        raise InputError(
            f"--songs: {len(known)} have something to separate in their middle; name more, "
            "three are shown"
        )
    order = sorted(known, key=known.get, reverse=True)
    return dict(zip(RANKS, (order[0], order[len(order) // 2], order[-1]), strict=True))


def listen(
    output: str | os.PathLike,
    presets: Sequence[str] = (DEFAULT_PRESET,),
    *,
    songs: str = SONGS,
    seconds: float = 8.0,
    material_licence: str | None = None,
) -> dict[str, dict[str, float]]:
    """Writes `index.html` and the folder `sounds` with what it plays and shows.

    The excerpts are the middles of the songs. Of each preset three are shown, chosen by the mean
    SDR of its stems: best, median and worst. Nothing but synthetic songs is taken: the page is
    there to be published.

    Args:
        output: folder, created if missing; other files in it stay.
        presets: names or folders.
        songs: `synthetic:SEED:COUNT[:MATERIAL]`.
        seconds: of an excerpt, from 1 on.
        material_licence: what the page says of the recordings that the songs are made with: whose
            they are and under which licence. Needed if there are any.

    Returns:
        Preset -> song -> score in dB, NaN where there is nothing to separate.

    Raises:
        InputError: a preset, the songs or the seconds cannot be used, the material's licence is
            missing, or the page would be too large.
    """
    tracks = synthetic_tracks(songs)
    if tracks is None:
        raise InputError(f"{songs}: the page is for synthetic songs: synthetic:SEED:COUNT")
    *seed, material = (songs.split(":", 3) + [""])[:4]
    if material and not material_licence:
        raise InputError(
            "--material-licence: is missing; say whose recordings the songs are made with, and "
            "under which licence"
        )
    if not seconds >= 1:
        raise InputError(f"--seconds {seconds:g}: is less than one")
    facts = {Path(preset).name: _metadata(preset, seed[1]) for preset in presets}
    separators = {Path(preset).name: Separator.from_preset(preset) for preset in presets}
    scores: dict[str, dict[str, float]] = {name: {} for name in separators}
    for track in progress(tracks, "Separating"):
        middle = excerpt(track, seconds)
        for name, separator in separators.items():
            scores[name][track.name] = Example(name, "", middle, separator).score()
    picks = {name: picked(of_songs) for name, of_songs in scores.items()}

    # Rendered once more: together the excerpts of all songs would fill the memory.
    wanted = {song for songs_of in picks.values() for song in songs_of.values()}
    middles = {track.name: excerpt(track, seconds) for track in tracks if track.name in wanted}
    examples = [
        Example(name, rank, middles[song], separators[name])
        for name, songs_of in picks.items()
        for rank, song in songs_of.items()
    ]
    shown = ":".join((*seed, "MATERIAL")) if material else songs
    command = f"python -m training.listen OUTPUT --preset {' '.join(separators)} --songs {shown}"
    if seconds != 8:
        command += f" --seconds {seconds:g}"
    if material:
        command += f' --material-licence "{material_licence}"'
    write_page(
        output,
        examples,
        scores,
        licences={name: said.get("licence", "not known") for name, said in facts.items()},
        material_licence=material_licence if material else None,
        command=command,
    )
    return scores


def _metadata(preset: str, seed: str) -> dict:
    """What a preset says of itself, if it was not trained on songs of this seed."""
    facts = preset_metadata(preset)
    if str(facts.get("settings", {}).get("data", {}).get("songs_seed")) == seed:
        raise InputError(f"--songs: {preset} was trained on the seed {seed}; name another")
    return facts


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="folder for index.html and sounds/")
    parser.add_argument("--preset", nargs="+", default=[DEFAULT_PRESET], help="names or folders")
    parser.add_argument("--songs", default=SONGS, help="synthetic:SEED:COUNT[:MATERIAL]")
    parser.add_argument("--seconds", type=float, default=8.0, help="of an excerpt")
    parser.add_argument("--material-licence", help="of the recordings in MATERIAL")
    options = parser.parse_args(arguments)
    scores = listen(
        options.output,
        options.preset,
        songs=options.songs,
        seconds=options.seconds,
        material_licence=options.material_licence,
    )
    for preset, of_songs in scores.items():
        shown = ", ".join(f"{r} {of_songs[s]:.1f} dB ({s})" for r, s in picked(of_songs).items())
        print(f"{preset}: {shown}")
    sounds = list((options.output / "sounds").iterdir())
    size = sum(path.stat().st_size for path in sounds) / 1e6
    print(f"{options.output / 'index.html'}: {len(sounds)} files, {size:.1f} MB")


if __name__ == "__main__":
    run_module(main)

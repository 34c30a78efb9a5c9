"""A pair is checked: prepared, aligned, cancelled, and separated by a mask."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from training.alignment import Alignment, moved
from training.alignment import align as located
from training.data_check.measures import SILENCE
from training.evaluation.ratios import signal_to_distortion
from training.pair_check.ceilings import ideal_stems
from training.pair_check.masking import STEPS, Extraction, extract
from training.pair_check.null_test import NullTest, Spectra, gain_of, null_test
from training.pair_check.pairs import FoundPair, find_pairs
from training.pair_check.pictures import loss_curves, spectrograms
from training.pair_check.preparation import SAMPLE_RATE, WINDOW, check_part, read_pair
from training.pair_check.report import EXTRACTED, MIXTURE, PairReport
from zoo.audio import AudioWriter
from zoo.errors import InputError
from zoo.files import atomic_path, created_folder, writing

# A stem belongs to a mixture if its correlation stands out so far, or if it cancels so well. Of 886
# stems of other songs none stood out by more than 21.8, and of 320 none cancelled to less than 3.9
# dB. Of 18 excerpts' own vocals, 20 dB below the rest, all but one stood out by 31 or more, and all
# cancelled to -8.6 dB or less; a bass stands out less, and cancels.
PROMINENCE, DEPTH = 30.0, -3.0
# Delays in samples that are not told from none: to move a stem by them would do harm.
_MEASURABLE = 0.1
# dB of the mixture that are left by a stem that is all of it: what 16 bits round is less.
_NOTHING = -60.0
# The energy that a part may have over its whole, of which the rest may take a little away.
_LOUDER = 1.05
FILES = (
    "1_original_mixture.wav",
    "2_target_vocal.wav",
    "extracted_vocal.wav",
    "optimization_loss.png",
    "spectrograms.png",
    "report.json",
)


def check_pair(
    mixture: str | os.PathLike,
    stem: str | os.PathLike,
    output: str | os.PathLike | None = None,
    *,
    windows: int | None = None,
    start: float = 0.0,
    align: bool = False,
    steps: int = STEPS,
) -> PairReport:
    """Says whether a mixture and a stem are fit for training, and how well a mask separates them.

    Both files become mono at 22,050 Hz. The stem's delay in the mixture is measured by
    cross-correlation, its level and polarity by robust least squares, and what it leaves when it is
    taken away. Then the soft mask on the mixture is searched whose fingerprint (18 views by 425
    measures a window) is the stem's, and compared with ideal masks.

    Args:
        mixture: a file of any format that stemzoo reads.
        stem: a file of the stem.
        output: folder for six files, of which one is the report; nothing is written without it.
        windows: how many windows of 46.4 ms to use at most; 100 are 4.6 s.
        start: seconds of both files to leave out.
        align: whether to move the stem to where it is in the mixture. Its level and polarity are
            set in any case, because no mask could do so.
        steps: of the search.

    Raises:
        InputError: a file cannot be read, is silent or too short; the stem is none of this
            mixture, or all of it; the two are swapped; the folder holds other files; or a number
            is out of its range.

    Example:
        >>> import soundfile
        >>> (song,) = synthetic_songs(1, duration=4.0, sample_rate=22050)
        >>> soundfile.write("mix.wav", song.load_mixture(), 22050)
        >>> soundfile.write("vocals.wav", song.load_stem("vocals"), 22050)
        >>> report = check_pair("mix.wav", "vocals.wav", windows=40, steps=20)
        >>> report.fit, abs(report.delay) < 0.1
        (True, True)
    """
    check_part(windows=windows, start=start)
    if steps < 1:
        raise InputError(f"steps must be positive. Received: steps={steps}")
    if output is not None:
        _check_output(Path(output))
    pair = read_pair(mixture, stem, windows=windows, start=start)
    # Peak normalisation with a floor; both by one factor, or they would no longer cancel.
    scale = 1 / max(float(np.abs(pair.mixture[: pair.samples]).max()), SILENCE)
    whole, alone = scale * pair.mixture, scale * pair.stem
    placed = _placed(whole, alone, pair.samples, silence=SILENCE * scale)
    if placed is None:
        raise InputError(f"{stem}: is silent where it meets the mixture")
    heard = whole[: pair.samples]
    if placed.is_doubtful(heard):
        other = _placed(alone, whole, pair.samples, silence=SILENCE * scale)
        if other is not None and not other.is_doubtful(alone[: pair.samples]):
            raise InputError(f"{mixture}: seems to be a stem of {stem}: name the mixture first")
    found, there, gain, null_aligned = placed
    if null_aligned.residual < _NOTHING:
        seconds = pair.samples / SAMPLE_RATE
        raise InputError(
            f"{stem}: is the same as {mixture}: in the {seconds:.1f} s used nothing else is heard"
        )
    given = gain * alone[: pair.samples]
    if not belongs(found, null_aligned):
        raise InputError(
            f"{stem}: is no stem of {mixture}: correlation {found.correlation:.3f} at best, which "
            f"stands out by {found.prominence:.1f} and not by {PROMINENCE:.0f}, and it does not "
            "cancel"
        )
    target = there if align else given
    extraction = extract(heard, target, steps=steps)
    ideal = ideal_stems(heard, target)
    estimates = {MIXTURE: heard, **ideal, EXTRACTED: extraction.stem}
    losses = extraction.losses.sum(axis=1)
    report = PairReport(
        mixture=os.fspath(mixture),
        stem=os.fspath(stem),
        seconds=pair.samples / SAMPLE_RATE,
        windows=-(-pair.samples // WINDOW),
        delay=found.samples,
        correlation=found.correlation,
        prominence=found.prominence,
        gain=float(20 * np.log10(max(abs(gain), 1e-6))),
        inverted=found.inverted,
        aligned=align,
        difference=pair.difference,
        null_given=null_test(heard, given),
        null_aligned=null_aligned,
        sdr={name: signal_to_distortion(target, signal) for name, signal in estimates.items()},
        losses=(float(losses[0]), float(losses[-1])),
    )
    if output is not None:
        _write(Path(output), report, estimates, target, extraction)
    return report


class _Placed(NamedTuple):
    """A signal where it lies in a mixture, and as it is in it."""

    found: Alignment
    signal: np.ndarray
    gain: float
    left: NullTest

    def is_doubtful(self, mixture: np.ndarray) -> bool:
        """Whether it does not cancel, or is louder than the mixture that it is a part of."""
        part, whole = (np.sum(np.square(x, dtype="float64")) for x in (self.signal, mixture))
        return self.left.depth > DEPTH or part > _LOUDER * whole


def _placed(
    mixture: np.ndarray, signal: np.ndarray, samples: int, *, silence: float
) -> _Placed | None:
    """Looks for a signal in a mixture; `None` if nothing of it lies in the samples used."""
    found = located(mixture, signal, sample_rate=SAMPLE_RATE)
    if found is None:
        return None
    heard = mixture[:samples]
    delay = found.samples if abs(found.samples) > _MEASURABLE else 0.0
    there = moved(signal, delay)[:samples]
    if np.abs(there).max() < silence:
        return None
    gain = gain_of(Spectra.of(heard, there), inverted=found.inverted)
    there = gain * there
    return _Placed(found, there, gain, null_test(heard, there))


def belongs(found: Alignment, left: NullTest) -> bool:
    """Whether a signal is a part of a mixture, by what was measured of both, aligned.

    Example:
        >>> belongs(Alignment(0.0, 0.3, 120.0, False), NullTest(-1.0, -30.0))
        True
    """
    return found.prominence >= PROMINENCE or left.depth <= DEPTH


def _check_output(folder: Path) -> None:
    if folder.exists():
        others = [] if not folder.is_dir() else [p.name for p in folder.iterdir()]
        if not folder.is_dir() or set(others) - set(FILES):
            raise InputError(f"{folder}: exists and is no folder of a pair check; name another one")


def _write(
    folder: Path,
    report: PairReport,
    estimates: dict[str, np.ndarray],
    target: np.ndarray,
    extraction: Extraction,
) -> None:
    signals = (estimates[MIXTURE], target, extraction.stem)
    with writing(folder), created_folder(folder.parent), atomic_path(folder) as temporary:
        temporary.mkdir()
        for name, signal in zip(FILES, signals, strict=False):
            with AudioWriter(temporary / name, SAMPLE_RATE, 1, subtype="FLOAT") as writer:
                writer.write(signal[:, None])
        loss_curves(temporary / FILES[3], extraction.losses)
        spectrograms(temporary / FILES[4], report.sdr, target, estimates)
        (temporary / FILES[5]).write_text(json.dumps(report.to_dict(), indent=1) + "\n")


def check_folder(
    folder: str | os.PathLike,
    output: str | os.PathLike,
    *,
    windows: int | None = None,
    on_error: Callable[[str, InputError], None],
    on_success: Callable[[str, PairReport], None],
    **options,
) -> None:
    """Checks every pair of a folder that `find_pairs` finds, each into a folder of its own.

    Args:
        folder: with the pairs.
        output: for the folders of the pairs, called as these.
        windows: in place of what the names say.
        on_error: called with a pair's name and what is wrong, after which the others go on.
        on_success: called with a pair's name and report.
        options: as for `check_pair`.

    Raises:
        InputError: if there is no pair in the folder, or a number is out of its range.
    """
    check_part(windows=windows, start=options.get("start", 0.0))
    pairs, errors = find_pairs(Path(folder))
    for name, error in errors.items():
        on_error(name, error)
    for pair in pairs:
        try:
            on_success(pair.name, _checked(pair, Path(output), windows, options))
        except InputError as error:
            on_error(pair.name, error)


def _checked(pair: FoundPair, output: Path, windows: int | None, options) -> PairReport:
    return check_pair(
        pair.mixture, pair.stem, output / pair.name, windows=windows or pair.windows, **options
    )

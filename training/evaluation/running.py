"""Evaluation of a separator on songs: in this process, or as a job."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from training.evaluation.folder import Evaluations
from training.evaluation.metrics import METRICS, chosen_metrics
from training.evaluation.report import Evaluation
from training.evaluation.scoring import score_track
from training.evaluation.task import EvaluateTask, OpenedTask, is_exported
from training.tracks import Track
from zoo.batch import fingerprint, open_separator
from zoo.errors import InputError
from zoo.files import writing
from zoo.jobs import default_workers, run_jobs
from zoo.preset_files import list_presets
from zoo.progress import progress
from zoo.stretches import SignalSeparator

if TYPE_CHECKING:
    from training.sound_report import SoundEvaluation
    from zoo.sound_generator import SoundGenerator
    from zoo.wiener_filter import WienerFilter

MANIFEST = "manifest.jsonl"


def evaluate(
    separator: SignalSeparator,
    tracks: Sequence[Track],
    *,
    metric: str = "sdr",
    ceilings: bool = False,
    wiener: "WienerFilter | None" = None,
) -> Evaluation:
    """Separates songs in memory and compares with their true stems.

    Everything is at the tracks' own rate and channels. A residual stem such as "accompaniment" is
    compared with the sum of the stems that the separator does not name.

    Args:
        separator: a `zoo.Separator` or an `export.FileSeparator`.
        tracks: songs with their stems.
        metric: `"sdr"`, signal-to-distortion ratio over the whole signal, `"si_sdr"`, the same at
            any scale, `"nsdr"`, BSSEval v3 of the whole song and its gain over the mixture, or
            `"bsseval_v4"`, museval's SDR, ISR, SIR and SAR in frames of one second, median over
            frames.
        ceilings: whether ideal masks at the separator's front end are scored, too.
        wiener: refines the separator's stems; without it they are scored as "unfiltered".

    Returns:
        Scores by track and stem with the mixture's as a baseline, and aggregates over tracks.

    Raises:
        InputError: if a track lacks a stem, museval is needed and missing, or there is only one
            stem to be refined.

    Example:
        >>> tracks = synthetic_songs(1, 2, duration=12.0)
        >>> scores = evaluate(Separator(JanssonUNet(filters=(4, 8))), tracks)
        >>> [row["stem"] for row in scores.rows]
        ['vocals', 'accompaniment', 'vocals', 'accompaniment']
    """
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {tuple(METRICS)}. Received: metric={metric!r}")
    if not tracks:
        raise InputError("there are no songs to evaluate on")
    chosen_metrics([metric])
    records = [
        score_track(separator, track, (metric,), ceilings=ceilings, wiener=wiener)
        for track in progress(tracks, "Evaluating")
    ]
    return Evaluation.from_records(metric, records)


def evaluate_data(
    model: str | os.PathLike,
    data: str | os.PathLike,
    *,
    metrics: Sequence[str] = (),
    ceilings: bool = False,
    wiener_iterations: int = 0,
    split: str | None = None,
    label: str | None = None,
    held_out: str | None = None,
    output: str | os.PathLike | None = None,
    manifest: str | os.PathLike | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    on_error: Callable[[InputError], None] | None = None,
) -> "Evaluations | SoundEvaluation":
    """Evaluates a model given by name on songs or recordings given by name.

    Args:
        model: preset name, preset folder, `.keras` file or exported file of a separator or a
            network of one, or of a sound generator or an autoencoder, or a segmenter.
        data: as `training.loaders.named.named_tracks` takes it; for sounds a folder of recordings,
            for a segmenter as `training.evaluate_masks` takes it.
        metrics: of a separator, names in `METRICS` or "all"; "sdr" by default, and all of them
            where there is an `output`.
        ceilings: of a separator, as in `evaluate`.
        wiener_iterations: of a `zoo.WienerFilter` after the separator; 0 for none.
        split: of the songs: "train", "validation" or "test".
        label: of sounds, as in `training.sound_evaluation.evaluate_sound_model`.
        held_out: of sounds, too.
        output: folder for `Evaluations.write`.
        manifest: file of each song's scores; those that it has are not computed again. In `output`
            by default, and none without it.
        workers: processes, with a model each; what suits the number of songs by default.
        cluster: address of a Ray cluster, as in `zoo.jobs.run_jobs`.
        on_error: called with the error of a song that cannot be scored, after which the others go
            on; without it the first one is raised.

    Raises:
        InputError: if one of them cannot be used, or no song can be scored.
    """
    names, notes = chosen_metrics(tuple(metrics) or (("all",) if output else ("sdr",)))
    loaded = _loaded(model)
    if hasattr(loaded, "image_size"):
        from training.segmentation.evaluation import evaluate_segmenter

        options = {"metric": metrics, "ceilings": ceilings, "split": split, "output": output}
        options |= {"label": label, "held-out": held_out}
        return evaluate_segmenter(model, loaded, data, options)
    if not hasattr(loaded, "stems"):
        from training.sound_evaluation import evaluate_sound_model

        options = {"metric": metrics, "ceilings": ceilings, "wiener": wiener_iterations}
        options |= {"split": split, "output": output}
        for option in (name for name, value in options.items() if value):
            given = f" {', '.join(metrics)}" if option == "metric" else ""
            raise InputError(f"{model}: makes sounds; the {option}{given} is for separators")
        return evaluate_sound_model(model, loaded, data, label=label, held_out=held_out)
    for name, value in (("label", label), ("held-out", held_out)):
        if value is not None:
            raise InputError(f"{model}: is a separator; {name} is for models that make sounds")
    if manifest is None and output is not None:
        manifest = Path(output) / MANIFEST
    where = str(model) if str(model) in list_presets() else _absolute(model)
    files = fingerprint(str(model))
    settings = (where, _absolute(data), names, ceilings, split, files, wiener_iterations)
    task = EvaluateTask(*settings)
    items = task.items()
    if cluster is None:
        workers = workers or default_workers(len(items))
        if workers == 1:
            task = OpenedTask(*settings, separator=loaded)
    report = run_jobs(
        task,
        items,
        manifest,
        workers=workers,
        cluster=cluster,
        description="Evaluating",
        on_error=on_error or _raised,
    )
    records = [report.entries[name].result for name in report.names("done")]
    failed = {name: report.entries[name].reason for name in report.names("failed")}
    if not records:
        raise InputError(f"{data}: none of its {len(failed)} songs could be scored")
    result = Evaluations(
        str(model), str(data), records, names, failed, notes, wiener_iterations=wiener_iterations
    )
    if output is not None:
        with writing(output):
            result.write(output)
    return result


def _absolute(path: str | os.PathLike) -> str:
    """Workers elsewhere have a working directory of their own; what is no path stays as it is."""
    return str(Path(path).resolve() if Path(path).exists() else path)


def _raised(error: InputError) -> None:
    raise error


def _loaded(model: str | os.PathLike) -> "SignalSeparator | SoundGenerator":
    """The model as what it is for: separating songs, or making sounds."""
    if is_exported(model):
        return open_separator(str(model))
    from training.models import takes_features
    from zoo.presets import load_model
    from zoo.segmentation import is_segmenter
    from zoo.separator import Separator
    from zoo.sound_generator import SoundGenerator

    loaded = load_model(model)
    if is_segmenter(loaded):
        return loaded
    if isinstance(loaded, SoundGenerator) or takes_features(loaded):
        return SoundGenerator.from_model(loaded)
    return Separator.from_model(loaded)

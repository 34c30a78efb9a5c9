"""Many songs with one model; one that fails does not stop the rest."""

import glob
import hashlib
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from zoo.errors import InputError
from zoo.jobs import Entry, Report, run_jobs
from zoo.jobs.runner import default_workers
from zoo.preset_files import preset_path
from zoo.quiet import load_backend
from zoo.separation_task import SeparateTask, song_items
from zoo.song_list import listed_songs


def expand(patterns: Sequence[str]) -> list[Path]:
    """Returns the files that names and shell patterns stand for, each once, in order.

    Raises:
        InputError: if a pattern matches nothing.
    """
    files = []
    for pattern in patterns:
        # A name that exists is taken as it is: songs are called things like "Track [live].mp3".
        # Unlike `Path.exists`, in a folder that is closed to us this says that there is none.
        if os.path.exists(pattern) or not glob.has_magic(pattern):  # noqa: PTH110
            files.append(Path(pattern))
            continue
        matches = sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207 absolute patterns too
        if not matches:
            raise InputError(f"{pattern}: no file matches")
        files.extend(map(Path, matches))
    return list(dict.fromkeys(files))


def open_separator(model: str, *, threads: int | None = None):
    """Returns the separator of a preset or `.keras` file, or one around an exported file, which is
    run by its own runtime: TensorFlow is not needed for `.tflite` and `.onnx`.

    Args:
        model: preset name, preset folder, `.keras` file, `.tflite` or `.onnx` file, or SavedModel.
        threads: for LiteRT and ONNX Runtime; all cores by default.

    Raises:
        InputError: if there is no such model, it is damaged, or it separates nothing.
    """
    path = Path(model)
    if path.suffix in (".tflite", ".onnx") or (path / "saved_model.pb").is_file():
        from export.file_separator import FileSeparator

        return FileSeparator(path, threads=threads)
    load_backend()
    from zoo.presets import load_model
    from zoo.separator import Separator

    return Separator.from_model(load_model(model))


def open_wiener(iterations: int):
    """Returns the Wiener filter of so many iterations, `None` of none.

    Its spectra are Keras's, also where the model is an exported file.
    """
    if not iterations:
        return None
    load_backend()
    from zoo.wiener_filter import WienerFilter

    return WienerFilter(iterations)


def fingerprint(model: str) -> str:
    """Returns a digest of the content of a model's files.

    Args:
        model: as in `open_separator`.

    Raises:
        InputError: if there is no such model.
    """
    path = Path(model)
    if path.suffix in (".keras", ".tflite", ".onnx") and not path.exists():
        raise InputError(f"{path}: no such file")
    if not path.is_file() and not (path / "saved_model.pb").is_file():
        path = preset_path(model)
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]


def separate_files(
    patterns: Sequence[str],
    output: str | os.PathLike,
    *,
    model: str,
    listed: str | os.PathLike | None = None,
    root: str | os.PathLike | None = None,
    manifest: str | os.PathLike | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    on_error: Callable[[InputError], None] | None = None,
    on_success: Callable[[list[Path]], None] | None = None,
    stems: Sequence[str] | None = None,
    **options,
) -> Report:
    """Separates files with one model; a bad one is reported and the others go on.

    Args:
        patterns: file names or shell patterns.
        output: folder of the songs' folders.
        model: preset name, preset folder, `.keras` file or exported file.
        listed: a file with more names, as `zoo.song_list.listed_songs` takes it.
        root: a folder above all songs, whose folders the output gets, too.
        manifest: file that records what is done; what it says is done is not done again.
        workers: how many processes; what suits the number of songs by default.
        cluster: address of a Ray cluster that does the work.
        on_error: called with each file's error.
        on_success: called with each song's files.
        stems: which stems to write; all by default.
        options: `format`, `chunk_seconds` and `above_band` of `zoo.separate_file`, and
            `wiener_iterations` of `zoo.WienerFilter`, 0 for none.

    Returns:
        What became of each song; the result of one that is done is a dict stem -> path.

    Raises:
        InputError: if a pattern matches nothing, or `zoo.jobs.run_jobs` raises it.

    Example:
        >>> import soundfile
        >>> soundfile.write("song.wav", np.zeros((8192, 2)), 8192)
        >>> report = separate_files(["song.wav"], "stems", model="jansson_unet_vocals")
        >>> report.entries["song.wav"].result["vocals"]
        'stems/song/vocals.wav'
    """
    files = expand(patterns) + (listed_songs(listed) if listed is not None else [])
    items = song_items(list(dict.fromkeys(files)), root=root)
    if cluster is None:
        workers = workers or default_workers(len(items))
    silent = manifest is not None or cluster is not None or workers > 1
    task = SeparateTask(
        str(output),
        str(model),
        stems=None if stems is None else tuple(stems),
        fingerprint=None if manifest is None else fingerprint(model),
        show_progress=not silent,
        alone=manifest is not None,
        **options,
    )

    def succeed(_, entry: Entry) -> None:
        if on_success:
            on_success([Path(path) for path in entry.result.values()])

    return run_jobs(
        task,
        items,
        manifest,
        workers=workers,
        cluster=cluster,
        description="Separating" if silent else "",
        on_error=on_error,
        on_done=on_success
        and (lambda _, entry: on_success(list(map(Path, entry.result.values())))),
        is_there=lambda _, stems: all(Path(path).is_file() for path in stems.values()),
    )

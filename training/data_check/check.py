"""A corpus is checked: every song, in parallel, then all against each other."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

from training.data_check.corpus_check import check_duplicates, check_forms, check_names
from training.data_check.finding import ERROR, Finding, shown
from training.data_check.report import DataReport
from training.data_check.song_check import SongReport, check_song
from training.data_check.unit import Rendered
from training.decode import MIXTURE
from training.loaders.file_source import FileSource
from training.loaders.named import KINDS, kind_and_path, layout_of, synthetic_tracks
from training.loaders.song_files import Report, SongFiles
from training.loaders.stem_folder import MIXTURE_NAMES, SUFFIXES, song_folders
from training.recordings import recordings_of
from training.tracks import Track
from zoo.errors import InputError
from zoo.progress import progress

FILES = "files"
_USUAL_STEMS = {"vocals", "drums", "bass", "other", "accompaniment", *MIXTURE_NAMES}


def _rendered(track: Track) -> SongFiles:
    def source(name: str, value) -> Rendered:
        return Rendered(f"{track.name}/{name}", value, track.sample_rate)

    stems = {stem: source(stem, value) for stem, value in track.stems.items()}
    mixture = None if track.mixture is None else source(MIXTURE, track.mixture)
    return SongFiles(track.name, track.name, stems, mixture, track.split)


def _are_songs(path: Path) -> bool:
    """Whether folders hold songs rather than recordings: names of stems, or the same names."""
    names: list[set[str]] = []
    for folder in song_folders(path):
        try:
            files = list(folder.iterdir())
        except OSError:
            continue
        found = {file.stem for file in files if file.suffix.lower() in SUFFIXES}
        if found:
            names.append(found)
    if any(found & _USUAL_STEMS for found in names):
        return True
    shared = [name for found in names[:1] for name in found if all(name in f for f in names)]
    return len(names) > 1 and bool(shared)


def _single_files(path: Path, report: Report) -> list[SongFiles]:
    def unreadable(name: str, error: InputError) -> None:
        report(name, str(error).partition(": ")[2])

    names = recordings_of(path, on_error=unreadable)
    return [SongFiles(name, path / name, {"recording": FileSource(path / name)}) for name in names]


def _songs(data: str | os.PathLike, report: Report) -> tuple[str, list[SongFiles]]:
    """The kind of the corpus, and its songs."""
    tracks = synthetic_tracks(data)
    if tracks is not None:
        return "synthetic", [_rendered(track) for track in tracks]
    text = os.fspath(data)
    if text.startswith(f"{FILES}:") and not Path(data).exists():
        return FILES, _single_files(Path(text.removeprefix(f"{FILES}:")), report)
    kind, path = kind_and_path(data)
    if kind is None:
        kind = layout_of(path)
        if kind == "stem_folder" and not _are_songs(path):
            return FILES, _single_files(path, report)
    return kind, KINDS[kind](path, report)


def _reports(songs: Sequence[SongFiles], workers: int) -> Iterator[SongReport]:
    """Each song's report, in order, with few of them in flight."""
    remaining = iter(songs)
    pool = ThreadPoolExecutor(workers)
    try:
        pending = [pool.submit(check_song, song) for song in islice(remaining, 2 * workers)]
        while pending:
            report = pending.pop(0).result()
            pending += [pool.submit(check_song, song) for song in islice(remaining, 1)]
            yield report
    finally:
        pool.shutdown(cancel_futures=True)


def check_data(data: str | os.PathLike, *, workers: int | None = None) -> DataReport:
    """Decodes every file of a corpus once and says what is wrong with which.

    Unlike the loaders, which refuse a corpus at its first fault, it goes on after each. Memory
    does not grow with the files' length, time grows with their sum.

    Args:
        data: as in `training.loaders.named.named_tracks`; or any folder of audio files, at any
            depth, which `files:PATH` also says of what looks like a corpus of songs.
        workers: songs in work at a time; `None` for one a processor.

    Raises:
        InputError: there is no such file or folder, or nothing to check in it.

    Example:
        >>> import soundfile
        >>> soundfile.write("silence.wav", np.zeros(8000), 8000)
        >>> (finding,) = check_data(".").findings
        >>> finding.where, finding.check, finding.severity
        ('silence.wav', 'silence', 'warning')
    """
    found: list[Finding] = []

    def report(where, problem: str) -> None:
        found.append(Finding(shown(where), "layout", ERROR, problem))

    kind, songs = _songs(data, report)
    if not songs and not found:
        raise InputError(f"{data}: holds nothing to check")
    files = []
    seconds = 0.0
    residuals = {}
    workers = max(1, workers or os.cpu_count() or 1)
    results = progress(_reports(songs, workers), "Checking", total=len(songs))
    for song, (facts, findings, residual) in zip(songs, results, strict=True):
        files += facts
        found += findings
        if residual is not None:
            residuals[song.name] = round(residual, 1)
        seconds += max((file.seconds for file in facts), default=0.0)
    found += check_names(songs)
    found += check_forms(files)
    found += check_duplicates(files)
    count = len(files) + sum(finding.check == "unreadable" for finding in found)
    found.sort(key=lambda finding: finding.severity)
    return DataReport(str(data), kind, len(songs), count, seconds, residuals, tuple(found))

"""Writes a corpus as shards, in parallel, so that a killed run goes on where it was."""

import dataclasses
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.decode import MIXTURE, common_stems
from training.shards.index import INDEX, Shard, ShardIndex, is_shards, read_index
from training.shards.job import shards_of_workers
from training.shards.plan import SPLITS, shard_tasks, songs_per_shard, with_splits
from training.shards.records import ShardTask, make_shard
from training.shards.settings import ShardSettings
from training.targets import target_rows
from training.tracks import Track
from training.transforms.offline import OfflineRecipe, offline_versions
from zoo.errors import InputError
from zoo.portability import require_tensorflow
from zoo.progress import progress

_FILE = rf"(?:{re.escape(INDEX)}|(?:{'|'.join(SPLITS)})-\d{{5,}}\.tfrecord)"
# What `atomic_path` calls a file until it is whole.
_TEMPORARY = re.compile(rf"\.[0-9a-f]{{8}}-{_FILE}")


@dataclass(frozen=True)
class ShardsReport:
    """What `write_shards` did.

    Args:
        folder: of the shards.
        shards: files in it.
        made: of these, by this call.
        songs: in them.
        records: in them.
        size: in bytes.
        skipped: song -> why it could not be used.
    """

    folder: Path
    shards: int
    made: int
    songs: int
    records: int
    size: int
    skipped: dict[str, str]

    def __str__(self) -> str:
        return (
            f"{self.folder}: {self.songs} songs in {self.shards} shards of together "
            f"{self.size / 1e6:.1f} MB, {self.made} of them made now, {len(self.skipped)} songs "
            "skipped"
        )


def _made(tasks: Sequence[ShardTask], workers: int, cluster: str | None) -> Iterator[Shard]:
    """Shards as they are finished; their order is none."""
    if cluster is None and workers == 1:
        return map(make_shard, tasks)
    return shards_of_workers(tasks, workers, cluster=cluster)


def _open(folder: Path, settings: ShardSettings, rows: tuple[str, ...]) -> ShardIndex | None:
    """What an earlier run left, once its unfinished files are removed.

    Raises:
        InputError: if the folder holds other files, or shards made with other settings.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from error
    for name in names:
        if not re.fullmatch(_FILE, name) and not _TEMPORARY.fullmatch(name):
            raise InputError(f"{folder}: holds {name}; name an empty or a new folder")
    before = read_index(folder) if is_shards(folder) else None
    if before is not None:
        made, wanted = before.settings.to_json(), settings.to_json()
        for name, value in {**wanted, "rows": rows}.items():
            other = before.rows if name == "rows" else made[name]
            if other != value:
                raise InputError(
                    f"{folder}: was made with {name}={other!r}, not {value!r}; name a new folder, "
                    "or delete it"
                )
    for name in filter(_TEMPORARY.fullmatch, names):
        (folder / name).unlink(missing_ok=True)
    return before


def _kept(before: ShardIndex, tasks: Sequence[ShardTask]) -> dict[str, Shard]:
    """Earlier shards that are whole, of the same songs, and lack none."""
    keys = {task.path.name: task.key for task in tasks}
    folder = tasks[0].path.parent

    def whole(shard: Shard) -> bool:
        path = folder / shard.file
        same = keys.get(shard.file) == shard.key and not shard.skipped
        return same and path.is_file() and path.stat().st_size == shard.size

    return {name: shard for name, shard in before.shards.items() if whole(shard)}


def write_shards(
    tracks: Sequence[Track],
    output: str | os.PathLike,
    *,
    settings: ShardSettings,
    offline: OfflineRecipe | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    on_error: Callable[[str], None] | None = None,
) -> ShardsReport:
    """Writes songs as TFRecord files that `training.Shards` reads.

    Each file appears whole, and then in the index, `shards.json`. A run that was killed at any
    moment goes on where it was; files whose songs have changed are made anew.

    Args:
        tracks: songs with the same stems. They go to the splits that they name; see `ShardSettings`
            for those that name none.
        output: folder of the shards, new or of an earlier run.
        settings: how songs become records.
        offline: versions in other keys and tempos that songs to train on get besides.
        workers: processes; `None` for one a processor, 1 for none but this one. With more than
            one, the calling script must be importable (`if __name__ == "__main__"`).
        cluster: address of a Ray cluster whose machines have the same folders; then its actors,
            one a processor by default, make the shards.
        on_error: called with the reason for each song that cannot be used; the others go on.

    Raises:
        InputError: if there are no songs or none can be used, their stems differ, or the folder
            cannot be used.

    Example:
        >>> noise = np.random.default_rng(0).normal(size=(120000, 1)).astype("float32") / 10
        >>> tracks = [Track(name, 8192, None, {"vocals": noise}) for name in ("a", "b")]
        >>> settings = ShardSettings.of_front_end(FrontEnd())
        >>> report = write_shards(tracks, "shards", settings=settings, workers=1)
        >>> report.songs, report.shards
        (2, 2)
    """
    require_tensorflow("writing shards")
    stems = common_stems(tracks)
    if settings.spectrograms:
        target_rows(settings.targets, stems)
    given = any(track.mixture is not None for track in tracks)
    rows = (*stems, *([MIXTURE] if given else []))
    stored = (*settings.targets, MIXTURE) if settings.spectrograms else rows
    folder = Path(output)
    before = _open(folder, settings, stored)
    tracks = with_splits(tracks, settings.validation_share)
    if offline is not None:
        tracks = [version for track in tracks for version in _versions(track, offline, settings)]
    per_shard = before.songs_per_shard if before else songs_per_shard(tracks, rows, settings)
    tasks = list(shard_tasks(tracks, rows, settings, per_shard, folder))
    shards = _kept(before, tasks) if before else {}
    index = ShardIndex(settings, stored, per_shard, shards)
    missing = [task for task in tasks if task.path.name not in shards]
    if missing or before is None or before.shards.keys() != shards.keys():
        index.write(folder)
    skipped: dict[str, str] = {}
    if cluster is None:
        workers = min(workers or os.cpu_count() or 1, max(1, len(missing)))
    made = _made(missing, workers, cluster)
    for shard in progress(made, "Writing shards", total=len(missing)):
        skipped |= shard.skipped
        for reason in shard.skipped.values() if on_error else ():
            on_error(reason)
        if shard.songs:
            shards[shard.file] = shard
            index.write(folder)
    if not shards:
        raise InputError(
            f"{folder}: none of the songs could be used: {next(iter(skipped.values()))}"
        )
    _finish(folder, index)
    return _report(folder, shards, len(missing), skipped)


def _versions(track: Track, offline: OfflineRecipe, settings: ShardSettings) -> list[Track]:
    """A song and, if it is one to train on, its versions."""
    train = track.split == "train"
    return [track, *(offline_versions(track, offline, settings.seed) if train else ())]


def _finish(folder: Path, index: ShardIndex) -> None:
    """Enters that all is there, and removes shards of songs that are no longer."""
    dataclasses.replace(index, complete=True).write(folder)
    for path in folder.glob("*.tfrecord"):
        if path.name not in index.shards:
            path.unlink()


def _report(
    folder: Path, shards: Mapping[str, Shard], made: int, skipped: dict[str, str]
) -> ShardsReport:
    return ShardsReport(
        folder,
        len(shards),
        made,
        sum(len(shard.songs) for shard in shards.values()),
        sum(shard.records for shard in shards.values()),
        sum(shard.size for shard in shards.values()),
        skipped,
    )

"""Separation as a job: one song after the other, by whichever process."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from zoo.errors import InputError
from zoo.files import remove_leftovers
from zoo.jobs import Item
from zoo.jobs.threads import thread_limit


@dataclass(frozen=True)
class SeparateTask:
    """Separates songs into `<output>/<folder>/<song>/<stem>.<format>`.

    Args:
        output: folder of all.
        model: preset name, preset folder, `.keras` file or exported file.
        stems: which to write; all by default.
        format: of the stems.
        chunk_seconds: audio in memory at a time.
        above_band: as in `zoo.inference.separate_blocks`.
        wiener_iterations: of the Wiener filter after the model; 0 for none.
        fingerprint: of the model's files: a manifest goes on with the same model only.
        show_progress: whether each song has a bar.
        alone: whether no other process writes to the songs' folders. What killed ones left is
            removed then.

    Example:
        >>> task = SeparateTask("stems", "jansson_unet_vocals", format="flac")
        >>> task.describe()["format"]
        'flac'
    """

    output: str
    model: str
    stems: tuple[str, ...] | None = None
    format: str = "wav"
    chunk_seconds: float | None = None
    above_band: str = "residual"
    wiener_iterations: int = 0
    fingerprint: str | None = None
    show_progress: bool = False
    alone: bool = False

    def open(self) -> Callable[[Item], Mapping[str, str]]:
        """Returns the function that separates a song: stem -> path, with the model loaded once."""
        from zoo.batch import open_separator, open_wiener
        from zoo.inference import separate_file

        separator = open_separator(self.model, threads=thread_limit())
        wiener = open_wiener(self.wiener_iterations)

        def separate(item: Item) -> Mapping[str, str]:
            if "refused" in item.inputs:
                raise InputError(item.inputs["refused"])
            path, folder = Path(item.name), Path(self.output) / item.inputs["folder"]
            if self.alone:
                for stem in separator.stems:
                    remove_leftovers(folder / path.stem / f"{stem}.{self.format}")
            files = separate_file(
                path,
                folder,
                separator=separator,
                stems=self.stems,
                format=self.format,
                chunk_seconds=self.chunk_seconds,
                above_band=self.above_band,
                wiener=wiener,
                show_progress=self.show_progress,
            )
            return {stem: str(file) for stem, file in files.items()}

        return separate

    def describe(self) -> Mapping[str, object]:
        """Returns all that decides on the stems; the size of chunks does not."""
        settings = asdict(self)
        for name in ("chunk_seconds", "show_progress", "alone"):
            del settings[name]
        # Manifests that were begun before there was a filter go on.
        if not self.wiener_iterations:
            del settings["wiener_iterations"]
        return {"command": "separate", **settings}


def song_items(files: Sequence[Path], *, root: str | os.PathLike | None = None) -> list[Item]:
    """Returns an item a song; one that would overwrite another's stems fails when it is done.

    Args:
        files: the songs.
        root: a folder above all of them, whose folders the output gets, too.

    Raises:
        InputError: if a song is not below the root.
    """
    items, taken = [], {}
    for file in files:
        folder = Path() if root is None else _below(file, Path(root)).parent
        inputs = {"folder": str(folder)}
        first = taken.setdefault(folder / file.stem, file)
        if first is not file:
            inputs["refused"] = (
                f"{file}: would overwrite the stems of {first}; separate it into another folder"
            )
        items.append(Item(str(file), inputs, files=(str(file),)))
    return items


def _below(file: Path, root: Path) -> Path:
    # Of names such as "../songs", without following links.
    path, above = (Path(os.path.abspath(name)) for name in (file, root))  # noqa: PTH100
    if above not in path.parents:
        raise InputError(f"{file}: is not in the folder --root, {root}")
    return path.relative_to(above)

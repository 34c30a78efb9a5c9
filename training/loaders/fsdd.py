"""The Free Spoken Digit Dataset."""

import os
import re
from pathlib import Path

from training.loaders.file_source import FileSource
from training.loaders.song_files import Report, SongFiles, check_folder, refuse, tracks_of
from training.tracks import Track

NAME = re.compile(r"(\d)_([^_]+)_(\d+)\.wav")
# Indices below are the data set's own test split.
TEST_INDICES = 5


def _folder(path: Path) -> Path:
    return path / "recordings" if (path / "recordings").is_dir() else path


def is_fsdd(path: Path) -> bool:
    """Whether a folder looks like the data set: all its WAV files have such names."""
    names = [file.name for file in _folder(path).glob("[!.]*.wav")]
    return bool(names) and all(NAME.fullmatch(name) for name in names)


def find_songs(path: Path, report: Report = refuse) -> list[SongFiles]:
    """Recordings in the order of digit, speaker and index."""
    check_folder(path)
    found = []
    for file in _folder(path).glob("[!.]*.wav"):
        match = NAME.fullmatch(file.name)
        if match is None:
            report(file, "is not called DIGIT_SPEAKER_INDEX.wav; rename or remove it")
            continue
        split = "test" if int(match[3]) < TEST_INDICES else "train"
        song = SongFiles(file.stem, file, {"speech": FileSource(file)}, split=split)
        found.append(((match[1], match[2], int(match[3])), song))
    if not found:
        report(path, "holds no recordings called DIGIT_SPEAKER_INDEX.wav")
    return [song for _, song in sorted(found, key=lambda pair: pair[0])]


def fsdd(
    path: str | os.PathLike, *, split: str | None = None, sample_rate: int | None = None
) -> list[Track]:
    """The spoken digits of the Free Spoken Digit Dataset: `{digit}_{speaker}_{index}.wav`.

    Only headers are read here. https://github.com/Jakobovski/free-spoken-digit-dataset

    Args:
        path: the data set's folder, or its folder `recordings`.
        split: `"train"`, or `"test"`: the recordings with indices 0 to 4; `None` for all, each
            with its split.
        sample_rate: what tracks are resampled to, in Hz; `None` for their own, 8000.

    Returns:
        Tracks with one stem, speech. The name begins with the digit: `7_jackson_32`.

    Raises:
        InputError: if a WAV file has another name, or there is none.

    Example:
        >>> import pathlib, soundfile
        >>> pathlib.Path("recordings").mkdir()
        >>> for name in ("7_jackson_3.wav", "7_jackson_32.wav"):
        ...     soundfile.write(f"recordings/{name}", np.zeros(4000), 8000)
        >>> [(track.name, track.split) for track in fsdd("recordings")]
        [('7_jackson_3', 'test'), ('7_jackson_32', 'train')]
    """
    return tracks_of(find_songs(Path(path)), path, split=split, sample_rate=sample_rate)

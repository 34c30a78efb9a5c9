"""Recorded material that synthetic songs may be made with, besides what is computed."""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from zoo.errors import InputError

_DIGIT = re.compile(r"(\d)_(\w+)_(\d+)\.wav")
_HELD_BACK = 5
_SOUNDS = (".wav", ".flac")
_SOUND_FONTS = (".sf2", ".sf3")


@dataclass(frozen=True)
class Material:
    """A folder of recordings that songs may be made with.

    It has the subfolders `speech/VOICE/` with recordings of whole sentences (WAV or FLAC),
    `digits/` with recordings named `{digit}_{speaker}_{index}.wav`, of which indices 0 to 4, the
    Free Spoken Digit Dataset's test split, are left out, and `sound_fonts/` with General MIDI banks
    (`.sf2`, `.sf3`). One of them is enough. A folder of such digits alone will do, too.

    Args:
        folder: `None` for no material, which is what songs computed from nothing have.

    Example:
        >>> Material().sound_fonts
        ()
    """

    folder: str | None = None

    def check(self) -> None:
        """Raises `InputError` if the folder is missing or holds no material."""
        if self.folder is None:
            return
        if not Path(self.folder).is_dir():
            raise InputError(f"{self.folder}: no such folder of material")
        if not (self.sentences or self.digits or self.sound_fonts):
            raise InputError(
                f"{self.folder}: holds no material: neither speech/VOICE/*.wav, nor "
                f"digits/DIGIT_SPEAKER_INDEX.wav with an index of {_HELD_BACK} or more, nor "
                "sound_fonts/*.sf2"
            )

    @property
    def sentences(self) -> dict[str, tuple[Path, ...]]:
        """Recordings of whole sentences of each voice."""
        return _sentences(self.folder)

    @property
    def digits(self) -> dict[str, tuple[Path, ...]]:
        """Recordings of single words of each speaker."""
        return _digits(self.folder)

    @property
    def sound_fonts(self) -> tuple[Path, ...]:
        """Banks of sampled instruments."""
        return _sound_fonts(self.folder)


COMPUTED = Material()


@lru_cache
def _sentences(folder: str | None) -> dict[str, tuple[Path, ...]]:
    voices = {} if folder is None else {v.name: v for v in _listed(Path(folder, "speech"))}
    files = {name: _with_suffix(voice, _SOUNDS) for name, voice in voices.items()}
    return {name: found for name, found in files.items() if found}


@lru_cache
def _digits(folder: str | None) -> dict[str, tuple[Path, ...]]:
    speakers: dict[str, list[Path]] = {}
    if folder is None:
        return {}
    for path in _listed(Path(folder, "digits")) or _listed(Path(folder)):
        match = _DIGIT.fullmatch(path.name)
        if match and int(match[3]) >= _HELD_BACK:
            speakers.setdefault(match[2], []).append(path)
    return {name: tuple(files) for name, files in speakers.items()}


@lru_cache
def _sound_fonts(folder: str | None) -> tuple[Path, ...]:
    return () if folder is None else _with_suffix(Path(folder, "sound_fonts"), _SOUND_FONTS)


def _listed(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _with_suffix(folder: Path, suffixes: tuple[str, ...]) -> tuple[Path, ...]:
    return tuple(path for path in _listed(folder) if path.suffix.lower() in suffixes)

"""Audio through libsndfile: WAV, FLAC, OGG, MP3, AIFF and their relatives."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from zoo.audio.files import file_error
from zoo.audio.lengths import MP3Header, truncation

# libsndfile's codes for content that is not its business; other codes mean a damaged file.
_UNRECOGNISED = {1, 7, 18}

# A stated length may count the header's own MPEG frame, and gapless information may be absent.
_MPEG_TOLERANCE = 2 * 1152

_LENGTH_UNKNOWN = 2**62


class NotForSoundfile(Exception):
    """libsndfile does not know the format; another library may."""


class SoundfileDecoder:
    """One open file; see `zoo.AudioReader` for what the attributes mean."""

    streams = 1

    def __init__(self, path: Path):
        self.path = path
        header = MP3Header.read(path) if path.suffix.lower() == ".mp3" else None
        if header and not header.plausible:
            raise NotForSoundfile("no MPEG audio in it")
        if header and path.stat().st_size < header.stated_bytes:
            raise file_error(
                path,
                f"is truncated: it promises {header.stated_bytes} bytes of MPEG audio and holds "
                f"{path.stat().st_size}",
            )
        try:
            # As bytes, a name that is not valid UTF-8 can be opened too.
            self._file = soundfile.SoundFile(os.fsencode(path) if os.name == "posix" else str(path))
        except soundfile.LibsndfileError as error:
            if error.code in _UNRECOGNISED:
                raise NotForSoundfile(error.error_string) from None
            raise file_error(path, f"is damaged or truncated ({_phrase(error)})") from None
        except (TypeError, ValueError, RuntimeError) as error:
            # soundfile wants the format of headerless files (.raw) spelt out.
            raise NotForSoundfile(str(error)) from None
        problem = truncation(self._file.extra_info)
        if problem:
            self.close()
            raise file_error(path, problem)
        self.sample_rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.subtype: str = self._file.subtype
        stated = self._file.frames
        mpeg = self.subtype.startswith("MPEG")
        guessed = mpeg and not (header or MP3Header.read(path)).states_length
        self.frames: int | None = None if guessed or stated > _LENGTH_UNKNOWN else stated
        self.duration = None if stated > _LENGTH_UNKNOWN else stated / self.sample_rate
        self._tolerance = _MPEG_TOLERANCE if mpeg else 0

    def chunks(self, samples: int, start: int) -> Iterator[np.ndarray]:
        """Yields float32 arrays (`samples` or, at the end, fewer; channels) from sample `start`."""
        try:
            position = 0
            if start or self._file.seekable():  # a few codecs (GSM) run forward only
                position = self._file.seek(min(start, self._file.frames))
            while True:
                block = self._file.read(samples, dtype="float32", always_2d=True)
                position += len(block)
                if len(block):
                    yield block
                if len(block) < samples:
                    break
        except soundfile.LibsndfileError as error:
            problem = f"is damaged or truncated: decoding stops in the middle ({_phrase(error)})"
            raise file_error(self.path, problem) from None
        if self.frames is not None and position + self._tolerance < self.frames:
            raise file_error(
                self.path,
                f"is damaged or truncated: it promises {self.frames} samples and {position} "
                "can be decoded",
            )

    def close(self) -> None:
        self._file.close()


def _phrase(error: soundfile.LibsndfileError) -> str:
    return error.error_string.removeprefix("Error :").strip().rstrip(".")

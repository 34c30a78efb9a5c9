"""Audio files that appear whole or not at all."""

import os
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import soundfile

from zoo.audio.files import check_output, file_error
from zoo.audio.formats import check_subtype, check_writable, matching_subtype
from zoo.errors import system_reason
from zoo.files import atomic_path

# libsndfile's Vorbis encoder puts a whole write on the stack: millions of samples overflow it.
_BLOCK = 1 << 15

# The sizes in a WAV header have 32 bits; RF64 is the same file with 64.
_WAV_LIMIT = (1 << 32) - (1 << 16)

_STEPS = {"PCM_16": 2**15, "PCM_24": 2**23}
_BYTES = {"PCM_16": 2, "PCM_24": 3, "FLOAT": 4}


class AudioWriter:
    """Writes a file block by block, under a temporary name until it is complete.

    Samples beyond full scale are clipped to the edge in 16 and 24 bits, and counted; float, OGG and
    MP3 keep them. Any exception inside the `with` block removes the temporary file.

    Args:
        path: the file to create or replace. Its folder must exist.
        sample_rate: samples per second.
        channels: how many.
        format: "wav", "flac", "ogg" or "mp3"; by the path's suffix when `None`.
        subtype: "PCM_16", "PCM_24" or "FLOAT" where the format has them; 16 bits when `None`.
        frames: the number of samples per channel, where it is known: it decides before the start
            whether a WAV file needs the RF64 header of files beyond 4 GiB.

    Attributes:
        clipped: the number of samples that were clipped.
        frames: the number of samples per channel written so far.

    Raises:
        InputError: the format cannot hold the rate or channels, the folder does not exist, or the
            disk is full.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp() + "/tone.flac"
        >>> with AudioWriter(path, 44100, 2, subtype="PCM_24") as writer:
        ...     writer.write(np.zeros((1000, 2), np.float32))
        >>> soundfile.info(path).frames
        1000
    """

    def __init__(
        self,
        path: str | os.PathLike,
        sample_rate: int,
        channels: int,
        *,
        format: str | None = None,
        subtype: str | None = None,
        frames: int | None = None,
    ):
        self.path = Path(path)
        self.format = format or self.path.suffix.lower().removeprefix(".")
        check_writable(self.format, sample_rate, channels)
        self.subtype = subtype or matching_subtype(self.format, "PCM_16")
        check_subtype(self.format, self.subtype)
        check_output(self.path)
        self.sample_rate = sample_rate
        self.channels = channels
        self.clipped = 0
        self.frames = 0
        self._row_bytes = channels * _BYTES.get(self.subtype, 0)
        self._large = self.format == "wav" and (frames or 0) * self._row_bytes > _WAV_LIMIT
        self._stack = ExitStack()
        self._encoder: soundfile.SoundFile | None = None

    def __enter__(self) -> "AudioWriter":
        with ExitStack() as stack:
            temporary = stack.enter_context(atomic_path(self.path))
            try:
                self._sink = stack.enter_context(_Sink(temporary))
            except OSError as error:
                problem = f"cannot be written: {system_reason(error)}"
                raise file_error(self.path, problem) from None
            self._encoder = self._attempt(
                soundfile.SoundFile,
                self._sink,
                "w",
                samplerate=self.sample_rate,
                channels=self.channels,
                format="RF64" if self._large else self.format.upper(),
                subtype=self.subtype,
            )
            stack.callback(self._release)
            self._sink.check(self.path)
            self._stack = stack.pop_all()
        return self

    def write(self, block: np.ndarray) -> None:
        """Appends a float block (samples, channels), full scale at -1 and 1."""
        for start in range(0, len(block), _BLOCK):
            part = block[start : start + _BLOCK]
            self.frames += len(part)
            if self.format == "wav" and not self._large:
                self._check_size()
            self._attempt(self._encoder.write, self._stored(part))
            self._sink.check(self.path)

    def finish(self) -> None:
        """Completes the encoding, still under the temporary name.

        The end of the `with` block does so too. Several files that belong together can be finished
        first, where a full disk shows, and then appear together.
        """
        if not self._encoder.closed:
            self._attempt(self._encoder.close)
            self._sink.close()
            self._sink.check(self.path)

    def __exit__(self, kind, error, traceback) -> None:
        if kind is not None:
            self._stack.__exit__(kind, error, traceback)
            return
        try:
            with self._stack:
                self.finish()
        except OSError as problem:
            raise file_error(self.path, f"cannot be replaced: {system_reason(problem)}") from None

    def _release(self) -> None:
        with suppress(soundfile.SoundFileError):
            self._encoder.close()

    def _stored(self, block: np.ndarray) -> np.ndarray:
        """The samples as the file's integers: faster than libsndfile's conversion, which also
        rounds down rather than to the nearest."""
        steps = _STEPS.get(self.subtype)
        if steps is None:
            return np.ascontiguousarray(block, dtype=np.float32)
        scaled = np.rint(np.multiply(block, steps, dtype=np.float32))
        if scaled.max(initial=0) > steps - 1 or scaled.min(initial=0) < -steps:
            self.clipped += int(((scaled > steps - 1) | (scaled < -steps)).sum())
            np.clip(scaled, -steps, steps - 1, out=scaled)
        if self.subtype == "PCM_16":
            return scaled.astype(np.int16)
        return scaled.astype(np.int32) << 8  # soundfile takes 24 bits at the top of 32

    def _check_size(self) -> None:
        if self.frames * self._row_bytes > _WAV_LIMIT:
            raise file_error(self.path, "would exceed the 4 GiB of a wav file; choose flac")

    def _attempt(self, action, *args, **kwargs):
        """Calls libsndfile; of two errors, the one that the system gave says more."""
        try:
            return action(*args, **kwargs)
        except (soundfile.SoundFileError, AssertionError) as error:
            self._sink.check(self.path)
            raise file_error(self.path, f"cannot be written: {error}") from None


class _Sink:
    """The file that libsndfile writes to through Python.

    libsndfile does not report what fails while it closes a file, and Python cannot raise through
    it: the first exception is kept here, to be raised when the call into libsndfile is over.
    """

    def __init__(self, path: Path):
        self._file = path.open("w+b", buffering=0)
        self._error: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            rest = memoryview(data)
            while rest and not self._error:
                rest = rest[self._file.write(rest) :]
        except BaseException as error:
            self._error = error
        return 0 if self._error else len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            self._error = self._error or error

    def check(self, path: Path) -> None:
        """Raises what was kept; `path` is the name for the message."""
        if isinstance(self._error, OSError):
            raise file_error(path, f"cannot be written: {system_reason(self._error)}") from None
        if self._error is not None:
            raise self._error

    def __enter__(self) -> "_Sink":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

"""Audio files as blocks of samples: any length in constant memory."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from zoo.audio.files import check_readable, file_error
from zoo.audio.soundfile_decoder import NotForSoundfile, SoundfileDecoder

_READ_BLOCK = 1 << 18


class AudioReader:
    """An open audio file that is decoded in blocks, each pass from the start.

    WAV, FLAC, OGG, MP3 and AIFF go through libsndfile; M4A, AAC, MP4 and the rest through PyAV,
    where encoder delay and padding are left out as far as the file states them.

    Attributes:
        path: the file.
        sample_rate: samples per second.
        channels: how many.
        frames: the number of samples per channel, or `None` where the file does not state it (MP3
            without a Xing header, most compressed streams). What `blocks` yields is the measure.
        duration: seconds, an estimate where `frames` is `None`, or `None`.
        subtype: soundfile's name of the stored resolution, such as "PCM_16", "FLOAT" or "VORBIS".
        streams: how many audio streams the file has; a `.stem.mp4` has five.

    Example:
        >>> import numpy as np, soundfile, tempfile
        >>> path = tempfile.mkdtemp() + "/tone.wav"
        >>> soundfile.write(path, np.zeros((1000, 2)), 44100)
        >>> with AudioReader.open(path) as reader:
        ...     [block.shape for block in reader.blocks(600)]
        [(600, 2), (400, 2)]
    """

    def __init__(self, path: Path, decoder):
        self.path = path
        self._decoder = decoder
        self.sample_rate: int = decoder.sample_rate
        self.channels: int = decoder.channels
        self.frames: int | None = decoder.frames
        self.duration: float | None = decoder.duration
        self.subtype: str = decoder.subtype
        self.streams: int = decoder.streams

    @classmethod
    def open(cls, path: str | os.PathLike, *, stream: int = 0) -> "AudioReader":
        """Opens a file and reads its header.

        Args:
            path: the audio file.
            stream: which of the file's audio streams, counted from 0.

        Raises:
            InputError: the file is missing, a folder, unreadable, empty, in no known format,
                truncated or without samples; or there is no such stream.
        """
        path = Path(path)
        check_readable(path)
        reader = cls(path, _decoder(path, stream))
        if reader.frames == 0:
            reader.close()
            raise file_error(path, "holds no samples")
        return reader

    def blocks(
        self, block_samples: int, *, start: int = 0, stop: int | None = None
    ) -> Iterator[np.ndarray]:
        """Decodes samples `start` to `stop`.

        Args:
            block_samples: samples per block, at least 1.
            start: the first sample.
            stop: the sample after the last one; `None` for all.

        Yields:
            float32 arrays (block_samples, channels), full scale at -1 and 1; the last may be
            shorter.

        Raises:
            InputError: the file is damaged or truncated, or holds a NaN or infinite sample.
        """
        if block_samples < 1:
            raise ValueError(f"A block has at least 1 sample. Received: {block_samples=}")
        position = start
        for block in _regrouped(self._decoder.chunks(block_samples, start), block_samples):
            if stop is not None:
                block = block[: max(stop - position, 0)]
            if not len(block):
                break
            self._check_finite(block, position)
            position += len(block)
            yield block
        if position == 0 and stop is None:
            raise file_error(self.path, "holds no samples")

    def read(self, *, start: int = 0, stop: int | None = None) -> np.ndarray:
        """The samples as one float32 array (samples, channels); arguments as in `blocks`."""
        blocks = list(self.blocks(_READ_BLOCK, start=start, stop=stop))
        if not blocks:
            return np.zeros((0, self.channels), np.float32)
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)

    def close(self) -> None:
        """Closes the file."""
        self._decoder.close()

    def __enter__(self) -> "AudioReader":
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def _check_finite(self, block: np.ndarray, position: int) -> None:
        finite = np.isfinite(block)
        if not finite.all():
            at = (position + int(np.argmin(finite.all(axis=1)))) / self.sample_rate
            raise file_error(
                self.path, f"holds a NaN or infinite sample at {at:.3f} s; repair or re-export it"
            )


def _decoder(path: Path, stream: int):
    try:
        if stream == 0:
            return SoundfileDecoder(path)
    except NotForSoundfile:
        pass
    from zoo.audio.av_decoder import AVDecoder

    return AVDecoder(path, stream)


def _regrouped(chunks: Iterator[np.ndarray], samples: int) -> Iterator[np.ndarray]:
    """Chunks of any sizes as blocks of `samples`, the last one of what remains."""
    waiting: list[np.ndarray] = []
    count = 0
    for chunk in chunks:
        while len(chunk):
            if not waiting and len(chunk) == samples:
                yield chunk
                break
            part, chunk = chunk[: samples - count], chunk[samples - count :]
            waiting.append(part)
            count += len(part)
            if count == samples:
                yield np.concatenate(waiting)
                waiting, count = [], 0
    if waiting:
        yield np.concatenate(waiting)

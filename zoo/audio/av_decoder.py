"""Audio through PyAV (FFmpeg): M4A, AAC, MP4, and whatever libsndfile does not know."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np

from zoo.audio.files import file_error

# MP4 states a duration; a decoder may lose a packet or two of it at the ends.
_TOLERANCE_SECONDS = 0.1

# Playlists and other containers of addresses must not make FFmpeg fetch anything.
_OPTIONS = {"protocol_whitelist": "file"}


class AVDecoder:
    """One audio stream of a file; see `zoo.AudioReader` for what the attributes mean.

    The file is opened anew for each pass over it, because seeking in compressed audio is not
    exact to the sample.
    """

    def __init__(self, path: Path, stream: int):
        self.path = path
        self._stream = stream
        with self._open() as container:
            audio = self._select(container)
            self.streams = len(container.streams.audio)
            first = next(container.decode(audio), None)
            if first is None:
                raise file_error(path, "cannot be decoded as audio (no samples found)")
            # The first frame, not the header: HE-AAC's header states half the rate.
            self.sample_rate: int = first.sample_rate
            self.channels: int = first.layout.nb_channels
            self.subtype = _subtype(audio.codec_context.name, first.format.name)
            self._total = _samples_by_itunes(container.metadata.get("iTunSMPB", ""))
            self._stated = _stated_seconds(container, audio)
        self.frames = self._total
        self.duration = self._stated
        if self._total is not None:
            self.duration = self._total / self.sample_rate

    def chunks(self, samples: int, start: int) -> Iterator[np.ndarray]:
        """Yields float32 arrays (any number of samples, channels) from sample `start` on."""
        position = 0
        with self._open() as container:
            for chunk in self._decoded(container):
                if self._total is not None:
                    chunk = chunk[: self._total - position]
                fresh = chunk[max(start - position, 0) :]
                position += len(chunk)
                if len(fresh):
                    yield fresh
        stated = (self._stated or 0.0) - _TOLERANCE_SECONDS
        if position < stated * self.sample_rate:
            raise file_error(
                self.path,
                f"is damaged or truncated: it promises {self._stated:.1f} seconds and "
                f"{position / self.sample_rate:.1f} can be decoded",
            )

    def close(self) -> None:
        """Nothing stays open between passes."""

    @contextmanager
    def _open(self) -> Iterator["av.container.InputContainer"]:
        try:
            # An open file, not its name: FFmpeg takes some names for patterns and protocols.
            # Tags may be in any encoding; what is read of them is ASCII.
            with (
                self.path.open("rb") as file,
                av.open(file, options=_OPTIONS, metadata_errors="replace") as container,
            ):
                yield container
        except (av.FFmpegError, OSError) as error:
            problem = f"cannot be decoded as audio ({(error.strerror or str(error)).lower()})"
            raise file_error(self.path, problem) from None

    def _select(self, container: "av.container.InputContainer") -> "av.AudioStream":
        audio = container.streams.audio
        if not audio:
            raise file_error(self.path, "holds no audio stream")
        if not 0 <= self._stream < len(audio):
            raise file_error(
                self.path,
                f"holds {len(audio)} audio stream(s), counted from 0. "
                f"Received: stream={self._stream}",
            )
        return audio[self._stream]

    def _decoded(self, container: "av.container.InputContainer") -> Iterator[np.ndarray]:
        planar_float = av.AudioResampler(format="fltp")
        for frame, length in self._frames(container):
            if (frame.sample_rate, frame.layout.nb_channels) != (self.sample_rate, self.channels):
                raise file_error(self.path, "changes its rate or channels in the middle")
            samples = [part.to_ndarray() for part in planar_float.resample(frame)]
            yield np.concatenate(samples, axis=1)[:, :length].T  # (samples, channels)

    def _frames(
        self, container: "av.container.InputContainer"
    ) -> Iterator[tuple["av.AudioFrame", int]]:
        """Frames, each with the number of its samples that belong to the signal: an encoder pads
        the last one, and the container gives it a shorter duration."""
        stream = self._select(container)
        previous = None
        for frame in container.decode(stream):
            if previous is not None:
                yield previous, previous.samples
            previous = frame
        if previous is not None:
            exact = stream.time_base is not None and stream.time_base * self.sample_rate == 1
            length = previous.duration if exact and previous.duration else previous.samples
            yield previous, min(length, previous.samples)


def _subtype(codec: str, sample_format: str) -> str:
    """The soundfile name of the resolution that the samples were stored with."""
    if codec.startswith("pcm_f"):
        return "FLOAT"
    return "PCM_24" if sample_format.startswith("s32") else "PCM_16"


def _samples_by_itunes(tag: str) -> int | None:
    """The length without encoder delay and padding that iTunes writes as the tag's fourth field."""
    fields = tag.split()
    try:
        return int(fields[3], 16) or None
    except (IndexError, ValueError):
        return None


def _stated_seconds(
    container: "av.container.InputContainer", stream: "av.AudioStream"
) -> float | None:
    # Other containers' durations are FFmpeg's guesses from the bit rate.
    if "mp4" in container.format.name and stream.duration is not None:
        return float(stream.duration * stream.time_base)
    return None

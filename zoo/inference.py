"""Whole songs: any length, rate and channel count, through a separator in bounded memory."""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zoo.errors import InputError
from zoo.files import created_folder
from zoo.prefetch import prefetch
from zoo.progress import progress
from zoo.stretches import SignalSeparator, stretches

if TYPE_CHECKING:
    from zoo.wiener_filter import WienerFilter

BLOCK_SAMPLES = 1 << 18
ABOVE_BAND = ("residual", "discard", "extend")
DEFAULT_PRESET = "jansson_unet_vocals"
_MIXTURE = object()


def _check(
    separator: SignalSeparator,
    chunk_seconds: float | None,
    above_band: str,
    wiener: "WienerFilter | None",
) -> None:
    if above_band not in ABOVE_BAND:
        raise ValueError(f"above_band must be one of {ABOVE_BAND}. Received: {above_band=}")
    if chunk_seconds is not None and not chunk_seconds > 0:
        raise ValueError(f"chunk_seconds must be positive. Received: {chunk_seconds=}")
    if above_band == "extend" and getattr(separator, "front_end", None) is None:
        raise InputError(
            "above_band: 'extend' needs the masks of a mask network, which waveform networks and "
            "exported files do not give; use 'residual' or 'discard'"
        )
    if wiener is not None and len(separator.stems) < 2:
        raise InputError(
            f"wiener: tells stems apart, of which this model has one, {separator.stems[0]}; "
            "a residual would make two"
        )


def separate_blocks(
    separator: SignalSeparator,
    blocks: Iterable[np.ndarray],
    sample_rate: int,
    channels: int,
    *,
    chunk_seconds: float | None = None,
    above_band: str = "residual",
    wiener: "WienerFilter | None" = None,
) -> Iterator[dict[str, np.ndarray]]:
    """Separates a stream of audio blocks of any rate and channel count.

    The stream is converted to the separator's rate and its stems back; the residual is taken at
    the stream's own rate, so the stems add up to the mixture.

    Args:
        separator: a `zoo.Separator` or `export.FileSeparator`.
        blocks: float32 `(samples, channels)` in [-1, 1], any number of samples each.
        sample_rate: of the blocks, in Hz.
        channels: of the blocks.
        chunk_seconds: how much audio the network sees at a time; the separator's own choice by
            default (its `chunk_samples`). It bounds memory and does not change the result. A file
            of a fixed length takes that.
        above_band: what becomes of the spectrum above the separator's band, half its sample rate:
            "residual" leaves it in the residual stem; "discard" removes it from all stems, which
            then add up to the mixture's band only; "extend" shares it out by each mask's mean over
            the upper half of the band (as in Spleeter's mask extension), with mask networks.
        wiener: refines all stems at the separator's rate, the residual among them, so that they
            add up to the band of the mixture but for what all of them leave out.

    Yields:
        Dicts stem -> float32 `(samples, channels)`; together as many samples as came in.

    Raises:
        ValueError: if `above_band` or `chunk_seconds` is none of the above.
        InputError: if the separator gives no masks to extend, or a single stem to be refined.
    """
    _check(separator, chunk_seconds, above_band, wiener)
    from zoo.audio import resampled

    rate = separator.sample_rate
    chunk = separator.chunk_samples if chunk_seconds is None else chunk_seconds * rate
    patches = max(1, round(chunk / separator.grid.step))
    residual = separator.residual
    separated = [stem for stem in separator.stems if stem != residual]
    waiting: deque[np.ndarray] = deque()

    def remembered():
        for block in blocks:
            waiting.append(block)
            yield block

    names = list(separated)
    if above_band == "discard" and residual:
        names.append(residual)
    elif above_band == "extend":
        names.append(_MIXTURE)
    extended = separated if above_band == "extend" else []

    def low_band():
        """The signals to bring back to the stream's rate, side by side: `(samples, signals)`."""
        low = prefetch(resampled(remembered(), sample_rate, rate))
        pieces = stretches(separator, low, channels, patches)
        if wiener is not None:
            from zoo.wiener_blocks import wiener_filtered

            pieces = wiener_filtered(wiener, pieces)
        for mixture, stems, uppers in pieces:
            signals = [mixture if name is _MIXTURE else stems[name] for name in names]
            gains = [uppers[name][:, None] for name in extended]
            if extended:
                gains.append(np.ones((len(mixture), 1), "float32"))
            yield np.concatenate((*signals, *gains), axis=1)

    back = resampled(prefetch(low_band()), rate, sample_rate)
    mixture = np.zeros((0, channels), "float32")
    for block in back:
        while len(mixture) < len(block) and waiting:
            mixture = np.concatenate((mixture, waiting.popleft()))
        # The round trip through the model's rate may end a sample late, never early.
        block, here, mixture = block[: len(mixture)], mixture[: len(block)], mixture[len(block) :]
        signals = {
            name: block[:, i * channels : (i + 1) * channels] for i, name in enumerate(names)
        }
        if above_band == "extend":
            high = here - signals.pop(_MIXTURE)
            # The resampler rings where a song begins and ends: with gains as with a constant.
            gains = block[:, len(names) * channels : -1] / block[:, -1:]
            for i, name in enumerate(separated):
                signals[name] = signals[name] + gains[:, i : i + 1] * high
        if residual and residual not in signals:
            signals[residual] = here - sum(signals.values())
        yield signals


def separate_array(
    separator: SignalSeparator, waveform: np.ndarray, sample_rate: int, **options
) -> dict[str, np.ndarray]:
    """Separates a waveform in memory.

    Args:
        separator: the model.
        waveform: float32 `(samples, channels)` in [-1, 1].
        sample_rate: of the waveform, in Hz.
        options: `chunk_seconds`, `above_band` and `wiener`, as in `separate_blocks`.

    Returns:
        A dict stem -> float32 `(samples, channels)`, as long as the waveform.
    """
    pieces = list(separate_blocks(separator, [waveform], sample_rate, waveform.shape[1], **options))
    return {stem: np.concatenate([piece[stem] for piece in pieces]) for stem in separator.stems}


@lru_cache(maxsize=2)
def _separator_of(preset: str) -> SignalSeparator:
    from zoo.separator import Separator

    return Separator.from_preset(preset)


def separate_file(
    path: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    separator: SignalSeparator | None = None,
    preset: str = DEFAULT_PRESET,
    stems: Sequence[str] | None = None,
    format: str = "wav",
    chunk_seconds: float | None = None,
    above_band: str = "residual",
    wiener: "WienerFilter | None" = None,
    show_progress: bool = False,
) -> dict[str, Path]:
    """Separates one audio file into `<output_dir>/<song>/<stem>.<format>`.

    Outputs have exactly the input's samples, rate and channels. They appear together when the song
    is done, or not at all.

    Args:
        path: any file that libsndfile or FFmpeg reads (WAV, FLAC, OGG, MP3, M4A, ...).
        output_dir: created if missing.
        separator: a `zoo.Separator` or `export.FileSeparator`; the preset's by default, which is
            loaded once a process.
        preset: name or folder of a preset.
        stems: which stems to write; all by default.
        format: "wav" (with the input's sample format), "flac", "ogg" or "mp3".
        chunk_seconds: as in `separate_blocks`.
        above_band: as in `separate_blocks`.
        wiener: as in `separate_blocks`.
        show_progress: whether to show a bar where standard error is a terminal.

    Returns:
        A dict stem -> path of the written file.

    Raises:
        InputError: one line that names the file or argument, if the input cannot be read to its
            end, a stem does not exist, there is one only to be refined, or the output cannot be
            written.

    Example:
        >>> files = separate_file("song.mp3", "stems")  # doctest: +SKIP
        >>> files["vocals"]  # doctest: +SKIP
        PosixPath('stems/song/vocals.wav')
    """
    separator = separator or _separator_of(str(preset))
    path = Path(path)
    stems = list(separator.stems if stems is None else stems)
    unknown = [stem for stem in stems if stem not in separator.stems]
    if unknown or not stems:
        raise InputError(
            f"stems: no {', '.join(unknown) or 'names given'}; "
            f"this model has {', '.join(separator.stems)}"
        )
    _check(separator, chunk_seconds, above_band, wiener)
    from zoo.audio import AudioReader, AudioWriter, check_writable, matching_subtype

    with AudioReader.open(path) as reader, ExitStack() as stack:
        rate, channels = reader.sample_rate, reader.channels
        check_writable(format, rate, channels)
        folder = stack.enter_context(created_folder(Path(output_dir) / path.stem))
        files = {stem: folder / f"{stem}.{format}" for stem in stems}
        if any(file.exists() and file.samefile(path) for file in files.values()):
            raise InputError(f"{path}: would be overwritten by its own stem; choose another folder")
        subtype = matching_subtype(format, reader.subtype)
        options = {"format": format, "subtype": subtype, "frames": reader.frames}
        writers = {
            stem: stack.enter_context(AudioWriter(file, rate, channels, **options))
            for stem, file in files.items()
        }
        blocks = reader.blocks(BLOCK_SAMPLES)
        if show_progress:
            count = -(-(reader.frames or 0) // BLOCK_SAMPLES) or None
            blocks = progress(blocks, path.name, total=count)
        for signals in separate_blocks(
            separator,
            blocks,
            rate,
            channels,
            chunk_seconds=chunk_seconds,
            above_band=above_band,
            wiener=wiener,
        ):
            for stem, writer in writers.items():
                writer.write(signals[stem])
        # A full disk shows here, before the first file gets its name.
        for writer in writers.values():
            writer.finish()
    return files

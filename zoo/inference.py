"""Whole songs: any length, rate and channel count, through a separator in bounded memory."""

import os
import weakref
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import lru_cache
from pathlib import Path

import keras
import numpy as np

from zoo.errors import InputError
from zoo.files import created_folder
from zoo.prefetch import prefetch
from zoo.progress import progress
from zoo.separator import Separator

BLOCK_SAMPLES = 1 << 18
ABOVE_BAND = ("residual", "discard", "extend")
DEFAULT_PRESET = "jansson_unet_vocals"
_MIXTURE = object()
_compiled: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


def _process(separator: Separator):
    """`separator.process` compiled where the backend can do so without freezing the weights."""
    if keras.backend.backend() != "tensorflow":
        return separator.process
    if separator not in _compiled:
        import tensorflow as tf

        own = weakref.ref(separator)
        _compiled[separator] = tf.function(
            lambda waveform, state: own().process(waveform, state), reduce_retracing=True
        )
    return _compiled[separator]


def _stretches(
    separator: Separator, blocks: Iterable[np.ndarray], channels: int, patches: int
) -> Iterator[tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """Runs a signal at the model's rate through `Separator.process`, `patches` patches at a time.

    Yields (waveform, {stem: waveform}, {stem: mean upper mask}) of consecutive stretches, each
    `(samples, channels)` or `(samples,)`; together exactly as long as the signal.
    """
    process, grid = _process(separator), separator.grid
    state = {
        name: keras.ops.convert_to_tensor(value)
        for name, value in separator.initial_state(channels).items()
    }
    pending = np.zeros((grid.pad, channels), "float32")
    skip = grid.skip

    def run(count: int):
        nonlocal pending, state, skip
        window = pending[: count * grid.step + grid.lookahead]
        stems, uppers, state = process(keras.ops.convert_to_tensor(window[None]), state)
        stems = {stem: np.asarray(signal)[0, skip:] for stem, signal in stems.items()}
        uppers = {stem: np.asarray(upper)[0, skip:] for stem, upper in uppers.items()}
        mixture = window[grid.offset + skip : grid.offset + count * grid.step]
        pending, skip = pending[count * grid.step :], 0
        return mixture, stems, uppers

    # What the end's reflection is made of.
    recent = np.zeros((0, channels), "float32")
    for block in blocks:
        pending = np.concatenate((pending, block))
        recent = np.concatenate((recent, block))[-(grid.step + grid.lookahead) :]
        while len(pending) >= patches * grid.step + grid.lookahead:
            yield run(patches)
    if not len(recent):
        return
    left = len(pending) - grid.offset - skip
    remaining = -(-(left + skip) // grid.step)
    rest = remaining * grid.step + grid.lookahead - len(pending)
    pending = np.concatenate((pending, np.asarray(grid.end(recent[None], rest))[0]))
    while remaining:
        count = min(patches, remaining)
        remaining -= count
        mixture, stems, uppers = run(count)
        yield (
            mixture[:left],
            {stem: signal[:left] for stem, signal in stems.items()},
            {stem: upper[:left] for stem, upper in uppers.items()},
        )
        left -= len(mixture)


def _check(separator: Separator, chunk_seconds: float | None, above_band: str) -> None:
    if above_band not in ABOVE_BAND:
        raise ValueError(f"above_band must be one of {ABOVE_BAND}. Received: {above_band=}")
    if chunk_seconds is not None and not chunk_seconds > 0:
        raise ValueError(f"chunk_seconds must be positive. Received: {chunk_seconds=}")
    if above_band == "extend" and separator.front_end is None:
        raise InputError(
            "above_band: 'extend' needs the masks of a mask network, which this model has not; "
            "use 'residual' or 'discard'"
        )


def separate_blocks(
    separator: Separator,
    blocks: Iterable[np.ndarray],
    sample_rate: int,
    channels: int,
    *,
    chunk_seconds: float | None = None,
    above_band: str = "residual",
) -> Iterator[dict[str, np.ndarray]]:
    """Separates a stream of audio blocks of any rate and channel count.

    The stream is converted to the separator's rate and its stems back; the residual is taken at
    the stream's own rate, so the stems add up to the mixture.

    Args:
        separator: the model.
        blocks: float32 `(samples, channels)` in [-1, 1], any number of samples each.
        sample_rate: of the blocks, in Hz.
        channels: of the blocks.
        chunk_seconds: how much audio the network sees at a time; the separator's own choice by
            default (its `chunk_samples`). It bounds memory and does not change the result.
        above_band: what becomes of the spectrum above the separator's band, half its sample rate:
            "residual" leaves it in the residual stem; "discard" removes it from all stems, which
            then add up to the mixture's band only; "extend" shares it out by each mask's mean over
            the upper half of the band (as in Spleeter's mask extension), with mask networks.

    Yields:
        Dicts stem -> float32 `(samples, channels)`; together as many samples as came in.

    Raises:
        ValueError: if `above_band` or `chunk_seconds` is none of the above.
    """
    _check(separator, chunk_seconds, above_band)
    from zoo.audio import resampled

    rate = separator.sample_rate
    chunk = separator.chunk_samples if chunk_seconds is None else chunk_seconds * rate
    patches = max(1, round(chunk / separator.step_samples))
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
        for mixture, stems, uppers in _stretches(separator, low, channels, patches):
            signals = [mixture if name is _MIXTURE else stems[name] for name in names]
            gains = [uppers[name][:, None] for name in extended]
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
            gains = block[:, len(names) * channels :]
            for i, name in enumerate(separated):
                signals[name] = signals[name] + gains[:, i : i + 1] * high
        if residual and residual not in signals:
            signals[residual] = here - sum(signals.values())
        yield signals


def separate_array(
    separator: Separator, waveform: np.ndarray, sample_rate: int, **options
) -> dict[str, np.ndarray]:
    """Separates a waveform in memory.

    Args:
        separator: the model.
        waveform: float32 `(samples, channels)` in [-1, 1].
        sample_rate: of the waveform, in Hz.
        options: `chunk_seconds` and `above_band`, as in `separate_blocks`.

    Returns:
        A dict stem -> float32 `(samples, channels)`, as long as the waveform.
    """
    pieces = list(separate_blocks(separator, [waveform], sample_rate, waveform.shape[1], **options))
    return {stem: np.concatenate([piece[stem] for piece in pieces]) for stem in separator.stems}


@lru_cache(maxsize=2)
def _separator_of(preset: str) -> Separator:
    return Separator.from_preset(preset)


def separate_file(
    path: str | os.PathLike,
    output_dir: str | os.PathLike,
    *,
    separator: Separator | None = None,
    preset: str = DEFAULT_PRESET,
    stems: Sequence[str] | None = None,
    format: str = "wav",
    chunk_seconds: float | None = None,
    above_band: str = "residual",
    show_progress: bool = False,
) -> dict[str, Path]:
    """Separates one audio file into `<output_dir>/<song>/<stem>.<format>`.

    Outputs have exactly the input's samples, rate and channels. They appear together when the song
    is done, or not at all.

    Args:
        path: any file that libsndfile or FFmpeg reads (WAV, FLAC, OGG, MP3, M4A, ...).
        output_dir: created if missing.
        separator: the model; the preset's by default, which is loaded once a process.
        preset: name or folder of a preset.
        stems: which stems to write; all by default.
        format: "wav" (with the input's sample format), "flac", "ogg" or "mp3".
        chunk_seconds: as in `separate_blocks`.
        above_band: as in `separate_blocks`.
        show_progress: whether to show a bar where standard error is a terminal.

    Returns:
        A dict stem -> path of the written file.

    Raises:
        InputError: one line that names the file or argument, if the input cannot be read to its
            end, a stem does not exist, or the output cannot be written.

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
    _check(separator, chunk_seconds, above_band)
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
            separator, blocks, rate, channels, chunk_seconds=chunk_seconds, above_band=above_band
        ):
            for stem, writer in writers.items():
                writer.write(signals[stem])
        # A full disk shows here, before the first file gets its name.
        for writer in writers.values():
            writer.finish()
    return files

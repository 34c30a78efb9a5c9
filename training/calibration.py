"""Real inputs of a model, cut from songs or recordings, for those who quantise it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np

from training.evaluation import true_stems
from training.tracks import Track
from zoo.errors import InputError
from zoo.separator import Separator

Arrays = Mapping[str, np.ndarray]


class Excerpts(NamedTuple):
    """Inputs of a model, and what it should ideally return for them.

    Attributes:
        inputs: each input name -> float32 array, with a batch of one.
        targets: of a separator each stem -> waveform of the input's shape; otherwise none.
    """

    inputs: list[Arrays]
    targets: list[Arrays]


def calibration_examples(
    model: keras.Model,
    tracks: Sequence[Track],
    *,
    count: int = 16,
    samples: int | None = None,
    channels: int | None = None,
) -> list[Arrays]:
    """Returns inputs of a model that songs lead to, as training leads them there.

    They are spread evenly over the songs, and over each song.

    Args:
        model: a separator, or a network of one.
        tracks: songs.
        count: how many.
        samples: length of a separator's waveforms, at its sample rate; one patch by default.
        channels: of these waveforms; by default as many as a waveform network has, else two.

    Raises:
        InputError: if there are no songs, or the model takes none.

    Example:
        >>> tracks = synthetic_songs(1, 2, duration=12.0)
        >>> examples = calibration_examples(Separator(JanssonUNet(filters=(4, 8))), tracks, count=4)
        >>> [example["waveform"].shape for example in examples[:2]]
        [(1, 73216, 2), (1, 73216, 2)]
    """
    if isinstance(model, Separator):
        excerpts = separator_excerpts(
            model, tracks, count=count, samples=samples, channels=channels, targets=False
        )
        return excerpts.inputs
    from training.pipeline import spectrogram_patches, waveform_segments

    _require(tracks)
    settings = {"batch_size": 1, "training": False}
    of_each = -(-count // len(tracks))
    if hasattr(model, "segment_samples"):
        dataset = waveform_segments(tracks, model, segments_per_song=of_each, **settings)
    elif hasattr(model, "mask") or hasattr(model, "masks"):
        stems = sorted(tracks[0].stems)[:1]
        dataset = spectrogram_patches(
            tracks, model.front_end, stems=stems, patches_per_song=of_each, **settings
        )
    else:
        raise InputError(f"a {type(model).__name__} takes no songs")
    return [{"mixture": np.asarray(mixture)} for mixture, _ in dataset.take(count)]


def separator_excerpts(
    separator: Separator,
    tracks: Sequence[Track],
    *,
    count: int = 16,
    samples: int | None = None,
    channels: int | None = None,
    targets: bool = True,
) -> Excerpts:
    """Returns excerpts of songs, at a separator's sample rate, and their true stems.

    Args:
        separator: for what.
        tracks: as `count`, `samples` and `channels`, see `calibration_examples`.
        targets: whether to load the stems. A stem that a song lacks is the sum of those that the
            separator does not name.

    Raises:
        InputError: if there are no songs, or they lack stems.
    """
    _require(tracks)
    samples = samples or separator.patches_samples(1)
    channels = channels or separator.channels or 2
    excerpts = Excerpts([], [])
    for place, track in enumerate(tracks):
        number = len(range(place, count, len(tracks)))
        if not number:
            break
        sources = {"waveform": track.load_mixture()}
        if targets:
            stems = separator.stems
            sources |= dict(zip(stems, true_stems(track, stems), strict=True))
        sources = {
            name: _converted(source, track.sample_rate, separator.sample_rate, channels)
            for name, source in sources.items()
        }
        for index in range(number):
            parts = {
                name: _cut(source, samples, (index + 0.5) / number)
                for name, source in sources.items()
            }
            excerpts.inputs.append({"waveform": parts.pop("waveform")})
            if targets:
                excerpts.targets.append(parts)
    return excerpts


def sound_examples(
    part: keras.Model, generator, recordings: str | os.PathLike, *, count: int = 16
) -> list[Arrays]:
    """Returns inputs of a part of a sound model that recordings lead to.

    Args:
        part: encoder, decoder or generator, see `zoo.sound_parts`.
        generator: the `zoo.SoundGenerator`, or the autoencoder with a front end, that it is of.
        recordings: their folder.
        count: how many, spread evenly over the recordings.

    Returns:
        Each {"spectrogram": `(1, bins, frames, 1)`} or {"latent": `(1, latent)`}.

    Raises:
        InputError: if the folder cannot be used, or the model works on images.
    """
    from training.preprocessing import Loader
    from training.recordings import recordings_of
    from zoo.sound_parts import sound_parts

    front_end = getattr(generator, "front_end", None)
    if front_end is None:
        raise InputError(f"{recordings}: the model has no front end: it does not hear recordings")

    def refuse(path, error):
        raise error

    root = Path(recordings)
    paths = recordings_of(root, on_error=refuse)
    chosen = [
        paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, count).round().astype(int))
    ]
    loader = Loader(front_end.sample_rate, front_end.clip_samples / front_end.sample_rate)
    examples = []
    for path in chosen:
        clip = loader.load(root / path)
        clip = np.pad(clip, (0, loader.samples - len(clip)))[None]
        magnitude = front_end.magnitude(*front_end.stft(clip))[:, : front_end.frames]
        features, _ = front_end.normalize(magnitude)
        examples.append({"spectrogram": keras.ops.convert_to_numpy(features)})
    (name,) = part.input if isinstance(part.input, Mapping) else [part.input.name]
    if name == "spectrogram":
        return examples
    encoder = sound_parts(generator)["encoder"]
    encoded = [encoder(example["spectrogram"], training=False) for example in examples]
    center = "mu" if "mu" in encoded[0] else "latent"
    return [{name: keras.ops.convert_to_numpy(outputs[center])} for outputs in encoded]


def _require(tracks: Sequence[Track]) -> None:
    if not tracks:
        raise InputError("there are no songs to calibrate on")


def _converted(source: np.ndarray, from_rate: int, to_rate: int, channels: int) -> np.ndarray:
    from zoo.audio.resample import Resampler

    if source.shape[1] != channels:
        source = np.repeat(source.mean(axis=1, keepdims=True), channels, axis=1)
    source = np.ascontiguousarray(source, "float32")
    if from_rate == to_rate:
        return source
    resampler = Resampler(from_rate, to_rate, channels=channels)
    return np.concatenate((resampler.push(source), resampler.finish()))


def _cut(source: np.ndarray, samples: int, place: float) -> np.ndarray:
    """`(1, samples, channels)` whose middle lies at `place`, 0 to 1, of the song."""
    source = np.pad(source, ((0, max(0, samples - len(source))), (0, 0)))
    start = round((len(source) - samples) * place)
    return np.ascontiguousarray(source[None, start : start + samples])

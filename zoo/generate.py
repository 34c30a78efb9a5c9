"""What the command line's `generate` does: a generator's sounds as files, and a picture of them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from zoo.audio import AudioWriter, read_audio
from zoo.batch import expand
from zoo.errors import InputError
from zoo.files import created_folder
from zoo.presets import load_model
from zoo.sound_generator import SoundGenerator
from zoo.sound_pictures import sounds_picture

PICTURE = "generated.png"
COUNT = 10


@dataclass
class GenerationReport:
    """What was written.

    Attributes:
        sounds: the audio files, in order.
        picture: their spectrograms; `None` if there is no sound.
        errors: input file -> what is wrong with it.
    """

    sounds: list[Path] = field(default_factory=list)
    picture: Path | None = None
    errors: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict:
        """Returns the report in JSON's types."""
        facts = asdict(self)
        facts["sounds"] = [str(path) for path in self.sounds]
        facts["picture"] = self.picture and str(self.picture)
        return facts


@dataclass(frozen=True)
class _Sound:
    name: str
    waveform: np.ndarray
    written: bool = True


def load_generator(model: str) -> SoundGenerator:
    """Returns the generator of a preset or a `.keras` file, or one around its autoencoder.

    Raises:
        InputError: if there is no such model, or it makes no sounds.
    """
    loaded = load_model(model)
    try:
        return SoundGenerator.from_model(loaded)
    except InputError as error:
        raise InputError(f"{model}: {error}") from error


def generate_sounds(
    model: str,
    output: Path,
    *,
    count: int | None = None,
    label: str | None = None,
    seed: int | None = None,
    temperature: float | None = None,
    reconstruct: Sequence[str] = (),
    between: tuple[Path, Path] | None = None,
    walk: bool = False,
    format: str = "wav",
    on_error: Callable[[InputError], None] = lambda error: None,
) -> GenerationReport:
    """Writes sounds of a generator and their spectrograms, `generated.png`.

    Args:
        model: preset name, preset folder or `.keras` file.
        output: folder; created if missing.
        count: of the sounds, 10 by default.
        label: of all samples; by default they go through the generator's labels.
        seed: of samples and walks; another one each time by default.
        temperature: of samples, as in `SoundGenerator.sample`.
        reconstruct: audio files or shell patterns: in place of samples, what the network makes of
            the first `clip_samples` of each.
        between: two audio files: in place of samples, sounds on the way from one to the other.
        walk: in place of samples, a closed walk through the latent space.
        format: "wav", "flac" or "ogg".
        on_error: called with each bad file's error; the others are still done.

    Returns:
        What was written. Sounds beyond full scale are scaled down to it.

    Raises:
        InputError: if arguments contradict each other, or model, label or output cannot be used.
    """
    if bool(reconstruct) + bool(between) + walk > 1:
        raise InputError("--reconstruct, --between and --walk: choose one of them")
    sampled = not (reconstruct or between or walk)
    unused = {
        "--label": label is not None and not sampled,
        "--temperature": temperature is not None and not sampled,
        "--count": count is not None and bool(reconstruct),
        "--seed": seed is not None and bool(reconstruct or between),
    }
    for name, given in unused.items():
        if given:
            raise InputError(f"{name} says nothing here; leave it out")
    files = expand(reconstruct)
    generator = load_generator(model)
    report = GenerationReport()
    count = COUNT if count is None else count
    if reconstruct:
        sounds = _reconstructions(generator, files, report, on_error)
    elif between:
        ends = [_read(generator, file) for file in between]
        sounds = _numbered("between", generator.interpolate(*ends, count))
    elif walk:
        sounds = _numbered("walk", generator.walk(count, seed=seed))
    else:
        sounds = _samples(
            generator, count, label, seed, 1.0 if temperature is None else temperature
        )
    if sounds:
        with created_folder(output):
            _write(sounds, output, format, generator, report)
    return report


def _samples(generator, count, label, seed, temperature) -> list[_Sound]:
    drawn = generator.sample(count, label=label, seed=seed, temperature=temperature)
    # A label may hold what a file's name may not.
    names = [re.sub(r"[^\w.-]+", "_", label or "sample") for label in drawn.labels]
    places = [names[:index].count(name) for index, name in enumerate(names)]
    return [
        _Sound(f"{name}_{place:02d}", waveform)
        for name, place, waveform in zip(names, places, drawn.waveforms, strict=True)
    ]


def _numbered(name: str, waveforms: np.ndarray) -> list[_Sound]:
    return [_Sound(f"{name}_{index:02d}", waveform) for index, waveform in enumerate(waveforms)]


def _read(generator: SoundGenerator, file: Path) -> np.ndarray:
    """The part of a file that the network hears, `(samples,)`."""
    front_end = generator.front_end
    # A little more, so that the resampler's end lies beyond.
    seconds = front_end.clip_samples / front_end.sample_rate + 0.1
    waveform, _ = read_audio(file, sample_rate=front_end.sample_rate, mono=True, duration=seconds)
    return waveform[: front_end.clip_samples, 0]


def _reconstructions(generator, files, report, on_error) -> list[_Sound]:
    clips: dict[str, np.ndarray] = {}
    for file in files:
        try:
            if file.stem in clips:
                raise InputError(f"{file}: another file of this name was given; rename one")
            clips[file.stem] = _read(generator, file)
        except InputError as error:
            report.errors[str(file)] = str(error)
            on_error(error)
    if not clips:
        return []
    sounds = []
    again = generator.reconstruct(list(clips.values()))
    for (name, clip), waveform in zip(clips.items(), again, strict=True):
        original = np.zeros_like(waveform)
        original[: len(clip)] = clip[: len(original)]
        sounds.append(_Sound(name, original, written=False))
        sounds.append(_Sound(f"{name}_reconstructed", waveform))
    return sounds


def _write(sounds, output, format, generator, report) -> None:
    for sound in sounds:
        if sound.written:
            path = output / f"{sound.name}.{format}"
            waveform = sound.waveform / max(1.0, np.abs(sound.waveform).max())
            with AudioWriter(path, generator.sample_rate, 1) as writer:
                writer.write(waveform[:, None])
            report.sounds.append(path)
    report.picture = sounds_picture(
        output / PICTURE,
        [(sound.name, sound.waveform) for sound in sounds],
        generator.front_end,
        columns=6 if any(not sound.written for sound in sounds) else 5,
    )

"""Corpora of short songs, laid out as the published ones are, in real files."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
import yaml

RATE = 8000
MUSDB_STEMS = ("drums", "bass", "other", "vocals")


def noise(seed, samples=2000, channels=2, level=0.1) -> np.ndarray:
    """float32 `(samples, channels)`."""
    return np.random.default_rng(seed).normal(0, level, (samples, channels)).astype("float32")


def write(path: Path, samples: np.ndarray, rate: int = RATE, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, **options)
    return path


def write_song(folder: Path, seed: int, *, samples=2000, stems=("vocals", "drums"), suffix="wav"):
    """One song of a stem folder, its mixture the sum of its stems; returns the stems."""
    parts = {name: noise((seed, place), samples) for place, name in enumerate(stems)}
    for name, part in parts.items():
        write(folder / f"{name}.{suffix}", part)
    write(folder / f"mixture.{suffix}", sum(parts.values()))
    return parts


def write_stem_file(path: Path, parts: list[np.ndarray], rate: int = 44100) -> None:
    """An MP4 of one AAC stream for each stereo part, as MUSDB18's are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(path, "w", format="mp4") as container:
        streams = [container.add_stream("aac", rate=rate, layout="stereo") for _ in parts]
        for stream, part in zip(streams, parts, strict=True):
            stream.bit_rate = 256_000
            frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(part.T), "fltp", "stereo")
            frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), 0
            for packet in [*stream.encode(frame), *stream.encode(None)]:
                container.mux(packet)


def chords(seed: int, samples: int, rate: int = 44100) -> np.ndarray:
    """Tones, which a lossy format keeps, float32 `(samples, 2)`."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples)[:, None] / rate
    total = np.zeros((samples, 2))
    for frequency in rng.uniform(100, 2000, 5):
        total += np.sin(2 * np.pi * (frequency * time + rng.uniform(size=(1, 2))))
    return (0.03 * total * np.exp(-time * 3)).astype("float32")


def write_musdb18(path: Path, songs: dict[str, list[str]], samples: int = 8000) -> dict:
    """`songs`: part -> names; returns name -> stems in the streams' order."""
    truth = {}
    for part, names in songs.items():
        for name in names:
            stems = [chords(len(truth) * 4 + place, samples) for place in range(4)]
            write_stem_file(path / part / f"{name}.stem.mp4", [sum(stems), *stems])
            truth[name] = stems
    return truth


def write_musdb18_hq(path: Path, songs: dict[str, list[str]]) -> dict:
    """As `write_musdb18`; returns name -> stem -> samples."""
    return {
        name: write_song(path / part / name, number, stems=MUSDB_STEMS)
        for part, names in songs.items()
        for number, name in enumerate(names)
    }


def write_ikala(path: Path, names: list[str]) -> dict[str, np.ndarray]:
    """Returns name -> samples, the voice right."""
    clips = {name: noise(number) for number, name in enumerate(names)}
    for name, clip in clips.items():
        write(path / "Wavfile" / f"{name}.wav", clip)
    return clips


def write_medleydb(path: Path, name: str, instruments: list) -> list[np.ndarray]:
    """A song whose stems are of these instruments; returns the stems."""
    parts = [noise((7, place)) for place in range(len(instruments))]
    stems = {}
    for place, (instrument, part) in enumerate(zip(instruments, parts, strict=True), 1):
        file = f"{name}_STEM_{place:02d}.wav"
        write(path / name / f"{name}_STEMS" / file, part)
        stems[f"S{place:02d}"] = {
            "component": "",
            "filename": file,
            "instrument": instrument,
            "raw": {"R01": {"filename": "raw.wav", "instrument": instrument}},
        }
    write(path / name / f"{name}_MIX.wav", sum(parts))
    facts = {"mix_filename": f"{name}_MIX.wav", "stem_dir": f"{name}_STEMS", "stems": stems}
    (path / name / f"{name}_METADATA.yaml").write_text(yaml.safe_dump(facts))
    return parts

"""Pitch and tempo: versions of songs that are rendered once, not drawn in the graph."""

import hashlib
from dataclasses import dataclass, replace
from functools import reduce
from math import log2

import numpy as np

from training.tracks import Source, Track
from training.transforms.ranges import checked_range

# What a mixture holds beyond its stems is left out where it is this far below the mixture.
_NEGLIGIBLE_DB = -40.0
_FRAME_LENGTH = 2048


@dataclass(frozen=True)
class OfflineRecipe:
    """The `[offline]` table: versions of each song in another key and tempo.

    Args:
        copies: versions of each song, besides the song itself.
        semitones: range of the change of pitch, drawn evenly.
        tempo: range of the tempo's factor, drawn evenly over its logarithm; 2.0 is twice as fast.
        probability: share of the copies that are made.

    Example:
        >>> OfflineRecipe(copies=2, semitones=(-2.0, 2.0)).tempo
        (0.9, 1.1)
    """

    copies: int = 1
    semitones: tuple[float, float] = (-2.0, 2.0)
    tempo: tuple[float, float] = (0.9, 1.1)
    probability: float = 1.0

    def __post_init__(self):
        if self.copies < 1:
            raise ValueError(f"copies must be at least 1. Received: copies={self.copies}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability is a share. Received: probability={self.probability}")
        for name, lowest, highest in (("semitones", -24, 24), ("tempo", 0.25, 4)):
            low, high = checked_range(name, getattr(self, name))
            if low < lowest or high > highest:
                raise ValueError(
                    f"{name} goes from {lowest} to {highest}. Received: {name}=[{low}, {high}]"
                )
            object.__setattr__(self, name, (low, high))


def changed(
    waveform: np.ndarray, sample_rate: int, *, semitones: float = 0.0, tempo: float = 1.0
) -> np.ndarray:
    """Returns a waveform in another key and tempo.

    A phase vocoder (librosa, frames of 2048 samples) changes the length, soxr's high-quality
    resampling then the pitch, and with it the length again; where the two factors agree, there is
    no vocoder at all, as if a tape ran faster. The vocoder keeps sustained sounds clean, and smears
    attacks over some 50 ms; each channel goes its own way, so that phantom sources widen. Up to
    some three semitones and a fifth of tempo, music stays music.

    Args:
        waveform: `(samples, channels)`.
        sample_rate: in Hz.
        semitones: change of pitch.
        tempo: 2.0 is twice as fast.

    Returns:
        float32 `(round(samples / tempo), channels)`.

    Example:
        >>> tone = np.sin(np.arange(22050) * 0.1).astype("float32")[:, None]
        >>> changed(tone, 22050, semitones=12, tempo=2.0).shape
        (11025, 1)
    """
    import librosa
    import soxr

    pitch = 2 ** (semitones / 12)
    samples = max(1, round(len(waveform) / tempo))
    channels = np.ascontiguousarray(waveform.T, dtype="float32")
    # Nothing to hear: less than a cent.
    if abs(log2(tempo / pitch)) > 1 / 1200:
        channels = librosa.effects.time_stretch(
            channels, rate=tempo / pitch, n_fft=min(_FRAME_LENGTH, len(waveform))
        )
    if pitch != 1:
        channels = soxr.resample(channels.T, sample_rate * pitch, sample_rate, quality="HQ").T
    channels = librosa.util.fix_length(channels, size=samples, axis=-1)
    return np.ascontiguousarray(channels.T, dtype="float32")


def _identity(track: Track, semitones: float, tempo: float) -> str:
    from training.bank import bank_key

    return f"{bank_key([track], [semitones, tempo])} {semitones} {tempo}"


@dataclass(frozen=True)
class ChangedSource:
    """A source in another key and tempo, rendered when it is called."""

    source: Source
    sample_rate: int
    semitones: float
    tempo: float

    def __call__(self) -> np.ndarray:
        waveform = self.source() if callable(self.source) else self.source
        return changed(waveform, self.sample_rate, semitones=self.semitones, tempo=self.tempo)

    def identity(self) -> str:
        """Changes with what a call returns, as caches of decoded songs have to know."""
        return _identity(Track("", self.sample_rate, self.source, {}), self.semitones, self.tempo)


@dataclass(frozen=True)
class ChangedMixture:
    """A mixture in another key and tempo: its stems, changed one by one, and what else is in it.

    The sum of changed stems is not the changed sum, and the mixture must be that of its stems.
    """

    track: Track
    semitones: float
    tempo: float

    def __call__(self) -> np.ndarray:
        mixture = self.track.load_mixture()
        change = {"semitones": self.semitones, "tempo": self.tempo}
        stems = [self.track.load_stem(stem) for stem in self.track.stems]
        rate = self.track.sample_rate
        rendered = reduce(np.add, (changed(stem, rate, **change) for stem in stems))
        # A lossy mixture may be longer than its stems by a coder's padding.
        samples = min(len(mixture), len(stems[0]))
        residual = mixture[:samples] - reduce(np.add, stems)[:samples]
        threshold = 10 ** (_NEGLIGIBLE_DB / 10) * np.mean(np.square(mixture))
        if np.mean(np.square(residual)) <= threshold:
            return rendered
        missing = len(stems[0]) - samples
        residual = np.pad(residual, ((0, missing), (0, 0)))
        return rendered + changed(residual, rate, **change)

    def identity(self) -> str:
        """As `ChangedSource.identity`."""
        return _identity(self.track, self.semitones, self.tempo)


def offline_versions(track: Track, table: OfflineRecipe, seed: int) -> list[Track]:
    """Returns a song's versions in other keys and tempos; the song itself is not among them.

    They depend on the table, the seed and the song's name, and cost nothing until they are loaded:
    then about a second for each minute of stereo, for every stem, and all stems for the mixture.

    Args:
        track: the song; its versions' sources hold its sources, and are as picklable as they.
        table: how many versions, and their ranges.
        seed: fixes the draws.

    Returns:
        Tracks named after the song and the change; two that are equal are one. All stems of one are
        changed by the same amounts and have the same length. Where a mixture is given, it is the
        sum of the changed stems, and of what it holds beyond its own stems, changed too, unless
        that is 40 dB below.

    Example:
        >>> song = Track("hum", 8192, None, {"vocals": np.zeros((8192, 1), "float32")})
        >>> (version,) = offline_versions(song, OfflineRecipe(tempo=(2.0, 2.0)), seed=0)
        >>> version.load_stem("vocals").shape
        (4096, 1)
    """
    digest = hashlib.sha256(track.name.encode()).digest()
    rng = np.random.default_rng([seed, int.from_bytes(digest[:8], "little")])
    versions = {}
    for _ in range(table.copies):
        made, pitch, speed = rng.uniform(size=3)
        if made >= table.probability:
            continue
        low, high = table.semitones
        semitones = round(low + pitch * (high - low), 3)
        slow, fast = table.tempo
        tempo = round(slow * (fast / slow) ** speed, 4)
        stems = {
            stem: ChangedSource(source, track.sample_rate, semitones, tempo)
            for stem, source in track.stems.items()
        }
        name = f"{track.name} (pitch {semitones:+g}, tempo {tempo:g})"
        versions[name] = replace(
            track,
            name=name,
            mixture=None if track.mixture is None else ChangedMixture(track, semitones, tempo),
            stems=stems,
        )
    return list(versions.values())

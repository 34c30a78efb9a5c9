"""What one does with a sound generator: arrays in and out, a bounded number of clips at a time."""

from typing import NamedTuple

import numpy as np
from keras import ops

from zoo.errors import InputError
from zoo.griffin_lim import with_phase
from zoo.latents import closed_walk

# Clips that are computed at a time: what bounds the memory.
_CHUNK = 32
PHASES = ("griffin_lim", "original")


class Samples(NamedTuple):
    """Sounds that were drawn.

    Attributes:
        waveforms: `(count, samples)`.
        labels: of each sound, the one it was drawn for, or `None`.
        latents: `(count, latent)`.
    """

    waveforms: np.ndarray
    labels: tuple[str | None, ...]
    latents: np.ndarray


class SoundMethods:
    """The methods of `zoo.SoundGenerator` that take and return NumPy arrays."""

    def sample(
        self,
        count: int,
        *,
        label: str | None = None,
        seed: int | None = None,
        temperature: float = 1.0,
    ) -> Samples:
        """Draws sounds.

        Args:
            count: how many.
            label: of all of them; by default they go through the labels in order, again and again.
            seed: of the draw; `None` for another one each time.
            temperature: by what the deviations from the mean are multiplied; 0 gives the mean.

        Returns:
            Waveforms, the labels that they were drawn for, and their latents.

        Raises:
            InputError: if there is no such label, or count or temperature are out of range.
        """
        if count < 1:
            raise InputError(f"a sample has at least 1 sound. Received: count={count}")
        if temperature < 0:
            raise InputError(f"temperature must not be negative. Received: {temperature=}")
        if label is not None and label not in self.labels:
            known = ", ".join(self.labels) or "none"
            raise InputError(f"{label}: no such label; the generator's are: {known}")
        means, factors = self.latent_distributions()
        first, last = 0, len(means)
        if label is not None:
            first = self.labels.index(label)
            last = first + 1
        places = [first + index % (last - first) for index in range(count)]
        noise = np.random.default_rng(seed).normal(size=(count, self.latent_size))
        latents = np.array(
            [
                means[place] + temperature * (factors[place] @ noise[index])
                for index, place in enumerate(places)
            ],
            "float32",
        )
        names = self.labels or (None,)
        labels = tuple(names[place] for place in places)
        return Samples(self.synthesize(latents), labels, latents)

    def encode(self, waveforms) -> tuple[np.ndarray, np.ndarray]:
        """Returns latents, a VAE's means, and decibel ranges of recordings.

        Args:
            waveforms: `(clips, samples)` at `sample_rate`, or a sequence of arrays `(samples,)`;
                each is cut, or padded with silence, to the front end's `clip_samples`.

        Returns:
            `(clips, latent)`, and each clip's minimum and maximum in dB, `(clips, 2)`.
        """
        clips = self._clips(waveforms)
        latents, ranges = [], []
        for start in range(0, len(clips), _CHUNK):
            x, decibel_range = self.front_end.features(clips[start : start + _CHUNK])
            latents.append(ops.convert_to_numpy(self.network.encoder(x, training=False)))
            ranges.append(ops.convert_to_numpy(decibel_range))
        return np.concatenate(latents), np.concatenate(ranges)

    def synthesize(self, latents, *, decibel_ranges=None, phase=None) -> np.ndarray:
        """Returns the waveforms of latents, `(count, samples)`.

        Args:
            latents: `(count, latent)`.
            decibel_ranges: minimum and maximum in dB of each, `(count, 2)`; the generator's own by
                default.
            phase: of each, in radians, `(count, frames, frame_length // 2 + 1)`, in place of
                Griffin-Lim's.
        """
        latents = np.asarray(latents, "float32")
        if decibel_ranges is None:
            decibel_ranges = np.tile(np.float32([self.decibel_range]), (len(latents), 1))
        waveforms = []
        for start in range(0, len(latents), _CHUNK):
            part = slice(start, start + _CHUNK)
            magnitude = self.magnitude(latents[part], np.float32(decibel_ranges[part]))
            if phase is None:
                waveform = self.waveform(magnitude)
            else:
                angle = np.asarray(phase[part], "float32")
                phasors = np.cos(angle), np.sin(angle)
                waveform = with_phase(magnitude, phasors, self.front_end)
            waveforms.append(ops.convert_to_numpy(waveform))
        return np.concatenate(waveforms)

    def reconstruct(self, waveforms, *, phase: str = "griffin_lim") -> np.ndarray:
        """Returns recordings as the network knows them, `(clips, samples)`.

        Each is encoded, a VAE's mean is decoded, and the recording's own minimum and maximum in dB
        are put back.

        Args:
            waveforms: as in `encode`.
            phase: "griffin_lim", or "original" for the recording's own phases, which tells what
                the network loses from what Griffin-Lim does.

        Raises:
            ValueError: if `phase` is neither.
        """
        if phase not in PHASES:
            raise ValueError(f"phase must be one of {PHASES}. Received: phase={phase!r}")
        clips = self._clips(waveforms)
        latents, ranges = self.encode(clips)
        if phase == "griffin_lim":
            return self.synthesize(latents, decibel_ranges=ranges)
        parts = []
        for start in range(0, len(clips), _CHUNK):
            part = slice(start, start + _CHUNK)
            spectrum = self.front_end.stft(clips[part])
            real, imaginary = (
                ops.convert_to_numpy(x)[:, : self.front_end.frames] for x in spectrum
            )
            angle = np.arctan2(imaginary, real)
            parts.append(self.synthesize(latents[part], decibel_ranges=ranges[part], phase=angle))
        return np.concatenate(parts)

    def interpolate(self, first, second, count: int) -> np.ndarray:
        """Returns sounds on the straight line from one recording's latent to another's.

        Their minima and maxima in dB go along.

        Args:
            first: a waveform `(samples,)`, as in `encode`.
            second: another.
            count: of the sounds, at least 2; the first and the last are the recordings'
                reconstructions.

        Returns:
            `(count, samples)`.

        Raises:
            InputError: if count is less than 2.
        """
        if count < 2:
            raise InputError(f"from one sound to another takes at least 2. Received: count={count}")
        share = np.linspace(0, 1, count, dtype="float32")[:, None]
        latents, ranges = (
            (1 - share) * ends[0] + share * ends[1] for ends in self.encode([first, second])
        )
        return self.synthesize(latents, decibel_ranges=ranges)

    def walk(self, count: int, *, seed: int | None = None) -> np.ndarray:
        """Returns sounds along a smooth closed path through the latent space, `(count, samples)`.

        Each is as likely as one from `sample`; with labels the path leads through all of them. See
        `zoo.latents.closed_walk`.

        Args:
            count: of the sounds.
            seed: of the path; `None` for another one each time.

        Raises:
            InputError: if count is less than 1.
        """
        if count < 1:
            raise InputError(f"a walk has at least 1 sound. Received: count={count}")
        random = np.random.default_rng(seed)
        return self.synthesize(closed_walk(count, *self.latent_distributions(), random))

    def _clips(self, waveforms) -> np.ndarray:
        """Waveforms of any length as an array `(clips, clip_samples)`."""
        size = self.front_end.clip_samples
        clips = np.zeros((len(waveforms), size), "float32")
        for clip, waveform in zip(clips, waveforms, strict=True):
            clip[: len(waveform)] = np.asarray(waveform)[:size]
        return clips

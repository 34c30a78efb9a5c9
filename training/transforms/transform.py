"""What every transform of stems shares: whom it changes, how often, and by which random numbers."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import ClassVar

import tensorflow as tf

from training.transforms.ranges import checked_range
from zoo.errors import InputError

# Numbers of examples stay below this, so that each place's and each stem's draws are apart from
# one another and from those that made the example.
_PLACE, _STEM = 2**40, 2**50


@dataclass(frozen=True, kw_only=True)
class Transform:
    """Changes the stems of one example at random, in the tf.data graph.

    Args:
        probability: share of the draws in which something is changed.
        stems: names of those that may be changed; `None` for all.
    """

    name: ClassVar[str]
    # What it is good for needs more than one channel.
    stereo: ClassVar[bool] = False

    probability: float = 1.0
    stems: tuple[str, ...] | None = None

    def __post_init__(self):
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability is a share. Received: probability={self.probability}")
        if self.stems is not None:
            # TOML has no tuples: a list would make the dataclass unhashable.
            object.__setattr__(self, "stems", tuple(self.stems))
            if not self.stems:
                raise ValueError("no stem is named, so none would change. Received: stems=[]")
        for known in fields(self):
            if known.type == tuple[float, float]:
                value = checked_range(known.name, getattr(self, known.name))
                object.__setattr__(self, known.name, value)

    def check(self, stems: Sequence[str], *, channels: int) -> None:
        """Refuses songs for which it has nothing to do.

        Args:
            stems: what the songs have.
            channels: of the examples.

        Raises:
            InputError: if a stem is named that the songs lack, or the examples are mono and it
                changes nothing in them.
        """
        for stem in self.stems or ():
            if stem not in stems:
                raise InputError(
                    f"augment: {self.name}: the songs have no stem {stem!r}, they have "
                    f"{', '.join(stems)}"
                )
        if self.stereo and channels == 1:
            raise InputError(
                f"augment: {self.name} changes nothing in one channel, which this network is fed; "
                "leave it out"
            )

    def margin(self, sample_rate: int) -> int:
        """Samples at both ends of what it is given that do not come out right."""
        return 0

    def places(self, stems: Sequence[str]) -> list[int]:
        """Which of the songs' stems may be changed."""
        chosen = stems if self.stems is None else self.stems
        return [place for place, stem in enumerate(stems) if stem in chosen]

    def __call__(self, waveforms, *, stems: Sequence[str], sample_rate: int, seed) -> list:
        """Returns the stems, changed.

        Args:
            waveforms: one float32 tensor `(samples, channels)` for each stem.
            stems: their names.
            sample_rate: in Hz.
            seed: int64 `(2,)`, of the example and of the transform's place; see `seed_of`.
        """
        raise NotImplementedError

    def describe(self, stems: Sequence[str], seed) -> dict[str, str]:
        """What it does to an example in words, stem -> words, outside a graph.

        Args:
            stems: names of the example's.
            seed: as for a call.
        """
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class StemTransform(Transform):
    """Changes each stem by itself: whether and how is drawn for every stem.

    Args:
        probability, stems: as for `Transform`.
        together: whether all stems of an example are changed, or none, and by the same draw.
    """

    together: bool = False

    def draw(self, parts: int, seed) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns whether each part is changed, bool `(parts,)`, and a number in [0, 1) for it."""
        count = 1 if self.together else parts
        applies, where = tf.unstack(tf.random.stateless_uniform([2, count], seed))
        applies = applies < self.probability
        return tf.broadcast_to(applies, [parts]), tf.broadcast_to(where, [parts])

    def __call__(self, waveforms, *, stems: Sequence[str], sample_rate: int, seed) -> list:
        changed = list(waveforms)
        places = self.places(stems)
        applies, where = self.draw(len(places), seed)
        for part, place in enumerate(places):
            changed[place] = self.change(
                waveforms[place],
                applies[part],
                where[part],
                sample_rate=sample_rate,
                seed=tf.stack([~seed[0], seed[1] + part * _STEM]),
            )
        return changed

    def describe(self, stems: Sequence[str], seed) -> dict[str, str]:
        places = self.places(stems)
        applies, where = self.draw(len(places), seed)
        return {
            stems[place]: self.words(float(where[part]))
            for part, place in enumerate(places)
            if applies[part]
        }

    def change(self, waveform, applies, where, *, sample_rate: int, seed):
        """Returns one stem, changed if `applies`.

        Args:
            waveform: `(samples, channels)`.
            applies: scalar bool tensor.
            where: scalar float32 tensor in [0, 1), the place in the transform's range.
            sample_rate: in Hz.
            seed: int64 `(2,)`, for what needs more random numbers.
        """
        raise NotImplementedError

    def words(self, where: float) -> str:
        """What is done to a stem by a draw, in a few words."""
        return self.name.replace("_", " ")


def between(low: float, high: float, where):
    """The number at a place in [0, 1) of a range."""
    return low + where * (high - low)


def seed_of(key, number, place: int) -> tf.Tensor:
    """The seed of one example's draws for the transform at one place, int64 `(2,)`.

    Args:
        key: int64 scalar, the epoch's seed.
        number: int64 scalar, the example's number in its epoch.
        place: of the transform in its list.
    """
    return tf.stack([key, number + (place + 1) * _PLACE])


def transformed(
    transforms: Sequence[Transform], waveforms, *, stems, sample_rate: int, key, number
) -> list:
    """Puts an example's stems through transforms, one after the other.

    Args:
        transforms: in their order.
        waveforms: one `(samples, channels)` for each stem.
        stems: their names.
        sample_rate: in Hz.
        key, number: as for `seed_of`.
    """
    for place, transform in enumerate(transforms):
        waveforms = transform(
            waveforms, stems=stems, sample_rate=sample_rate, seed=seed_of(key, number, place)
        )
    return list(waveforms)


def total_margin(transforms: Sequence[Transform], sample_rate: int) -> int:
    """Samples that an example needs more at both ends."""
    return sum(transform.margin(sample_rate) for transform in transforms)

"""What decides on the contents of shards."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from training.shards.chunks import ChunkGrid
from zoo.front_end import FrontEnd

CONTENTS = ("audio", "spectrograms")
DTYPES = ("int16", "float16")
COMPRESSIONS = ("none", "gzip", "zlib")


@dataclass(frozen=True)
class ShardSettings:
    """How songs become records.

    Args:
        sample_rate: what songs are resampled to, in Hz.
        channels: what they are mixed to.
        length: samples of an example.
        lead: samples that an example needs before its place.
        after: samples that it needs from its place on; 0 for `length`.
        content: `"audio"`, for any network and remix, or `"spectrograms"`: magnitudes of the
            mixture and the targets as they are.
        dtype: `"int16"`, each row with its own scale, or `"float16"`.
        front_end: of spectrograms, which have its channels.
        targets: of spectrograms.
        chunk_seconds: places that a record offers, in seconds; it holds an example more.
        compression: `"none"`, `"gzip"` or `"zlib"`.
        shard_megabytes: about as large a file becomes, where a single song is not larger.
        validation_share: share of the songs that is held back where songs don't say it themselves.
        seed: fixes which songs share a shard, and the order of records in it.

    Raises:
        ValueError: if settings do not fit together.

    Example:
        >>> settings = ShardSettings.of_front_end(FrontEnd(), chunk_seconds=20.0)
        >>> settings.sample_rate, settings.length
        (8192, 98560)
    """

    # Transforms with filters hear that much around an example.
    MARGIN_SECONDS: ClassVar[float] = 0.05

    sample_rate: int = 8192
    channels: int = 1
    length: int = 98560
    lead: int = 0
    after: int = 0
    content: str = "audio"
    dtype: str = "int16"
    front_end: FrontEnd | None = None
    targets: tuple[str, ...] = ()
    chunk_seconds: float = 30.0
    compression: str = "none"
    shard_megabytes: float = 64.0
    validation_share: float = 0.1
    seed: int = 0

    def __post_init__(self):
        for name, known in (
            ("content", CONTENTS),
            ("dtype", DTYPES),
            ("compression", COMPRESSIONS),
        ):
            value = getattr(self, name)
            if value not in known:
                listed = ", ".join(map(repr, known))
                raise ValueError(f"{name} must be one of {listed}. Received: {name}={value!r}")
        for name in ("sample_rate", "channels", "length", "chunk_seconds", "shard_megabytes"):
            value = getattr(self, name)
            if value <= 0:
                raise ValueError(f"{name} must be positive. Received: {name}={value!r}")
        if not 0 <= self.validation_share < 1:
            raise ValueError(
                "validation_share must be a share below 1. "
                f"Received: validation_share={self.validation_share!r}"
            )
        if self.spectrograms and (self.front_end is None or not self.targets):
            raise ValueError(
                "spectrograms need a front end and targets. "
                f"Received: front_end={self.front_end!r}, targets={self.targets!r}"
            )
        if self.spectrograms and self.channels != self.front_end.channels:
            raise ValueError(
                f"spectrograms have the front end's {self.front_end.channels} channels. "
                f"Received: channels={self.channels!r}"
            )
        object.__setattr__(self, "targets", tuple(self.targets))

    @property
    def spectrograms(self) -> bool:
        """Whether records hold spectrograms."""
        return self.content == "spectrograms"

    @classmethod
    def of_front_end(cls, front_end: FrontEnd, **options: Any) -> "ShardSettings":
        """Settings for networks that see patches of a front end."""
        length = front_end.patch_samples()
        margin = round(cls.MARGIN_SECONDS * front_end.sample_rate)
        return cls(
            front_end.sample_rate,
            front_end.channels,
            length=length,
            lead=margin,
            after=length + margin,
            front_end=front_end,
            **options,
        )

    @classmethod
    def of_network(cls, network, **options: Any) -> "ShardSettings":
        """Settings for a network: for waveforms, with all the context that it needs."""
        if not hasattr(network, "segment_samples"):
            return cls.of_front_end(network.front_end, **options)
        from training.bank import Bank
        from training.segments import SegmentMaker, SegmentSizes

        rate, channels = network.sample_rate, network.channels
        sizes = SegmentSizes.of(network)
        bank = Bank(None, rows=(), sample_rate=rate, channels=channels)
        lead, after = SegmentMaker(bank, sizes, {}).reach
        margin = round(cls.MARGIN_SECONDS * rate)
        return cls(rate, channels, sizes.output_samples, lead + margin, after + margin, **options)

    def grid(self) -> ChunkGrid:
        """How songs are cut, in samples, or in frames of spectrograms."""
        if self.spectrograms:
            step = self.front_end.frame_step
            hop = max(1, round(self.chunk_seconds * self.sample_rate / step))
            return ChunkGrid(self.front_end.frames, hop)
        hop = max(1, round(self.chunk_seconds * self.sample_rate))
        return ChunkGrid(self.length, hop, self.lead, self.after)

    def to_json(self) -> dict[str, Any]:
        """As values that JSON knows."""
        return {**dataclasses.asdict(self), "targets": list(self.targets)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "ShardSettings":
        """What `to_json` returned."""
        front_end = values["front_end"] and FrontEnd.from_config(values["front_end"])
        return cls(**{**values, "front_end": front_end})

"""Tables of a recipe that have no class elsewhere."""

import re
from dataclasses import dataclass, field, fields, replace
from pathlib import PurePosixPath
from typing import Any

from training.devices import check_device_count
from zoo.errors import InputError

IMAGE_KINDS = ("images", "shapes")
KINDS = ("stem_folder", "synthetic", "features", *IMAGE_KINDS)


@dataclass(frozen=True)
class ModelRecipe:
    """The `[model]` table: a new network, or one to fine-tune.

    Args:
        network: name of a class in `zoo`, for a new one.
        arguments: its constructor's; other keys of the table land here.
        start: preset name, preset folder or `.keras` file, for fine-tuning.
        weights: one that a new network takes its first weights from, such as one of the same shapes
            for another sample rate: convolutions fit any front end.
        freeze: patterns of layer names that stay as they are.
        dtype: policy during training, such as `"mixed_bfloat16"`; saved models are float32.
    """

    network: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    start: str | None = None
    weights: str | None = None
    freeze: list[str] = field(default_factory=list)
    dtype: str = "float32"

    def __post_init__(self):
        if (self.network is None) == (self.start is None):
            raise InputError("name either a network or what to start from")
        if self.weights is not None and self.network is None:
            raise InputError("weights are for a new network; start has its own")


@dataclass(frozen=True)
class DataRecipe:
    """The `[data]` table: which songs, and how patches are drawn from them; or which images.

    For a network on waveforms, patches are its segments.

    Args:
        kind: `"stem_folder"` for songs of any corpus, `"synthetic"`, or `"features"`: a folder that
            `stemzoo preprocess` wrote, for networks that learn spectrograms. Of the other keys,
            features know only `batch_size`, `steps_per_epoch`, `validation_share` and `threads`.
            For networks that segment images: `"images"`, a folder of images and masks (see
            `training.ImageFolder`), with the same keys and `cache_memory`, or `"shapes"`, synthetic
            ones, with `count` and `validation_count` in place of `validation_share`.
        stems: targets; `None` for all that the network names, or `["vocals"]`.
        batch_size: patches of a step.
        patches_per_song: patches drawn from each song in a pass over the songs.
        steps_per_epoch: steps of an epoch; `None` for those of one pass over the songs.
        validation_share: share of a stem folder's songs, or of the features, held back, at least
            one.
        validation_patches_per_song: fixed patches of each song held back.
        count: synthetic songs, or shapes, to train on.
        validation_count: further ones held back.
        duration: of a synthetic song, in seconds.
        songs_seed: which synthetic songs.
        material: folder of recorded speech and sampled instruments that synthetic songs are made
            with; see `training.synthetic.material.Material`.
        threads: of the pipeline.
        cache_memory: the most that reading shards, or images, may hold in memory, such as
            `"500MB"`.
        split_files: whether hosts that train together read different shards each.
        service: `grpc://host:port` of the dispatcher whose workers make the training data, as
            `stemzoo data serve` starts them; `None` for this process. The data is the same.
    """

    kind: str = "stem_folder"
    stems: list[str] | None = None
    batch_size: int = 16
    patches_per_song: int = 16
    steps_per_epoch: int | None = None
    validation_share: float = 0.1
    validation_patches_per_song: int = 8
    count: int = 1200
    validation_count: int = 40
    duration: float = 30.0
    songs_seed: int = 0
    material: str | None = None
    threads: int = 1
    cache_memory: str = "500MB"
    split_files: bool = False
    service: str | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise InputError(f"kind={self.kind!r} is none of {', '.join(KINDS)}")
        for name in (
            "batch_size",
            "patches_per_song",
            "steps_per_epoch",
            "validation_patches_per_song",
            "count",
            "validation_count",
            "threads",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise InputError(f"{name}={value} must be at least 1")
        if not 0 < self.validation_share < 1:
            raise InputError(f"validation_share={self.validation_share} is not between 0 and 1")


@dataclass(frozen=True)
class FeaturesRecipe:
    """The `[features]` table: how recordings become features, and what their names say.

    Args:
        duration: seconds of a recording that are heard; `None` for the front end's clip, `frames *
            frame_step` samples.
        pad: where shorter recordings are filled up with silence, `"right"` or `"left"`.
        label: regular expression that matches the beginning of a file's name; its first group is
            the label. `None` for recordings without labels.
        held_out: regular expression of the names of files that are never trained on, the test
            split; `None` for none.
    """

    duration: float | None = None
    pad: str = "right"
    label: str | None = None
    held_out: str | None = None

    def __post_init__(self):
        if self.duration is not None and self.duration <= 0:
            raise InputError(f"duration={self.duration} must be positive")
        if self.pad not in ("left", "right"):
            raise InputError(f"pad={self.pad!r} is neither left nor right")
        for name in ("label", "held_out"):
            pattern = getattr(self, name)
            try:
                groups = 1 if pattern is None else re.compile(pattern).groups
            except re.error as error:
                raise InputError(f"{name}={pattern!r} is no regular expression: {error}") from error
            if name == "label" and not groups:
                raise InputError(f"label={pattern!r} needs a group, such as ([a-z]+)_")

    def label_of(self, path: str) -> str | None:
        """The label of a recording, by its relative path; `None` if its name has none."""
        match = self.label and re.match(self.label, PurePosixPath(path).name)
        return match[1] if match else None

    def is_held_out(self, path: str) -> bool:
        """Whether a recording, by its relative path, belongs to the test split."""
        return bool(self.held_out and re.fullmatch(self.held_out, PurePosixPath(path).name))


@dataclass(frozen=True)
class DistillationRecipe:
    """The `[distillation]` table: trained networks whose estimates are mixed into the targets.

    Args:
        teachers: preset names, preset folders or `.keras` files; what they estimate is averaged.
            Those of a network on spectrograms have its front end but for the length of patches;
            those of one on waveforms are separators of its sample rate. A network that gives
            several stems, or a separator of several networks, teaches those that both have.
        share: of the teachers in a target, in (0, 1]; the truth has the rest. Validation is by the
            truth alone.
    """

    teachers: list[str] = field(default_factory=list)
    share: float = 0.5

    def __post_init__(self):
        if not self.teachers or not all(isinstance(name, str) for name in self.teachers):
            raise InputError("teachers must name a preset, preset folder or .keras file or more")
        if not 0 < self.share <= 1:
            raise InputError(f"share={self.share} is not above 0 and at most 1")


@dataclass(frozen=True)
class SecondStageRecipe:
    """The `[second_stage]` table: what is other once the first stage has ended.

    The second stage starts from the first one's best weights with a new optimiser. What is not
    given is as in `[training]` and `[data]`.

    Args:
        epochs, learning_rate, schedule, warmup_steps, accumulate_steps, clip_norm, ema_momentum,
            reduce_patience, stop_patience: as in `[training]`.
        batch_size, patches_per_song, steps_per_epoch: as in `[data]`.
    """

    epochs: int | None = None
    learning_rate: float | None = None
    schedule: str | None = None
    warmup_steps: int | None = None
    accumulate_steps: int | None = None
    clip_norm: float | None = None
    ema_momentum: float | None = None
    reduce_patience: int | None = None
    stop_patience: int | None = None
    batch_size: int | None = None
    patches_per_song: int | None = None
    steps_per_epoch: int | None = None

    def replaced(self, table):
        """Returns `[training]` or `[data]` with this stage's values."""
        names = {known.name for known in fields(self)} & {known.name for known in fields(table)}
        given = {name: getattr(self, name) for name in names}
        return replace(table, **{n: value for n, value in given.items() if value is not None})


@dataclass(frozen=True)
class RunRecipe:
    """The `[run]` table: what is neither model nor data nor optimisation.

    Args:
        seed: fixes data order, initialisation and dropout.
        threads: of each of the model's operators, 0 for one a processor. It applies where
            TensorFlow has not started yet.
        devices: of this host to share each batch, a number or `"all"`; see
            `training.devices.spread_over`. With several hosts, it is always all of each.
    """

    seed: int = 0
    threads: int = 0
    devices: int | str = 1

    def __post_init__(self):
        check_device_count(self.devices)

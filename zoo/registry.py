"""The models of the zoo by name: architectures, to be trained, and presets, which are."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase
from pathlib import Path

from zoo.architectures import ARCHITECTURES
from zoo.errors import InputError
from zoo.preset_files import METADATA, WEIGHTS, list_presets, preset_path, read_json

KINDS = ("architecture", "preset")


def list_models(
    patterns: str | Sequence[str] = "*",
    *,
    kind: str | None = None,
    stems: Sequence[str] = (),
) -> list[str]:
    """Returns the names of the zoo's models, sorted. Needs no Keras.

    Args:
        patterns: of names, as in a shell, one or several; upper and lower case are the same.
        kind: "architecture" or "preset"; both by default.
        stems: only models that separate all of these.

    Raises:
        ValueError: if `kind` is neither of the two.

    Example:
        >>> list_models("spleeter_?stems")
        ['spleeter_2stems', 'spleeter_4stems', 'spleeter_5stems']
        >>> list_models(kind="preset", stems=["drums"])
        ['jansson_unet_4stems']
    """
    if kind not in (None, *KINDS):
        raise ValueError(f"kind must be one of {', '.join(KINDS)}. Received: kind={kind!r}")
    patterns = [patterns] if isinstance(patterns, str) else patterns
    names = {"architecture": list(ARCHITECTURES), "preset": list_presets()}
    return [
        name
        for name in sorted(sum((names[one] for one in KINDS if kind in (None, one)), []))
        if any(fnmatchcase(name.lower(), pattern.lower()) for pattern in patterns)
        and (not stems or set(stems) <= set(model_info(name)["stems"]))
    ]


def model_info(name: str | os.PathLike) -> dict:
    """Returns what is known of a model, in JSON's types. Needs no Keras.

    Args:
        name: one of `zoo.list_models()`, or a preset folder.

    Returns:
        A dict with `kind`, `class`, `parameters`, `input`, `stems`, `sample_rate` in Hz, `size` in
        bytes (of a preset's weights file, of an architecture's weights in float32) and, for audio,
        `multiply_adds_per_second`, for images `multiply_adds_per_pixel`, as `zoo.multiply_adds`
        counts them. Of an architecture also its constructor's `arguments`, its `paper`, the
        `weights` that are published and the recipes for `training` and `fine_tuning`; of a preset
        all its metadata.

    Raises:
        InputError: if there is no such model.

    Example:
        >>> facts = model_info("wave_unet_m4")
        >>> facts["parameters"], facts["input"], facts["sample_rate"]
        (10263390, 'waveform, 147,443 samples, stereo', 22050)
    """
    if str(name) in ARCHITECTURES:
        facts = asdict(ARCHITECTURES[str(name)])
        facts = {"class": facts.pop("network"), **facts, "stems": list(facts["stems"])}
        return {"kind": "architecture", **facts, "size": 4 * facts["parameters"]}
    folder = _preset_folder(name)
    weights = folder / WEIGHTS
    facts = {"class": None, "parameters": None, "input": None, "stems": [], "sample_rate": None}
    if (folder / METADATA).is_file():
        said = read_json(folder / METADATA)
        if not isinstance(said, dict):
            raise InputError(
                f"{folder / METADATA}: must hold an object, not a {type(said).__name__}"
            )
        facts |= said
    facts["sample_rate"] = facts["sample_rate"] or facts.get("front_end", {}).get("sample_rate")
    size = weights.stat().st_size if weights.is_file() else None
    return {"kind": "preset", **facts, "size": size}


def create_model(name: str | os.PathLike, **overrides):
    """Returns an architecture with new weights, or a preset with its own, as a Keras model.

    Args:
        name: one of `zoo.list_models()`, or a preset folder.
        overrides: arguments of the architecture's constructor in place of its own.

    Raises:
        InputError: if there is no such model, or the preset is damaged.
        ValueError: if a preset's arguments are to change, or the constructor refuses one.

    Example:
        >>> model = create_model("wave_unet_m4", levels=3, initial_filters=2)
        >>> model.variant, model.levels, model.channels
        ('M4', 3, 2)
    """
    if str(name) in ARCHITECTURES:
        import zoo

        architecture = ARCHITECTURES[str(name)]
        arguments = dict(architecture.arguments)
        if "front_end" in arguments:
            arguments["front_end"] = zoo.FrontEnd(**arguments["front_end"])
        return getattr(zoo, architecture.network)(**{**arguments, **overrides})
    folder = _preset_folder(name)
    if overrides:
        received = ", ".join(f"{key}={value!r}" for key, value in overrides.items())
        raise ValueError(f"the weights of {name} fit its own arguments only. Received: {received}")
    from zoo.presets import load_preset

    return load_preset(folder)


def _preset_folder(name: str | os.PathLike) -> Path:
    if str(name) in list_presets() or Path(name).is_dir():
        return preset_path(name)
    raise InputError(f"{name}: no architecture, preset or preset folder; try `stemzoo models`")

"""What a model says of itself in `metadata.json` and in `stemzoo models`."""

import dataclasses

import keras

from zoo.multiply_adds import multiply_adds_per_pixel, multiply_adds_per_second

_CHANNELS = {1: "mono", 2: "stereo"}


def model_facts(model: keras.Model) -> dict:
    """Returns a model's class, parameters, stems, rate, channels, input and cost; what it has."""
    front_end = getattr(model, "front_end", None)
    facts = {
        "class": type(model).__name__,
        "parameters": model.count_params(),
        "stems": list(getattr(model, "stems", None) or getattr(model, "sources", ())),
        "labels": list(getattr(model, "labels", ())) or None,
        "sample_rate": getattr(model, "sample_rate", None),
        "channels": getattr(model, "channels", None),
        "input": describe_input(model),
        "multiply_adds_per_second": multiply_adds_per_second(model),
        "multiply_adds_per_pixel": multiply_adds_per_pixel(model),
        "front_end": front_end and dataclasses.asdict(front_end),
        "keras": keras.__version__,
    }
    return {name: value for name, value in facts.items() if value is not None}


def describe_input(model: keras.Model) -> str | None:
    """Returns what goes into a model of the zoo, in words; `None` for other models.

    Example:
        >>> describe_input(JanssonUNet(filters=(4, 8)))
        'magnitude, 128 frames x 512 bins, mono'
    """
    if hasattr(model, "networks"):
        return "waveform, any length"
    if hasattr(model, "length_step"):
        samples = model.input_samples(model.segment_samples)
        return f"waveform, {samples:,} samples, {_channels(model.channels)}"
    if hasattr(model, "latent_size"):
        return f"latent, {model.latent_size} values"
    front_end = getattr(model, "front_end", None)
    if front_end is not None:
        kind = "decibels" if front_end.normalization == "min_max" else "magnitude"
        size = f"{front_end.frames} frames x {front_end.bins} bins"
        return f"{kind}, {size}, {_channels(front_end.channels)}"
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4:
        return None
    *size, channels = shape[1:]
    size = "any size" if None in size else " x ".join(map(str, size))
    return f"image, {size}, {channels} channel{'s' * (channels > 1)}"


def _channels(count: int) -> str:
    return _CHANNELS.get(count, f"{count} channels")

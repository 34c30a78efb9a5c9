"""Quality of a sound generator, measured on recordings that it was not trained on."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from keras import ops

from training.labelled_recordings import load_clips, split_by_name, train_classifier
from training.recipe_tables import FeaturesRecipe
from training.sound_report import CONFIDENT, SoundEvaluation
from zoo.decibels import to_decibels, undo_min_max
from zoo.errors import InputError

if TYPE_CHECKING:
    from training.label_classifier import LabelClassifier
    from zoo.sound_generator import SoundGenerator

SAMPLES_PER_LABEL = 25
# Clips that are computed at a time.
_CHUNK = 32
# Wider than any clip's: what is too quiet to be told from silence is decided clip by clip.
_WHOLE_RANGE = 1000.0


def _in_chunks(function, *arrays: np.ndarray) -> np.ndarray:
    parts = [
        ops.convert_to_numpy(function(*(array[start : start + _CHUNK] for array in arrays)))
        for start in range(0, len(arrays[0]), _CHUNK)
    ]
    return np.concatenate(parts)


def decibel_errors(name: str, reference: np.ndarray, estimate: np.ndarray) -> dict[str, Any]:
    """Returns how far spectrograms lie from their references: a row of `SoundEvaluation.errors`.

    Args:
        name: of the row.
        reference: `(clips, ...)` in dB.
        estimate: of the same shape.

    Example:
        >>> decibel_errors("louder", np.zeros((2, 3, 4)), np.full((2, 3, 4), 2.0))["mean_absolute"]
        2.0
    """
    axes = tuple(range(1, reference.ndim))
    difference = np.subtract(estimate, reference, dtype="float64")
    return {
        "spectrogram": name,
        "clips": len(reference),
        "root_mean_square": float(np.sqrt(np.mean(difference**2, axis=axes)).mean()),
        "mean_absolute": float(np.abs(difference).mean(axis=axes).mean()),
    }


def recognition(
    name: str, probabilities: np.ndarray, known: Sequence[str], labels: Sequence[str] | None
) -> dict[str, Any]:
    """Returns how sounds were recognised: a row of `SoundEvaluation.recognition`.

    Args:
        name: of the row.
        probabilities: of a `LabelClassifier`, `(clips, labels)`.
        known: the classifier's labels.
        labels: what each clip should be recognised as, if anything.

    Example:
        >>> row = recognition("x", np.array([[0.95, 0.05], [0.7, 0.3]]), ("a", "b"), ("a", "b"))
        >>> row["accuracy"], row["confident"], row["by_label"]
        (0.5, 0.5, {'a': 1.0, 'b': 0.0})
    """
    confidence = probabilities.max(axis=1)
    accuracy = by_label = None
    if labels is not None:
        chosen = [known[place] for place in probabilities.argmax(axis=1)]
        right = {label: [] for label in sorted(set(labels))}
        for label, choice in zip(labels, chosen, strict=True):
            right[label].append(choice == label)
        accuracy = float(np.mean(sum(right.values(), [])))
        by_label = {label: float(np.mean(values)) for label, values in right.items()}
    return {
        "audio": name,
        "clips": len(probabilities),
        "accuracy": accuracy,
        "by_label": by_label,
        "confidence": float(confidence.mean()),
        "confident": float(np.mean(confidence > CONFIDENT)),
    }


def evaluate_sounds(
    generator: "SoundGenerator",
    recordings: str | os.PathLike,
    *,
    features: FeaturesRecipe,
    samples_per_label: int | None = None,
    classifier: "LabelClassifier | None" = None,
    seed: int = 0,
) -> SoundEvaluation:
    """Measures a generator on the recordings of a folder that are held out.

    Errors are those of the network's spectrograms, of the waveforms' after Griffin-Lim, and, as a
    reference, of the waveforms that Griffin-Lim makes of the true magnitudes. Below a recording's
    own minimum all count as equal. Where recordings have labels, a classifier learns them from the
    other recordings, and is then asked what it hears in: the recordings held out, Griffin-Lim's
    waveforms of their magnitudes, their reconstructions, samples of each label that the generator
    knows, and sounds of latents drawn from the standard normal distribution.

    Args:
        generator: whose network was trained on none of the recordings held out.
        recordings: folder with all of them.
        features: which are held out, what their names say, and how they are cut and padded.
        samples_per_label: how many to draw of each label; 25 by default.
        classifier: trained before; by default one is trained here.
        seed: of the classifier and the samples.

    Raises:
        InputError: if the recordings cannot be used.

    Example:
        >>> generator = SoundGenerator.from_preset("vae_fsdd")  # doctest: +SKIP
        >>> report = evaluate_sounds(
        ...     generator, "recordings", features=load_recipe("vae_fsdd").features
        ... )  # doctest: +SKIP
        >>> print(report.table())  # doctest: +SKIP
    """
    front_end, rate = generator.front_end, generator.sample_rate
    known, held_out = split_by_name(recordings, features)
    clips = load_clips(recordings, held_out, front_end, features)

    def network(clips):
        x, decibel_range = front_end.features(clips)
        return undo_min_max(generator.network(x, training=False), decibel_range)[..., 0]

    def decibels(clips):  # (clips, bins, frames)
        magnitude = front_end.clip_magnitude(clips)
        return ops.transpose(to_decibels(magnitude, _WHOLE_RANGE), (0, 2, 1))

    def heard(clips):
        x, decibel_range = front_end.features(clips)
        return undo_min_max(x, decibel_range)[..., 0]

    vocoded = _in_chunks(lambda clips: generator.waveform(front_end.clip_magnitude(clips)), clips)
    reconstructed = generator.reconstruct(clips)
    truth = _in_chunks(heard, clips)
    floor = truth.min(axis=(1, 2), keepdims=True)
    errors = [
        decibel_errors(name, truth, np.maximum(estimate, floor))
        for name, estimate in (
            ("network", _in_chunks(network, clips)),
            ("network and Griffin-Lim", _in_chunks(decibels, reconstructed)),
            ("Griffin-Lim alone", _in_chunks(decibels, vocoded)),
        )
    ]
    if features.label is None:
        return SoundEvaluation(errors, [], {})

    if classifier is None:
        classifier = train_classifier(recordings, known, front_end, features, seed=seed)
    labels = [features.label_of(path) for path in held_out]
    for label in (*labels, *generator.labels):
        if label not in classifier.labels:
            raise InputError(f"{recordings}: no recording to train on has the label {label!r}")
    audio = [
        ("recordings held out", clips, labels),
        ("Griffin-Lim alone", vocoded, labels),
        ("reconstructions", reconstructed, labels),
    ]
    each = samples_per_label or SAMPLES_PER_LABEL
    if generator.labels:
        samples = generator.sample(each * len(generator.labels), seed=seed)
        audio.append(("samples of each label", samples.waveforms, samples.labels))
    count = each * len(classifier.labels)
    latents = np.random.default_rng(seed).normal(size=(count, generator.latent_size))
    audio.append(("standard normal latents", generator.synthesize(latents), None))
    rows = [
        recognition(
            name,
            classifier.probabilities(waveforms, sample_rate=rate),
            classifier.labels,
            wanted,
        )
        for name, waveforms, wanted in audio
    ]
    trained = {"recordings": len(known), "sample_rate": classifier.front_end.sample_rate}
    return SoundEvaluation(errors, rows, trained)


def evaluate_sound_model(
    model: str | os.PathLike,
    generator: "SoundGenerator",
    recordings: str | os.PathLike,
    *,
    label: str | None = None,
    held_out: str | None = None,
) -> SoundEvaluation:
    """Measures a generator by what it says of its own training.

    Args:
        model: where it comes from: preset name, preset folder, or `.keras` file, which lies in its
            run's folder.
        generator: the model itself.
        recordings: as in `evaluate_sounds`.
        label, held_out: in place of the training's, as in `FeaturesRecipe`.

    Raises:
        InputError: if the recordings cannot be used, or nothing says which are held out.
    """
    features = training_features(model) or FeaturesRecipe()
    given = {"label": label, "held_out": held_out}
    features = replace(features, **{n: value for n, value in given.items() if value is not None})
    if features.held_out is None:
        raise InputError(
            f"{model}: does not say which recordings were held out of its training; name a "
            "pattern of their file names with --held-out"
        )
    return evaluate_sounds(generator, recordings, features=features)


def training_features(model: str | os.PathLike) -> FeaturesRecipe | None:
    """Returns the `[features]` of the run that made a model; `None` where nothing tells.

    Args:
        model: preset name, preset folder, or `.keras` file in its run's folder.
    """
    from training.run import SETTINGS
    from zoo.preset_files import preset_metadata, read_json

    path = Path(model)
    if path.suffix != ".keras":
        settings = preset_metadata(model).get("settings")
    else:
        beside = path.with_name(SETTINGS)
        settings = read_json(beside) if beside.is_file() else None
    table = (settings or {}).get("features")
    return FeaturesRecipe(**table) if table else None

"""Runs on features: autoencoders, which learn recordings' spectrograms."""

import os
from dataclasses import asdict
from pathlib import Path

import numpy as np

from training.feature_folder import FeatureFolder
from training.models import takes_features
from training.recipe import Recipe
from training.recipe_tables import DataRecipe, FeaturesRecipe
from zoo.errors import InputError
from zoo.files import atomic_path

GENERATOR = "generator.keras"
RECONSTRUCTIONS, LATENTS = "reconstructions.png", "latents.png"
_PICTURED = 6


def split_recordings(
    paths, features: FeaturesRecipe, validation_share: float
) -> tuple[list[str], list[str]]:
    """Recordings to train on and to validate on; the test split is in neither.

    Args:
        paths: relative paths of all recordings.
        features: says which are the test split.
        validation_share: of the others, evenly spread over their sorted names.

    Raises:
        InputError: if too few are left.

    Example:
        >>> table = load_recipe("vae_fsdd").features
        >>> split_recordings([f"7_theo_{index}.wav" for index in range(10)], table, 0.2)[1]
        ['7_theo_7.wav']
    """
    known = sorted(path for path in paths if not features.is_held_out(path))
    held = max(1, round(len(known) * validation_share))
    if len(known) < 2:
        raise InputError(f"{len(known)} recordings to train on: at least two are needed")
    places = {(2 * i + 1) * len(known) // (2 * held) for i in range(held)}
    train = [path for place, path in enumerate(known) if place not in places]
    return train, [known[place] for place in sorted(places)]


class FeatureRun:
    """What a run on features trains on, and what it leaves beside the network.

    Args:
        recipe: with `[data] kind = "features"`.
        model: an autoencoder.
        data: folder that `stemzoo preprocess` wrote.

    Raises:
        InputError: if the model learns something else, or the features are not those that it or
            the recipe asks for.
    """

    def __init__(self, recipe: Recipe, model, data: str | os.PathLike | None):
        if not takes_features(model):
            raise InputError(
                f"recipe {recipe.name}: {type(model).__name__} does not learn features; set "
                "[data] kind to stem_folder or synthetic"
            )
        if data is None:
            raise InputError(
                f"recipe {recipe.name}: trains on features: name the folder that `stemzoo "
                "preprocess` wrote as data"
            )
        self.recipe = recipe
        self.folder = FeatureFolder(data)
        self.table = recipe.features or FeaturesRecipe()
        self._check_front_end(model)
        self.train, self.validation = split_recordings(
            self.folder.paths, self.table, recipe.data.validation_share
        )

    def _check_front_end(self, model) -> None:
        wanted, made = asdict(model.front_end), asdict(self.folder.front_end)
        wanted["duration"] = self.table.duration or (
            model.front_end.clip_samples / model.front_end.sample_rate
        )
        made["duration"] = self.folder.duration
        for name, value in wanted.items():
            if made[name] != value:
                raise InputError(
                    f"{self.folder.path}: made with {name}={made[name]}, the model needs {value}; "
                    f"preprocess again with --recipe {self.recipe.name}"
                )

    def draw(self, data: DataRecipe, *, first_epoch: int, host: tuple[int, int] = (0, 1)):
        """The endless training data from an epoch on; of several hosts, each one's rows of it."""
        import tensorflow as tf

        from training.features import spectrogram_features

        batches = spectrogram_features(
            self.folder,
            paths=self.train,
            batch_size=data.batch_size,
            seed=self.recipe.run.seed,
            first_epoch=first_epoch,
            threads=data.threads,
        )
        index, count = host
        if count == 1:
            return batches
        rows = data.batch_size // count
        own = slice(index * rows, (index + 1) * rows)
        return batches.map(lambda *batch: tf.nest.map_structure(lambda x: x[own], batch))

    def validation_data(self):
        """The batches of the recordings held back."""
        from training.features import spectrogram_features

        data = self.recipe.data
        return spectrogram_features(
            self.folder, paths=self.validation, batch_size=data.batch_size, training=False
        )

    def finish(self, network, output: Path) -> None:
        """Writes the sound generator and pictures of what the network learned.

        Args:
            network: trained.
            output: folder of the run.
        """
        from training.sound_pictures import latent_picture, reconstruction_picture
        from zoo.sound_generator import SoundGenerator

        latents = network.encoder.predict(self.folder.load(self.train), verbose=0)
        labels = [self.table.label_of(path) for path in self.train]
        ranges = self.folder.decibel_ranges(self.train)
        low, high = (round(float(value), 2) for value in np.median(ranges, axis=0))
        known = sorted({label for label in labels if label is not None})
        generator = SoundGenerator(network, decibel_range=(low, high), labels=known)
        if known:
            labelled = [place for place, label in enumerate(labels) if label is not None]
            generator.fit_latents(latents[labelled], [labels[place] for place in labelled])
        with atomic_path(output / GENERATOR) as temporary:
            generator.save(temporary)
        picked = np.linspace(0, len(self.validation) - 1, _PICTURED).round().astype(int)
        names = [self.validation[place] for place in dict.fromkeys(picked.tolist())]
        originals = self.folder.load(names)
        reconstructions = network.predict(originals, verbose=0)
        reconstruction_picture(
            output / RECONSTRUCTIONS, originals, reconstructions, names, network.front_end
        )
        latent_picture(output / LATENTS, latents, labels)

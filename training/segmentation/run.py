"""Runs on images: segmenters, which learn the masks of a folder or of synthetic shapes."""

import os
from pathlib import Path

import numpy as np

from training.feature_run import split_recordings
from training.recipe import Recipe
from training.recipe_tables import DataRecipe, FeaturesRecipe
from training.segmentation.folder import ImageFolder
from training.segmentation.images_recipe import ImagesRecipe
from training.segmentation.pipeline import common_size, image_batches
from training.segmentation.shapes import ShapeImages
from training.shards.byte_sizes import parse_bytes
from training.stages import stage_of
from zoo.errors import InputError
from zoo.files import created_folder
from zoo.images import write_mask
from zoo.progress import progress
from zoo.segmentation import check_classes, is_segmenter, segment_array

LOSS = "dice_cross_entropy"
PREDICTIONS, OVERVIEW = "predictions", "predictions.png"
_PICTURED = 6
_SHAPES_SIZE = (96, 96)


def split_places(names: list[str], validation_share: float) -> tuple[list[int], list[int]]:
    """Places of images to train on and to validate on, spread evenly over their sorted names.

    Raises:
        InputError: if there are less than two.

    Example:
        >>> split_places(["a", "b", "c", "d", "e"], 0.2)
        ([0, 1, 3, 4], [2])
    """
    if len(names) < 2:
        raise InputError(f"{len(names)} images to train on: at least two are needed")
    train, held_back = split_recordings(names, FeaturesRecipe(), validation_share)
    number = {name: place for place, name in enumerate(names)}
    return [number[name] for name in train], [number[name] for name in held_back]


class SegmentationRun:
    """What a run on images trains on, and what it leaves beside the network.

    Args:
        recipe: with `[data] kind` "images" or "shapes".
        model: a segmenter.
        data: folder as `ImageFolder` takes it; `None` for synthetic shapes.

    Raises:
        InputError: if the model learns something else, or the images cannot be used.
    """

    def __init__(self, recipe: Recipe, model, data: str | os.PathLike | None):
        where = f"recipe {recipe.name}"
        if not is_segmenter(model):
            raise InputError(
                f"{where}: {type(model).__name__} does not learn images; take a UNet without "
                "[front_end], or set [data] kind to stem_folder or synthetic"
            )
        check_classes(model)
        if recipe.training.loss != LOSS or model.activation == "linear":
            raise InputError(
                f'{where}: images are learned with loss = "{LOSS}" in [training], and from '
                "probabilities: leave out activation"
            )
        settings = recipe.data
        if settings.service is not None:
            raise InputError(f"{where}: [data] service is for songs; leave it out")
        self.recipe = recipe
        self.table = recipe.images or ImagesRecipe()
        options = {"channels": model.in_channels, "classes": model.out_channels}
        if data is not None:
            memory = parse_bytes(settings.cache_memory, "cache_memory")
            self.images = ImageFolder(data, size=model.image_size, memory=memory, **options)
            self.train, self.held_back = split_places(self.images.names, settings.validation_share)
        elif settings.kind == "shapes":
            self.images = ShapeImages(
                settings.count + settings.validation_count,
                self.table.shapes_seed,
                size=model.image_size or _SHAPES_SIZE,
                **options,
            )
            self.train = list(range(settings.count))
            self.held_back = list(range(settings.count, len(self.images)))
        else:
            raise InputError(
                f"{where}: trains on images: name a folder with images/ and masks/ as data"
            )
        common_size(self.images, self.train + self.held_back, self.table)

    def stages(self, host: tuple[int, int]):
        """The stages and the validation data."""
        count = len(self.train)
        stages = [
            stage_of(
                self.recipe,
                settings,
                table,
                examples=count,
                named=f"{count} images",
                draw=self.draw,
                host=host,
            )
            for settings, table in self.recipe.stages()
        ]
        data = self.recipe.data
        validation = image_batches(
            self.images,
            places=self.held_back,
            batch_size=data.batch_size,
            table=self.table,
            training=False,
            threads=data.threads,
        )
        return stages, validation

    def draw(self, data: DataRecipe, *, first_epoch: int, host: tuple[int, int] = (0, 1)):
        """The endless training data from an epoch on; of several hosts, each one's rows of it."""
        return image_batches(
            self.images,
            places=self.train,
            batch_size=data.batch_size,
            table=self.table,
            seed=self.recipe.run.seed,
            first_epoch=first_epoch,
            threads=data.threads,
            host=host,
        )

    def finish(self, network, output: Path) -> None:
        """Writes the masks that the network predicts for the images held back, and a picture.

        Args:
            network: trained.
            output: folder of the run.
        """
        from training.segmentation.overview import overview_picture

        picked = np.linspace(0, len(self.held_back) - 1, _PICTURED).round().astype(int)
        pictured = {self.held_back[place] for place in picked.tolist()}
        rows = []
        with created_folder(output / PREDICTIONS) as folder:
            for place in progress(self.held_back, "Predicting masks"):
                image, truth = self.images.original(place)
                mask = segment_array(network, image)
                name = self.images.names[place]
                write_mask(folder / f"{name}_mask.png", mask, network.out_channels)
                if place in pictured:
                    rows.append((name, image, truth, mask))
        overview_picture(output / OVERVIEW, rows, classes=network.out_channels)

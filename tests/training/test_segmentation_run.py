"""From images to a segmenter, by a recipe."""

import json
import shutil

import keras
import numpy as np
import pytest

from training import DiceCrossEntropy, ImageFolder, ShapeImages, write_shapes
from training.callbacks import read_history
from training.models import build_model
from training.recipe import load_recipe
from training.run import train_recipe
from training.segmentation.evaluation import mask_dice
from training.segmentation.images_recipe import ImagesRecipe
from training.segmentation.run import SegmentationRun, split_places
from zoo import UNet
from zoo.errors import InputError
from zoo.images import read_mask
from zoo.segmentation import segment_array

from .runs import TINY

RECIPE = """
[model]
network = "UNet"
in_channels = 3
features = [2]

[data]
kind = "images"

[training]
loss = "dice_cross_entropy"
"""
FEW = {
    "model.features": [4],
    "model.image_size": [16, 16],
    "data.batch_size": 4,
    "data.validation_share": 0.25,
    "data.threads": 1,
    "training.learning_rate": 1e-2,
    "training.epochs": 3,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "shapes"
    write_shapes(folder, 16, size=(20, 30))
    return folder


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    """Of the shipped recipe, with images of one's own."""
    path = tmp_path_factory.mktemp("runs") / "run"
    train_recipe("unet_segmentation", folder, path, overrides=FEW)
    return path


def test_a_run_leaves_dice_of_each_epoch_masks_and_a_picture(run, folder):
    rows = read_history(run / "history.csv")
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert all(0 <= row[name] <= 1 for row in rows for name in ("dice", "val_dice"))
    network = keras.saving.load_model(run / "model.keras", compile=False)
    images = ImageFolder(folder)
    held_back = split_places(images.names, 0.25)[1]
    assert len(held_back) == 4
    masks = {path.name: read_mask(path) for path in (run / "predictions").iterdir()}
    assert masks.keys() == {f"{images.names[place]}_mask.png" for place in held_back}
    scores = []
    for place in held_back:
        # Masks have the size of the image's file, not the one that was trained with.
        image, truth = images.original(place)
        mask = masks[f"{images.names[place]}_mask.png"]
        np.testing.assert_array_equal(mask, segment_array(network, image))
        assert mask.shape == (20, 30)
        scores.append(mask_dice(truth, mask))
    best = min(rows, key=lambda row: row["val_loss"])
    assert np.mean(scores) == pytest.approx(best["val_dice"], abs=0.1)
    assert (run / "predictions.png").stat().st_size > 5000
    settings = json.loads((run / "settings.json").read_text())
    assert settings["images"]["mirror"] is True
    assert settings["data"]["kind"] == "shapes", "a folder is taken in place of shapes"


def test_a_run_that_died_ends_as_an_uninterrupted_one(run, folder, tmp_path, monkeypatch, capsys):
    calls, varied = [], ImagesRecipe.varied

    def dying(table, *arguments):
        calls.append(1)
        if len(calls) > 2 * 12 + 8:
            raise MemoryError("killed")
        return varied(table, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(ImagesRecipe, "varied", dying)
        with pytest.raises(Exception, match="killed"):
            train_recipe("unet_segmentation", folder, tmp_path / "run", overrides=FEW)
    shutil.copytree(tmp_path / "run", tmp_path / "other")
    with pytest.raises(InputError, match=r"other values in \[images\]"):
        other = {**FEW, "images.turn": True}
        train_recipe("unet_segmentation", folder, tmp_path / "other", resume=True, overrides=other)
    resumed = train_recipe(
        "unet_segmentation", folder, tmp_path / "run", resume=True, overrides=FEW
    )
    assert "resuming from epoch" in capsys.readouterr().out
    whole = keras.saving.load_model(run / "model.keras", compile=False)
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_a_segmenter_learns_images_by_heart():
    keras.utils.set_random_seed(0)
    source = ShapeImages(2, 1, size=(17, 20), classes=4)
    images, masks = (np.stack(x) for x in zip(*map(source.load, range(2)), strict=True))
    images, masks = images.astype("float32") / 255, masks[..., None].astype("float32")
    model = UNet(3, 4, (12,), upsampling="bilinear")
    model.compile(keras.optimizers.Adam(1e-2), DiceCrossEntropy())
    losses = []
    for _ in range(120):
        losses.append(model.train_on_batch(images, masks))
        model.reset_metrics()
    mask = model(images).numpy().argmax(axis=-1)
    assert np.mean(mask == masks[..., 0]) > 0.99
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.slow
def test_the_shipped_recipe_made_small_finds_shapes_that_it_has_not_seen(tmp_path):
    """As it is, it reaches 0.97 in minutes; a thirtieth of that gives 0.88."""
    small = {
        "model.features": [8, 16],
        "model.image_size": [48, 48],
        "data.count": 160,
        "data.validation_count": 32,
        "data.batch_size": 8,
        "training.learning_rate": 1e-2,
        "training.warmup_steps": 10,
        "training.epochs": 8,
    }
    train_recipe("unet_segmentation", None, tmp_path / "run", overrides=small)
    dice = [row["val_dice"] for row in read_history(tmp_path / "run" / "history.csv")]
    assert dice[-1] > 0.8


def test_the_shipped_recipe_makes_its_own_shapes():
    few = {"data.count": 8, "data.validation_count": 2, "data.batch_size": 4}
    recipe = load_recipe("unet_segmentation", overrides={**few, "model.image_size": [16, 24]})
    run = SegmentationRun(recipe, build_model(recipe.model), None)
    (stage,), validation = run.stages((0, 1))
    assert (stage.steps_per_epoch, len(validation)) == (2, 1)
    (image, classes), *_ = stage.train(0).take(1)
    assert (image.shape, classes.shape) == ((4, 16, 24, 3), (4, 16, 24, 1))
    assert [run.images.names[place] for place in run.held_back] == ["shape-0-8", "shape-0-9"]


WRONG = {
    "no data": (RECIPE, "trains on images: name a folder"),
    "loss": (RECIPE.replace("dice_cross_entropy", "mean_squared_error"), "are learned with loss"),
    "logits": (RECIPE.replace("features", "activation = 'linear'\nfeatures"), "leave out activ"),
    "front end": (TINY + "kind = 'images'", "JanssonUNet does not learn images"),
    "songs": ("[model]\nnetwork = 'UNet'\nfeatures = [2]", "UNet without .* learns images, not"),
    "masks": (TINY + "[training]\nloss = 'dice_cross_entropy'", "loss dice_cross_entropy is for"),
    "table": (TINY + "[images]\nflip = true", r"\[images\] is for"),
    "augment": (RECIPE + "[[augment]]\ntransform = 'polarity'", r"\[augment\] is for songs"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_recipes_that_cannot_be_carried_out_are_refused(case, tmp_path, write_recipe):
    text, message = WRONG[case]
    with pytest.raises(InputError, match=message):
        train_recipe(write_recipe(text), None, tmp_path / "run")
    assert not (tmp_path / "run").exists()

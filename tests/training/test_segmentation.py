"""Dice, its loss, folders of images and masks, batches of them."""

import keras
import numpy as np
import pytest
from PIL import Image

from training import (
    Dice,
    DiceCrossEntropy,
    ImageFolder,
    ImagesRecipe,
    ShapeImages,
    image_batches,
    write_shapes,
)
from training.segmentation.dice import dice_scores
from zoo.errors import InputError
from zoo.images import read_image, read_mask, write_image, write_mask

SIZE = (16, 24)


def column(*values):
    """An image of one column, `(1, rows, 1, 1)`."""
    return np.float32(values).reshape(1, -1, 1, 1)


def test_dice_is_the_overlap_over_the_areas_of_each_image():
    truth = np.concatenate((column(1, 1, 1, 0), column(0, 0, 0, 0), column(0, 0, 0, 0)))
    guess = np.concatenate((column(0.9, 0.6, 0.2, 0.8), column(0, 0, 0, 0), column(1, 0, 0, 0)))
    # Twice two pixels over three and three; nothing found where nothing is; one pixel too many.
    np.testing.assert_allclose(dice_scores(truth, guess), [4 / 6, 1, 0], rtol=1e-6)
    metric = Dice()
    for place in range(3):
        metric.update_state(truth[place : place + 1], guess[place : place + 1])
    assert float(metric.result()) == pytest.approx((4 / 6 + 1 + 0) / 3)
    strict = Dice.from_config({**metric.get_config(), "threshold": 0.7})
    strict.update_state(truth[:1], guess[:1])
    assert float(strict.result()) == pytest.approx(2 / 5)


def test_dice_of_classes_is_the_mean_over_those_that_are_there():
    truth = column(0, 1, 1, 2)
    chosen = np.eye(4, dtype="float32")[[0, 1, 2, 2]].reshape(1, 4, 1, 4)
    # Class 1: one of two found, 2/3; class 2: one found, one too many, 2/3; nobody has class 3.
    np.testing.assert_allclose(dice_scores(truth, 0.9 * chosen), [2 / 3], rtol=1e-6)
    nothing = np.eye(4, dtype="float32")[[0, 0]].reshape(1, 2, 1, 4)
    np.testing.assert_allclose(dice_scores(column(0, 0), nothing), [1])


def test_the_loss_of_a_mask_is_cross_entropy_and_soft_dice():
    truth, guess = column(1, 1, 0), column(0.8, 0.5, 0.25)
    cross_entropy = -np.mean(np.log([0.8, 0.5, 0.75]))
    dice = (2 * (0.8 + 0.5) + 1) / (2 + 0.8**2 + 0.5**2 + 0.25**2 + 1)
    loss = DiceCrossEntropy()
    assert float(loss(truth, guess)) == pytest.approx(cross_entropy + 1 - dice, rel=1e-5)
    # Each image has its own Dice score: the loss of two images is the mean of theirs.
    pair = loss(np.concatenate((truth, truth)), np.concatenate((guess, truth)))
    assert float(pair) == pytest.approx((cross_entropy + 1 - dice) / 2, rel=1e-4)
    weighted = DiceCrossEntropy(dice_weight=0.5, smooth=2.0)
    dice = (2 * 1.3 + 2) / (2 + 0.9525 + 2)
    assert float(weighted(truth, guess)) == pytest.approx(cross_entropy + 0.5 * (1 - dice), 1e-5)
    logits = np.log(guess / (1 - guess))
    again = DiceCrossEntropy(from_logits=True)
    assert float(again(truth, logits)) == pytest.approx(float(loss(truth, guess)), rel=1e-5)


def test_the_loss_of_classes_takes_numbers():
    truth = column(0, 2)
    guess = np.float32([[0.5, 0.25, 0.25], [0.125, 0.125, 0.75]]).reshape(1, 2, 1, 3)
    cross_entropy = -np.mean(np.log([0.5, 0.75]))
    energies = np.square(guess[0, :, 0]).sum(axis=0) + [1, 0, 1]
    dice = np.mean((2 * np.array([0.5, 0, 0.75]) + 1) / (energies + 1))
    loss = DiceCrossEntropy()
    assert float(loss(truth, guess)) == pytest.approx(cross_entropy + 1 - dice, rel=1e-5)
    logits = DiceCrossEntropy(from_logits=True)
    assert float(logits(truth, np.log(guess))) == pytest.approx(float(loss(truth, guess)), 1e-5)


def test_loss_and_metric_are_saved():
    loss = DiceCrossEntropy(dice_weight=0.3, smooth=2.0, from_logits=True)
    for value in (loss, Dice(threshold=0.4)):
        config = keras.saving.serialize_keras_object(value)
        copy = keras.saving.deserialize_keras_object(config)
        assert type(copy) is type(value) and copy.get_config() == value.get_config()
    with pytest.raises(ValueError, match="Received: smooth=0"):
        DiceCrossEntropy(smooth=0)
    with pytest.raises(ValueError, match="Received: dice_weight=-1"):
        DiceCrossEntropy(dice_weight=-1)


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    """Six images of shapes and their masks."""
    folder = tmp_path_factory.mktemp("images") / "shapes"
    write_shapes(folder, 6, seed=3, size=SIZE)
    return folder


def test_shapes_depend_on_seed_and_number_alone(shapes):
    source, folder = ShapeImages(4, 3, size=SIZE, first=2), ImageFolder(shapes)
    assert folder.names[2:] == source.names == [f"shape-3-{number}" for number in range(2, 6)]
    for place in range(4):
        for ours, theirs in zip(folder.load(place + 2), source.load(place), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert 0 < source.load(0)[1].mean() < 0.9
    assert not np.array_equal(ShapeImages(1, 4, size=SIZE).load(0)[0], folder.load(0)[0])
    kinds = [np.unique(ShapeImages(30, 0, classes=4).load(place)[1]) for place in range(30)]
    assert set(np.concatenate(kinds)) == {0, 1, 2, 3}
    with pytest.raises(InputError, match="exists already"):
        write_shapes(shapes, 1)


def test_what_does_not_fit_into_memory_is_read_again(shapes):
    kept, read = ImageFolder(shapes), ImageFolder(shapes, memory=2000)
    assert (len(kept._kept), len(read._kept)) == (6, 1)
    np.testing.assert_array_equal(kept.load(5)[0], read.load(5)[0])
    small = ImageFolder(shapes, size=(8, 10), channels=1)
    image, mask = small.load(0)
    assert (image.shape, mask.shape) == ((8, 10, 1), (8, 10))
    assert set(np.unique(mask)) <= {0, 1}


def test_masks_are_numbers_or_black_and_white(tmp_path):
    path, mask = tmp_path / "mask.png", np.uint8([[0, 1], [2, 3]])
    write_mask(path, mask, 4)
    np.testing.assert_array_equal(read_mask(path, 4), mask)
    assert np.ptp(read_image(path), axis=2).any(), "numbers have colours for the eye"
    with pytest.raises(InputError, match=r"mask\.png: holds the number 3; masks of 3 classes"):
        read_mask(path, 3)
    with pytest.raises(InputError, match="holds the number 3; a mask of one class"):
        read_mask(path)
    for values in ([[0, 255], [127, 128]], [[0, 1], [0, 1]]):
        Image.fromarray(np.uint8(values)).save(path)
        assert read_mask(path).tolist() == read_mask(path, 2).tolist() == [[0, 1], [0, 1]]
    Image.fromarray(np.uint16([[0, 65535]])).save(path)
    assert read_image(path, 1)[..., 0].tolist() == [[0, 255]]
    Image.fromarray(np.uint8([[0, 255]])).convert("1").save(path)
    assert read_mask(path).tolist() == [[0, 1]]
    write_image(path, np.uint8([[[255, 0, 0]]]))
    with pytest.raises(InputError, match="has colours"):
        read_mask(path)


def damaged(folder, kind):
    image, mask = folder / "images" / "shape-3-1.png", folder / "masks" / "shape-3-1.png"
    if kind == "no mask":
        mask.unlink()
        return f"{image}: has no mask"
    if kind == "no image":
        image.unlink()
        return f"{mask}: is the mask of no image"
    if kind == "two images":
        image.with_suffix(".jpg").write_bytes(image.read_bytes())
        return f"{image}: has the name of shape-3-1.jpg"
    if kind == "text":
        image.write_text("not an image")
        return f"{image}: is no image"
    if kind == "truncated":
        image.write_bytes(image.read_bytes()[:200])
        return f"{image}: cannot be read as an image"
    if kind == "size":
        write_mask(mask, np.zeros((5, 7)))
        return f"{mask}: 7 x 5 pixels, its image {image} has 24 x 16"
    Image.fromarray(np.full(SIZE, 7, "uint8")).save(mask)
    return f"{mask}: holds the number 7"


@pytest.mark.parametrize(
    "kind", ["no mask", "no image", "two images", "text", "truncated", "size", "values"]
)
def test_a_folder_that_is_damaged_is_refused_by_the_file(kind, tmp_path):
    write_shapes(tmp_path / "shapes", 3, seed=3, size=SIZE)
    message = damaged(tmp_path / "shapes", kind)
    with pytest.raises(InputError) as refused:
        ImageFolder(tmp_path / "shapes")
    assert str(refused.value).startswith(message)
    with pytest.raises(InputError, match="no such folder"):
        ImageFolder(tmp_path)


def test_epochs_are_orders_of_all_images_that_a_seed_fixes(shapes):
    folder = ImageFolder(shapes)
    table = ImagesRecipe(crop=[16, 16], mirror=True, turn=True, brightness=0.2, contrast=0.3)

    def batches(first, count, **options):
        options = {"table": table, "batch_size": 2, "seed": 5, **options}
        dataset = image_batches(folder, first_epoch=first, **options)
        return [[np.asarray(x) for x in batch] for batch in dataset.take(count)]

    both, second = batches(0, 6), batches(1, 3)
    for ours, theirs in zip(both[3:], second, strict=True):
        np.testing.assert_array_equal(ours[0], theirs[0])
        np.testing.assert_array_equal(ours[1], theirs[1])
    assert not np.array_equal(both[0][0], second[0][0])
    assert both[0][0].shape == (2, 16, 16, 3) and both[0][1].shape == (2, 16, 16, 1)
    assert both[0][0].min() >= 0 and both[0][0].max() <= 1
    halves = [batches(0, 2, host=(index, 2)) for index in range(2)]
    for number in range(2):
        parts = np.concatenate([half[number][0] for half in halves])
        np.testing.assert_array_equal(parts, both[number][0])
    plain = batches(0, 3, table=None)
    seen = {image.tobytes() for images, _ in plain for image in images}
    assert seen == {(folder.load(p)[0] / np.float32(255)).tobytes() for p in range(6)}


def test_image_and_mask_are_varied_alike():
    """Where the mask is the image, it still is after all that moves pixels."""
    mask = np.random.default_rng(0).integers(0, 2, (9, 13)).astype("uint8")
    image = 255 * mask[..., None]
    table, rng = ImagesRecipe(crop=[6, 6], mirror=True, flip=True, turn=True), np.random.default_rng
    drawn = [table.varied(image, mask, rng(seed)) for seed in range(20)]
    for varied, classes in drawn:
        np.testing.assert_array_equal(varied, classes)
    assert len({varied.tobytes() for varied, _ in drawn}) > 10
    middle, _ = table.plain(image, mask)
    np.testing.assert_array_equal(middle[..., 0], mask[1:7, 3:9])


def test_images_that_make_no_batch_are_refused(shapes, tmp_path):
    write_shapes(tmp_path / "mixed", 2, seed=3, size=SIZE)
    for part in ("images", "masks"):
        file = tmp_path / "mixed" / part / "shape-3-1.png"
        image = Image.open(file).resize((20, 20))
        image.save(file)
    mixed = ImageFolder(tmp_path / "mixed")
    with pytest.raises(InputError, match="shape-3-1: 20 x 20 pixels, shape-3-0 has 24 x 16; set"):
        image_batches(mixed, batch_size=1)
    with pytest.raises(InputError, match="less than the crop of 20 x 20"):
        image_batches(mixed, batch_size=1, table=ImagesRecipe(crop=[20, 20]))
    with pytest.raises(InputError, match="6 images do not fill a batch of 7"):
        image_batches(ImageFolder(shapes), batch_size=7)
    with pytest.raises(InputError, match="only square images"):
        image_batches(ImageFolder(shapes), table=ImagesRecipe(turn=True))

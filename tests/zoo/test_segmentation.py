"""`stemzoo segment`, `evaluate` and `export` with a network that finds what is bright."""

import json

import numpy as np
import pytest
from PIL import Image

from export.runtimes import open_file
from training import write_shapes
from zoo import UNet
from zoo.images import read_image, read_mask, write_image, write_mask
from zoo.segmentation import segment_array


@pytest.fixture(scope="module")
def bright(tmp_path_factory):
    """A segmenter of grey images whose mask is what exceeds half of white, as a file."""
    model = UNet(1, 1, (1,))
    kernels = {}
    for layer in model.layers:
        if "conv" in layer.name and layer.name != "output_conv":
            kernel = np.zeros(layer.kernel.shape, "float32")
            # Of two channels, the first is the skip connection.
            kernel[1, 1, 0, 0] = 1
            kernels[layer.name] = kernel
            layer.kernel.assign(kernel)
    output = model.get_layer("output_conv")
    output.kernel.assign(np.full(output.kernel.shape, 400.0))
    output.bias.assign([-200.0])
    path = tmp_path_factory.mktemp("bright") / "model.keras"
    model.save(path)
    return path


def spots(height, width, seed=0):
    """A grey image `(height, width)` far from half of white."""
    random = np.random.default_rng(seed)
    return random.choice(np.uint8([20, 60, 200, 240]), (height, width))


def test_segment_writes_a_mask_of_each_image_s_size(stemzoo, bright, tmp_path):
    images = {"odd.png": spots(37, 53), "one.bmp": spots(1, 1), "deep.tiff": spots(8, 9)}
    for name, image in images.items():
        Image.fromarray(image).save(tmp_path / name)
    Image.fromarray(images["deep.tiff"].astype("uint16") * 257).save(tmp_path / "deep.tiff")
    code, out, err = stemzoo(
        "segment", bright, *(tmp_path / name for name in images), "--output", tmp_path / "masks"
    )
    assert (code, err) == (0, "")
    masks = [tmp_path / "masks" / f"{name.split('.')[0]}_mask.png" for name in images]
    assert out.split() == [str(mask) for mask in masks]
    for mask, image in zip(masks, images.values(), strict=True):
        assert set(np.unique(np.asarray(Image.open(mask)))) <= {0, 255}
        np.testing.assert_array_equal(read_mask(mask), image > 127)


def test_a_photograph_is_seen_upright_and_in_colour(stemzoo, bright, tmp_path):
    image = np.repeat(np.repeat(spots(4, 6), 16, axis=0), 16, axis=1)
    turned = Image.fromarray(np.repeat(image[..., None], 3, axis=2))
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "photo.jpg", quality=95, exif=exif)
    code, out, _ = stemzoo("segment", bright, tmp_path / "photo.jpg", "-o", tmp_path, "--json")
    mask = read_mask(json.loads(out)[str(tmp_path / "photo.jpg")])
    assert code == 0
    np.testing.assert_array_equal(mask, np.rot90(image > 127, -1))


def test_a_bad_image_is_one_line_and_the_next_is_done(stemzoo, bright, tmp_path):
    (tmp_path / "text.png").write_text("no image")
    for name in ("good.png", "good.bmp"):
        Image.fromarray(spots(5, 5)).save(tmp_path / name)
    names = ["text.png", "missing.png", "good.png", "good.bmp"]
    paths = [tmp_path / name for name in names]
    code, out, err = stemzoo("segment", bright, *paths, "-o", tmp_path / "masks")
    assert code == 2
    assert out == f"{tmp_path / 'masks' / 'good_mask.png'}\n"
    text, missing, twice = err.splitlines()
    assert text == f"stemzoo: {paths[0]}: is no image that can be read"
    assert missing == f"stemzoo: {paths[1]}: no such file"
    assert twice.startswith(f"stemzoo: {paths[3]}: would overwrite the mask of {paths[2]}")
    assert [path.name for path in (tmp_path / "masks").iterdir()] == ["good_mask.png"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["jansson_unet_vocals", "x.png"], "is a JanssonUNet, which segments no images"),
        (["{bright}", "x.png", "--size", "0x4"], "--size 0x4: is neither"),
        (["{bright}", "no*.png"], "no file matches"),
    ],
)
def test_what_cannot_be_segmented_is_refused(stemzoo, bright, tmp_path, arguments, problem):
    arguments = [argument.format(bright=bright) for argument in arguments]
    code, out, err = stemzoo("segment", *arguments, "-o", tmp_path / "masks")
    assert (code, out) == (2, "") and problem in err and err.count("\n") == 1
    assert not (tmp_path / "masks").exists()


def test_images_are_seen_at_the_size_of_the_training():
    model = UNet(1, 3, (2,), image_size=(8, 12))
    seen = []
    model.call = lambda x, **options: seen.append(x.shape) or np.zeros((*x.shape[:3], 3), "float32")
    for size in ("trained", "own", (6, 5)):
        assert segment_array(model, np.zeros((20, 30, 1), "uint8"), size=size).shape == (20, 30)
    assert seen == [(1, 8, 12, 1), (1, 20, 30, 1), (1, 6, 5, 1)]


def test_evaluate_says_dice(stemzoo, bright, tmp_path):
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    for number in range(3):
        image = spots(9, 11, seed=number)
        mask = image > 127
        if number == 2:
            image[:] = 0
        write_image(tmp_path / "images" / f"{number}.png", image[..., None])
        write_mask(tmp_path / "masks" / f"{number}_mask.png", mask)
    code, out, err = stemzoo("evaluate", bright, "--data", tmp_path, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["images"] == {"0": 1.0, "1": 1.0, "2": 0.0}
    assert json.loads(out)["dice"] == pytest.approx(2 / 3)
    code, out, _ = stemzoo("evaluate", bright, "--data", tmp_path)
    assert code == 0 and out.startswith("Dice 0.6667, 3 images")
    code, _, err = stemzoo("evaluate", bright, "--data", tmp_path, "--ceilings")
    assert code == 2 and "segments images; ceilings is for other models" in err


def test_export_and_verify_take_a_segmenter(stemzoo, bright, tmp_path):
    out = tmp_path / "out"
    code, _, err = stemzoo(
        "export", bright, "-o", out, "--format", "tflite", "--quantize", "dynamic"
    )
    assert (code, err) == (0, "")
    image = spots(15, 22)
    for name in ("model.tflite", "model.dynamic.tflite"):
        maps = open_file(out / name)({"image": image[None, ..., None].astype("float32") / 255})
        np.testing.assert_array_equal(maps["output"][0, ..., 0] > 0.5, image > 127)
    code, _, err = stemzoo("verify", out / "model.dynamic.tflite", bright)
    assert (code, err) == (0, "")
    code, _, err = stemzoo("export", bright, "-o", tmp_path / "other", "--seconds", "3")
    assert code == 2 and "--seconds and --channels are for separators" in err
    assert not (tmp_path / "other").exists()


def test_the_folder_of_shapes_is_the_folder_of_the_docs(tmp_path):
    write_shapes(tmp_path / "shapes", 2, size=(16, 20))
    names = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.png"))
    assert names == [
        f"shapes/{part}/shape-0-{number}.png" for part in ("images", "masks") for number in (0, 1)
    ]
    assert read_image(tmp_path / names[0]).shape == (16, 20, 3)

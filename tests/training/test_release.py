"""A run becomes a preset whose card shows what was measured."""

import json
import re
import shutil

import matplotlib
import numpy as np
import pytest
from PIL import Image

import zoo
from training.recipe import load_recipe
from training.release import fewer_colours, main
from training.release_parts import began_with, finished_run, other_origins
from training.run import train_recipe
from zoo.errors import InputError

RECIPE = """
[model]
network = "JanssonUNet"
filters = [2, 2]
dtype = "mixed_bfloat16"

stems = ["vocals", "drums", "other"]

[front_end]
sample_rate = 8192
frame_length = 512
frame_step = 384
bins = 256
frames = 32
channels = 2

[data]
kind = "synthetic"
count = 2
validation_count = 1
duration = 13.0
batch_size = 2
patches_per_song = 1
validation_patches_per_song = 2

[training]
epochs = 1
"""


@pytest.mark.slow
def test_a_run_becomes_a_preset(tmp_path):
    recipe, run, preset = tmp_path / "tiny.toml", tmp_path / "run", tmp_path / "tiny"
    recipe.write_text(RECIPE)
    with pytest.raises(InputError, match="holds no finished run"):
        main(arguments(run, preset, recipe))
    train_recipe(recipe, None, run)
    recipe.write_text(RECIPE.replace("duration = 13.0", "duration = 14.0"))
    with pytest.raises(InputError, match=r"data.duration is 14.0, the run: 13.0"):
        main(arguments(run, preset, recipe))
    assert not preset.exists()

    recipe.write_text(RECIPE)
    main(arguments(run, preset, recipe))
    network = zoo.JanssonUNet.from_preset(preset)
    assert network.filters == (2, 2) and network.stems == ("vocals", "drums", "other")
    assert network.compute_dtype == "float32"
    metadata = json.loads((preset / "metadata.json").read_text())
    assert metadata["stems"] == ["vocals", "drums", "other"]
    assert metadata["hours"] == {"songs": 0.01, "training": 0.1}
    assert metadata["materials"] == ["Strings of nobody, CC0"]
    assert metadata["patches"] == 2 and metadata["settings"]["data"]["count"] == 2
    card = (preset / "README.md").read_text()
    (scores,) = (
        row
        for row in metadata["scores"]["sdr"]
        if row["stem"] == "vocals" and row["aggregation"] == "median over tracks"
    )
    shown = re.search(r"\| vocals \| median over tracks \| (\S+) \| (\S+) \|", card)
    assert [float(value) for value in shown.groups()] == pytest.approx(
        [scores["SDR"], scores["mixture"]], abs=0.006
    )
    assert "separates vocals, drums, other from" in card and "- Material: Strings of" in card
    assert "8192 Hz, stereo; a mono" in card and "that part is in no stem" in card
    worst = metadata["worst"]
    assert worst["SDR"] == min(row["SDR"] for row in metadata["scores"]["sdr"])
    assert f"`synthetic-5-0`, {worst['stem']} at {worst['SDR']:.2f} dB" in card
    assert "noise of our own" in card and "CC0-1.0" in card and "Received" not in card
    assert str(tmp_path) not in card.replace(str(recipe), "")
    assert (preset / "spectrograms.png").read_bytes().startswith(b"\x89PNG")


def test_a_run_may_begin_with_another_model_than_its_recipe_names(tmp_path):
    recipe = load_recipe("wave_unet_small_more")
    settings = recipe.settings()
    (tmp_path / "model.keras").write_bytes(b"")

    def finished():
        (tmp_path / "settings.json").write_text(json.dumps(settings))
        return finished_run(tmp_path, "model.keras", recipe.name)

    assert other_origins(recipe, finished()) == {}
    settings["model"]["start"] = "first/model.keras"
    assert other_origins(recipe, finished()) == {"model.start": "first/model.keras"}
    assert began_with(recipe.name, settings) == " --set model.start=MODEL"
    settings["model"] = {**settings["model"], "start": None, "network": "WaveUNet"}
    with pytest.raises(InputError, match=r"model.network is None, the run: WaveUNet"):
        finished()


def test_a_picture_in_fewer_colours_keeps_its_colour_bar(tmp_path):
    path = tmp_path / "picture.png"
    magma = matplotlib.colormaps["magma"]
    # Noise of dark colours, and all colours in one narrow bar.
    dark = np.random.default_rng(0).beta(2, 6, (300, 400))
    dark[:, -8:] = np.linspace(1, 0, 300)[:, None]
    drawn = magma(dark, bytes=True)[..., :3]
    Image.fromarray(drawn).save(path)
    size = path.stat().st_size
    fewer_colours(path)
    assert path.stat().st_size < 0.7 * size
    with Image.open(path) as stored:
        error = np.abs(np.asarray(stored.convert("RGB"), "int32") - drawn)
    assert error.max() < 40 and error.mean() < 8


WAVEFORMS = """
[model]
network = "WaveUNet"
variant = "M4"
sample_rate = 8000
levels = 3
initial_filters = 2
segment_samples = 4000

[data]
kind = "synthetic"
count = 2
validation_count = 1
duration = 2.0
batch_size = 2
patches_per_song = 2
validation_patches_per_song = 1

[source_gains]

[training]
loss = "mean_squared_error"
epochs = 2

[second_stage]
epochs = 1
batch_size = 4
steps_per_epoch = 3
"""


@pytest.mark.slow
def test_a_network_on_waveforms_becomes_a_preset(tmp_path, song_folder):
    recipe, run, preset = tmp_path / "tiny.toml", tmp_path / "run", tmp_path / "tiny"
    recipe.write_text(WAVEFORMS)
    train_recipe(recipe, None, run)
    recipe.write_text(WAVEFORMS.replace("[source_gains]", ""))
    with pytest.raises(InputError, match=r"\[source_gains\] is None, the run: {'low'"):
        main(arguments(run, preset, recipe, songs=str(song_folder)))
    recipe.write_text(WAVEFORMS)
    # BSSEval v4 takes half a second a song.
    checked = tmp_path / "checked"
    for name in ("song 0", "song 1"):
        shutil.copytree(song_folder / name, checked / name)
    songs = arguments(run, preset, recipe, songs=str(song_folder))
    main([*songs, *("--check", str(checked)) * 2])

    network = zoo.WaveUNet.from_preset(preset)
    assert (network.variant, network.levels, network.channels) == ("M4", 3, 2)
    metadata = json.loads((preset / "metadata.json").read_text())
    assert metadata["stems"] == ["vocals", "accompaniment"]
    assert metadata["patches"] == 2 * 4 + 12
    assert {row["stem"] for row in metadata["scores"]["sdr"]} == {"vocals", "accompaniment"}
    real = metadata["scores"]["bsseval_v4"]
    assert len(real) == 2 * 6 and {row["songs"][:14] for row in real} == {"song 0, song 1"}
    card = (preset / "README.md").read_text()
    assert "WaveUNet that separates vocals from music" in card
    assert "20 segments of 4,005 samples (0.5 s) in 3\nepochs" in card
    assert "Above 4000 Hz nothing" in card and "--output RUN --data SONGS\n" in card
    assert card.count("--data FOLDER --metric bsseval_v4`)") == 2
    assert (preset / "spectrograms.png").read_bytes().startswith(b"\x89PNG")


def arguments(run, preset, recipe, songs="synthetic:5:1"):
    return [
        *(str(run), str(preset), "--recipe", str(recipe), "--songs", songs),
        *("--trained-on", "noise of our own", "--licence", "CC0-1.0"),
        *("--minutes", "6", "--material", "Strings of nobody, CC0"),
    ]

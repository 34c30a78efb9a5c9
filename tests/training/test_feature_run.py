"""From recordings to a sound generator, by a recipe."""

import itertools
import json

import numpy as np
import pytest
import soundfile

import zoo
from training.callbacks import read_history
from training.feature_run import split_recordings
from training.preprocess import preprocess_recordings
from training.recipe_tables import FeaturesRecipe
from training.run import train_recipe
from zoo.errors import InputError

from .runs import Killed

RATE = 2000
RECIPE = """
[model]
network = "ConvVAE"
conv_filters = [4, 6]
conv_kernels = [3, 3]
conv_strides = [2, [2, 1]]
latent_space_dim = 3
reconstruction = "mse"
alpha = 1000.0
kl_annealing_steps = 4

[front_end]
sample_rate = 2000
frame_length = 64
frame_step = 32
bins = 32
first_bin = 0
frames = 16
normalization = "min_max"

[features]
label = '([a-z]+)_'
held_out = '\\w+_[01]\\.wav'

[data]
kind = "features"
batch_size = 4
validation_share = 0.2

[training]
epochs = 2
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tones.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """Ten low and ten high tones of different lengths."""
    folder = tmp_path_factory.mktemp("recordings")
    random = np.random.default_rng(0)
    for label, hertz in (("low", 150), ("high", 700)):
        (folder / label).mkdir()
        for index in range(10):
            time_axis = np.arange(random.integers(300, 700)) / RATE
            tone = 0.3 * np.sin(2 * np.pi * hertz * random.uniform(0.9, 1.1) * time_axis)
            soundfile.write(folder / label / f"{label}_{index}.wav", tone, RATE)
    return folder


@pytest.fixture
def features(recordings, recipe, tmp_path):
    preprocess_recordings(recordings, tmp_path / "features", recipe=recipe)
    return tmp_path / "features"


def test_the_test_split_is_neither_trained_nor_validated_on():
    table = FeaturesRecipe(held_out=r"\w+_[01]\.wav")
    paths = [f"{label}/{label}_{index}.wav" for label in ("low", "high") for index in range(10)]
    train, validation = split_recordings(paths, table, 0.25)
    assert len(train) == 12 and len(validation) == 4
    assert not {*train} & {*validation}
    assert {path[-5] for path in train + validation} == set("23456789")
    assert {path.split("/")[0] for path in validation} == {"low", "high"}
    with pytest.raises(InputError, match="at least two"):
        split_recordings(["low_0.wav", "low_5.wav"], table, 0.5)


def test_a_run_leaves_a_network_a_generator_and_pictures(features, recipe, tmp_path):
    run = tmp_path / "run"
    network = train_recipe(recipe, features, run)
    for name in ("model.keras", "generator.keras", "loss.png", "reconstructions.png"):
        assert (run / name).stat().st_size > 5000, name
    assert (run / "latents.png").stat().st_size > 5000
    rows = read_history(run / "history.csv")
    # 13 of the 16 recordings that are no test split: three whole batches in each epoch.
    for row, weights in zip(rows, ([0, 1 / 4, 2 / 4], [3 / 4, 1, 1]), strict=True):
        rest = row["loss"] - 1000 * row["reconstruction_loss"]
        assert 0 <= rest <= max(weights) * 1.5 * row["kl_loss"]
        whole = 1000 * row["val_reconstruction_loss"] + row["val_kl_loss"]
        assert row["val_loss"] == pytest.approx(whole, rel=1e-5)
    generator = zoo.load_model(run / "generator.keras")
    assert generator.labels == ("high", "low")
    low, high = generator.decibel_range
    # A tone of amplitude 0.3 has a magnitude of 0.3 * 64 / 4; quieter by 80 dB counts as silence.
    assert high == pytest.approx(20 * np.log10(4.8), abs=1)
    assert low == pytest.approx(high - 80, abs=0.1)
    latents = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    np.testing.assert_array_equal(generator.network.decoder(latents), network.decoder(latents))
    settings = json.loads((run / "settings.json").read_text())
    assert settings["features"]["label"] == "([a-z]+)_"

    start = f'[model]\nstart = "{run / "generator.keras"}"\n' + RECIPE[RECIPE.index("[features]") :]
    recipe.write_text(start)
    tuned = train_recipe(recipe, features, tmp_path / "tuned")
    assert type(tuned).__name__ == "ConvVAE"
    assert float(tuned.encoder.get_layer("sampling").step.numpy()) == 12


def test_what_does_not_fit_is_refused(features, recipe, tmp_path, song_folder):
    with pytest.raises(InputError, match=r"made with frame_step=32, the model needs 16; prep"):
        overrides = {"front_end.frame_step": 16}
        train_recipe(recipe, features, tmp_path / "run", overrides=overrides)
    with pytest.raises(InputError, match="made with duration=0.256, the model needs 0.2"):
        train_recipe(recipe, features, tmp_path / "run", overrides={"features.duration": 0.2})
    with pytest.raises(InputError, match="name the folder"):
        train_recipe(recipe, None, tmp_path / "run")
    with pytest.raises(InputError, match="no such folder"):
        train_recipe(recipe, tmp_path / "none", tmp_path / "run")
    with pytest.raises(InputError, match="set kind in"):
        train_recipe(recipe, song_folder, tmp_path / "run", overrides={"data.kind": "stem_folder"})
    with pytest.raises(InputError, match="has a loss of its own"):
        overrides = {"training.loss": "mean_squared_error"}
        train_recipe(recipe, features, tmp_path / "run", overrides=overrides)
    with pytest.raises(InputError, match="13 recordings do not fill a batch of 64"):
        train_recipe(recipe, features, tmp_path / "run", overrides={"data.batch_size": 64})
    recipe.write_text('[model]\nnetwork = "JanssonUNet"\n[data]\nkind = "features"\n')
    with pytest.raises(InputError, match="does not learn features"):
        train_recipe(recipe, features, tmp_path / "run")
    assert not (tmp_path / "run" / "model.keras").exists()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"label": "no group"}, "needs a group"),
        ({"held_out": "("}, "no regular expression"),
        ({"pad": "middle"}, "neither left nor right"),
        ({"duration": 0.0}, "must be positive"),
    ],
)
def test_wrong_features_tables_are_refused(table, message):
    with pytest.raises(InputError, match=message):
        FeaturesRecipe(**table)


def test_a_killed_run_ends_as_an_uninterrupted_one(features, recipe, tmp_path, monkeypatch):
    """A real SIGKILL is in test_run.py; this one ends the run between two batches."""
    recipe.write_text(RECIPE.replace("epochs = 2", "epochs = 4"))
    whole = train_recipe(recipe, features, tmp_path / "whole")
    run = tmp_path / "run"
    count = itertools.count(1)

    def dying(callback, batch, logs=None):
        # Three batches an epoch: in the third one.
        if next(count) == 8:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("training.loss_curve.LossCurve.on_train_batch_begin", dying)
        with pytest.raises(Killed):
            train_recipe(recipe, features, run)
    assert not (run / "model.keras").exists()
    resumed = train_recipe(recipe, features, run, resume=True)
    assert [row["epoch"] for row in read_history(run / "history.csv")] == [0, 1, 2, 3]
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)
    assert (run / "generator.keras").exists()

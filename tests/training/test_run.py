import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np
import pytest

from training.callbacks import Backup, read_history
from training.run import train_recipe
from zoo.errors import InputError

from .runs import TINY

RECIPE = f"""
{TINY}
[remix]

[training]
loss = "energy_normalized_squared_error"
schedule = "cosine"
epochs = 4
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


def test_a_recipe_is_carried_out(recipe, song_folder, tmp_path):
    run = tmp_path / "run"
    model = train_recipe(recipe, song_folder, run)
    assert sorted(path.name for path in run.iterdir() if path.name != "tensorboard") == [
        "checkpoints",
        "history.csv",
        "loss.png",
        "model.keras",
        "recipe.toml",
        "settings.json",
    ]
    assert (run / "recipe.toml").read_text() == RECIPE
    assert model.front_end.sample_rate == 2000
    assert len((run / "history.csv").read_text().splitlines()) == 5
    with pytest.raises(InputError, match="run: holds a run already"):
        train_recipe(recipe, song_folder, run)
    with pytest.raises(InputError, match=r"cannot resume, that run had other values in \[training"):
        train_recipe(recipe, song_folder, run, resume=True, overrides={"training.epochs": 5})


def test_the_seed_fixes_initialisation_order_and_dropout(recipe, song_folder, tmp_path):
    short = {"training.epochs": 1}
    runs = [
        train_recipe(recipe, song_folder, tmp_path / name, seed=1, overrides=short)
        for name in ("first", "second")
    ]
    for ours, theirs in zip(*(run.get_weights() for run in runs), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert json.loads((tmp_path / "first" / "settings.json").read_text())["run"]["seed"] == 1


def killed_in_first_stage(recipe, songs, run, overrides):
    """Trains in a process that gets a real SIGKILL, while a later epoch is under way."""
    code = f"""
import sys
from zoo.quiet import load_backend
# As commands do: without what Keras only imports for arguments that nobody passes here.
load_backend()
from training.run import train_recipe
train_recipe(sys.argv[1], sys.argv[2], sys.argv[3], overrides={overrides})
"""
    root = Path(__file__).resolve().parents[2]
    process = subprocess.Popen(
        [sys.executable, "-c", code, recipe, songs, run],
        env={**os.environ, "PYTHONPATH": str(root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    backup = Backup(run / "backup", [])
    while True:
        assert process.poll() is None
        with suppress(FileNotFoundError):
            if backup.epochs_done():
                break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (run / "model.keras").exists()
    return backup.epochs_done()


class Killed(Exception):
    pass


def stopped_in_second_stage(recipe, songs, run, overrides, monkeypatch):
    """Goes on in this process, until an epoch after the stage's first has begun."""
    backup = Backup(run / "backup", [])

    def dying(callback, batch, logs=None):
        reached, start = backup.newest_stage()
        if reached == 1 and backup.epochs_done() > start and batch > 2:
            raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("training.loss_curve.LossCurve.on_train_batch_begin", dying)
        with pytest.raises(Killed):
            train_recipe(recipe, songs, run, resume=True, overrides=overrides)
    assert not (run / "model.keras").exists()
    return backup.epochs_done()


@pytest.mark.slow
def test_a_run_killed_in_both_stages_ends_as_an_uninterrupted_one(
    recipe, song_folder, tmp_path, monkeypatch, capsys
):
    """Epochs are no whole passes over the songs, and other ones in the second stage."""
    overrides = {
        "data.patches_per_song": 50,
        "data.steps_per_epoch": 60,
        "training.epochs": 3,
        "second_stage.epochs": 3,
        "second_stage.learning_rate": 1e-4,
        "second_stage.batch_size": 8,
        "second_stage.steps_per_epoch": 40,
    }
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    assert 0 < killed_in_first_stage(recipe, song_folder, killed, overrides) < 3
    done = stopped_in_second_stage(recipe, song_folder, killed, overrides, monkeypatch)
    assert 3 < done < 6
    resumed = train_recipe(recipe, song_folder, killed, resume=True, overrides=overrides)
    assert f"resuming from epoch {done + 1} of 6" in capsys.readouterr().out
    model = train_recipe(recipe, song_folder, whole, overrides=overrides)
    np.testing.assert_allclose(
        [list(row.values()) for row in read_history(killed / "history.csv")],
        [list(row.values()) for row in read_history(whole / "history.csv")],
        rtol=1e-4,
    )
    for ours, theirs in zip(resumed.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


def test_fine_tuning_starts_from_a_file_and_keeps_frozen_layers(recipe, song_folder, tmp_path):
    first = train_recipe(recipe, song_folder, tmp_path / "first", overrides={"training.epochs": 1})
    tune = tmp_path / "tune.toml"
    start = tmp_path / "first" / "model.keras"
    tune.write_text(
        f"[model]\nstart = '{start}'\nfreeze = ['encoder_1_conv']\n"
        "[data]\nbatch_size = 4\n[training]\nepochs = 1\n"
    )
    tuned = train_recipe(tune, song_folder, tmp_path / "tuned")
    assert tuned.front_end == first.front_end

    def weights(model, layer):
        return model.get_layer(layer).get_weights()[0]

    np.testing.assert_array_equal(*(weights(m, "encoder_1_conv") for m in (first, tuned)))
    assert np.abs(weights(first, "encoder_2_conv") - weights(tuned, "encoder_2_conv")).max() > 0


def test_half_precision_training_leaves_a_single_precision_model(recipe, song_folder, tmp_path):
    overrides = {"training.epochs": 1, "model.dtype": "mixed_bfloat16"}
    model = train_recipe(recipe, song_folder, tmp_path / "run", overrides=overrides)
    saved = keras.saving.load_model(tmp_path / "run" / "model.keras")
    for network in (model, saved):
        assert {layer.compute_dtype for layer in network.layers} == {"float32"}


def test_synthetic_songs_need_no_data(recipe, tmp_path):
    overrides = {
        "data.kind": "synthetic",
        "data.count": 2,
        "data.validation_count": 1,
        "data.duration": 2.0,
        "front_end.sample_rate": 8000,
        "training.epochs": 1,
    }
    train_recipe(recipe, None, tmp_path / "run", overrides=overrides)
    assert (tmp_path / "run" / "model.keras").exists()
    assert not (tmp_path / "run" / "cache").exists()


def test_unusable_data_is_refused_before_anything_is_written(recipe, song_folder, tmp_path):
    def refuse(message, data, **overrides):
        with pytest.raises(InputError, match=message):
            train_recipe(recipe, data, tmp_path / "run", overrides=overrides)
        assert not (tmp_path / "run").exists()

    refuse("recipe tiny: trains on stems", None)
    refuse("no layer is called 'up'", song_folder, **{"model.freeze": ["up"]})
    refuse("all layers are frozen", song_folder, **{"model.freeze": ["*"]})
    refuse("no stem 'drums'", song_folder, **{"data.stems": ["drums"]})
    refuse(
        "4 songs with 1 patches each do not fill a batch of 5",
        song_folder,
        **{"data.patches_per_song": 1, "data.batch_size": 5},
    )
    refuse("remix: the songs have no stem 'choir'", song_folder, **{"remix.foreground": "choir"})
    for folder in sorted(song_folder.iterdir())[1:]:
        shutil.rmtree(folder)
    refuse("one song only", song_folder)

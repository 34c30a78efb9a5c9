import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

from training.fit import fit
from training.run import train_recipe
from zoo.errors import InputError
from zoo.jansson_unet import JanssonUNet

RECIPE = """
[model]
network = "JanssonUNet"
filters = [2, 4]

[front_end]
sample_rate = 2000
frame_length = 64
frame_step = 48
bins = 32
frames = 8

[data]
batch_size = 4
patches_per_song = 8
validation_share = 0.2

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
        train_recipe(recipe, song_folder, tmp_path / name, seed=seed, overrides=short)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    first, same, other = (run.get_weights() for run in runs)
    for ours, theirs in zip(first, same, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert np.abs(first[0] - other[0]).max() > 1e-2


def test_a_killed_run_resumes_where_it_was(recipe, song_folder, tmp_path, capsys):
    """A real SIGKILL, in the middle of an epoch."""
    code = (
        "import sys; from training.run import train_recipe;"
        "train_recipe(sys.argv[1], sys.argv[2], sys.argv[3], overrides={'training.epochs': 400})"
    )
    arguments = [sys.executable, "-c", code, recipe, song_folder, tmp_path / "killed"]
    root = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    process = subprocess.Popen(
        arguments, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    state = tmp_path / "killed" / "backup" / "epoch" / "state.json"
    deadline = time.monotonic() + 120
    try:
        while not (state.exists() and '"epochs": 1,' not in state.read_text()):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.02)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "model.keras").exists()

    done = int(state.read_text().split('"epochs": ')[1].split(",")[0])
    class Enough(Exception):
        pass

    def stop_after_two_more_epochs(epoch, logs):
        if epoch == done + 1:
            raise Enough

    overrides = {"training.epochs": 400}
    original = keras.callbacks.LambdaCallback(on_epoch_end=stop_after_two_more_epochs)
    with pytest.MonkeyPatch.context() as patch:
        from training import fit as module

        callbacks = module._callbacks
        patch.setattr(module, "_callbacks", lambda *a: [original, *callbacks(*a)])
        with pytest.raises(Enough):
            train_recipe(
                recipe, song_folder, tmp_path / "killed", resume=True, overrides=overrides
            )
    assert f"resuming from epoch {done + 1} of 400" in capsys.readouterr().out

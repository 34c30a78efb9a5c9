"""Two processes on loopback that train one model."""

import time
from contextlib import suppress

import numpy as np
import pytest

from training.callbacks import Backup
from training.hosts import DataParallel, connect_hosts
from zoo.errors import InputError
from zoo.presets import load_model

from .host_run import RECIPE, start, start_hosts
from .runs import history

PATIENCE = 240


@pytest.fixture
def run(tmp_path):
    """Stops what a failing test would leave behind; these processes ignore SIGTERM."""
    processes = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.mark.slow
def test_two_hosts_end_as_one_even_when_one_of_them_dies(song_folder, tmp_path, run):
    """One process, two, and two of which one is killed in the second epoch and started again."""
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(RECIPE)
    both = tmp_path / "both"
    run += start_hosts(recipe, song_folder, both, logs=tmp_path)
    backup = Backup(both / "backup", [])
    deadline = time.monotonic() + PATIENCE
    while True:
        assert run[0].poll() is None and run[1].poll() is None
        assert time.monotonic() < deadline
        with suppress(FileNotFoundError):
            if backup.epochs_done():
                break
        time.sleep(0.01)
    run[1].kill()
    # The other one notices, by itself.
    assert run[0].wait(PATIENCE) != 0
    assert not (both / "model.keras").exists()

    again = start_hosts(recipe, song_folder, both, "--resume", logs=tmp_path)
    run += again
    alone = start(recipe, song_folder, tmp_path / "one", log=tmp_path / "one.txt")
    run.append(alone)
    for process in (*again, alone):
        assert process.wait(PATIENCE) == 0
    assert "resuming from epoch" in (tmp_path / "host-0.txt").read_text()
    for ours, theirs in zip(history(tmp_path / "one"), history(both), strict=True):
        assert ours == pytest.approx(theirs, rel=1e-3)
    models = [load_model(tmp_path / name / "model.keras") for name in ("one", "both")]
    for ours, theirs in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    assert sorted(path.name for path in both.iterdir()) == [
        "checkpoints",
        "history.csv",
        "loss.png",
        "model.keras",
        "recipe.toml",
        "settings.json",
    ]


def test_hosts_need_the_jax_backend():
    with pytest.raises(InputError, match="set KERAS_BACKEND=jax in place of tensorflow"):
        connect_hosts("127.0.0.1:1", count=2, index=0)


@pytest.mark.parametrize("shared", [True, False])
def test_hosts_refuse_a_folder_of_their_own(tmp_path, monkeypatch, shared):
    """The second host, whose folder holds what the first one wrote, or does not."""
    second = object.__new__(DataParallel)
    second.index, second.processes = 1, 2
    # The first one's number, then who refuses.
    answers = iter([[7, 8], [0, 0 if shared else 1]])
    monkeypatch.setattr(second, "_gathered", lambda value: next(answers))
    if shared:
        (tmp_path / ".hosts").write_text("7")
        second.check_shared(tmp_path)
        return
    with pytest.raises(InputError, match="all hosts need one shared folder, by the same path"):
        second.check_shared(tmp_path)

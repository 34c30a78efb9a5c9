"""Runs of two stages: where they start, and where they go on after a kill."""

import keras
import numpy as np
import pytest

from training.fit_settings import FitSettings
from training.fitting import Stage, fit
from zoo.errors import InputError

from .runs import batches, dying, endless, history, network


def two_stages(run, train, resume=False):
    second = FitSettings(epochs=2, learning_rate=0.002, ema_momentum=0.5)
    return fit(
        network(dropout=0.3),
        train,
        batches(seed=1),
        output=run,
        settings=FitSettings(epochs=2, learning_rate=0.02),
        steps_per_epoch=8,
        then=[Stage(train, second, 8)],
        resume=resume,
    )


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    run = tmp_path_factory.mktemp("whole") / "run"
    return run, two_stages(run, endless)


@pytest.mark.parametrize("batches_alive", [12, 20, 28])
def test_a_run_of_two_stages_resumes_in_the_right_one(tmp_path, capsys, whole_run, batches_alive):
    """Killed in the first stage, in the second one's first epoch, and later."""
    run, model = whole_run
    with pytest.raises(Exception, match="Killed"):
        two_stages(tmp_path / "killed", dying(endless, batches_alive))
    capsys.readouterr()
    resumed = two_stages(tmp_path / "killed", endless, resume=True)
    done = batches_alive // 8
    assert f"resuming from epoch {done + 1} of {2 if done < 2 else 4}" in capsys.readouterr().out
    assert [row["epoch"] for row in history(run)] == [0, 1, 2, 3]
    assert history(tmp_path / "killed") == history(run)
    for ours, theirs in zip(resumed.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_second_stage_starts_from_the_best_weights(tmp_path):
    """It gets worse at once, and its patience counts from the first stage's best epoch."""
    model, run, seen = network(), tmp_path / "run", {}

    def second(first_epoch):
        best = keras.saving.load_model(run / "checkpoints" / "best.keras")
        seen.update(epoch=first_epoch, best=best.get_weights(), given=model.get_weights())
        return endless(first_epoch)

    settings = FitSettings(epochs=6, learning_rate=0.3, stop_patience=2, reduce_patience=1)
    worse = FitSettings(epochs=6, learning_rate=50.0, stop_patience=3)
    stages = [Stage(second, worse, 8)]
    best = fit(
        model,
        endless,
        batches(seed=1),
        output=run,
        settings=settings,
        steps_per_epoch=8,
        then=stages,
    )
    losses = [row["val_loss"] for row in history(run)]
    assert len(losses) == seen["epoch"] + 3
    assert min(losses) == min(losses[: seen["epoch"]])
    for ours, wanted, shipped in zip(seen["given"], seen["best"], best.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, wanted)
        np.testing.assert_array_equal(shipped, wanted)


def test_stages_with_different_losses_are_refused(tmp_path):
    stage = Stage(batches(), FitSettings(loss="mean_squared_error"))
    with pytest.raises(InputError, match="loss='mean_squared_error' of a further stage"):
        fit(network(), batches(), output=tmp_path / "run", then=[stage])
    assert not (tmp_path / "run").exists()

"""Runs of one stage: files, best epoch, resumption, refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from training.fit_settings import FitSettings
from training.fitting import fit
from training.models import freeze_layers
from zoo.errors import InputError

from .runs import batches, dying, endless, history, network


def test_a_run_leaves_its_files(tmp_path, capsys):
    run = tmp_path / "run"
    settings = FitSettings(epochs=3, learning_rate=0.02)
    best = fit(network(), batches(), batches(seed=1), output=run, settings=settings)
    rows = history(run)
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert rows[-1]["val_loss"] < 0.7 * rows[0]["val_loss"]
    assert (run / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert not (run / "backup").exists()
    assert capsys.readouterr().out.count("val_loss") == 3  # one line an epoch
    saved = keras.saving.load_model(run / "model.keras")
    for ours, theirs in zip(best.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert not saved.compiled


def test_the_best_epoch_is_kept(tmp_path):
    """A rate this high overshoots: the last epoch is not the best one."""
    settings = FitSettings(epochs=6, learning_rate=1.5)
    validation = batches(seed=1)
    best = fit(network(), batches(), validation, output=tmp_path / "run", settings=settings)
    losses = [row["val_loss"] for row in history(tmp_path / "run")]
    assert min(losses) < losses[-1]
    best.compile(loss="mean_absolute_error")
    plain = validation.map(lambda x, y: (x, y["vocals"]))
    assert best.evaluate(plain, verbose=0) == pytest.approx(min(losses), rel=1e-5)


def test_a_resumed_run_ends_as_an_uninterrupted_one(tmp_path, capsys):
    """With averaged weights; without them: `test_run.py`."""
    settings = FitSettings(
        epochs=6,
        learning_rate=0.02,
        schedule="cosine",
        warmup_steps=5,
        clip_norm=1.0,
        ema_momentum=0.9,
    )

    def run(name, train, resume=False):
        return fit(
            network(dropout=0.3),
            train,
            batches(seed=1),
            output=tmp_path / name,
            settings=settings,
            steps_per_epoch=8,
            resume=resume,
        )

    whole = run("whole", endless)

    with pytest.raises(Exception, match="Killed"):
        run("killed", dying(endless, 8 * 3 + 4))
    resumed = run("killed", endless, resume=True)
    assert "resuming from epoch 4 of 6" in capsys.readouterr().out
    assert history(tmp_path / "killed") == history(tmp_path / "whole")
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def two_sources(names=("vocals", "drums")):
    keras.utils.set_random_seed(0)
    mixture = keras.Input((4,), name="mixture")
    return keras.Model(mixture, {name: keras.layers.Dense(1, name=name)(mixture) for name in names})


def test_a_network_with_sources_learns_their_mean_error(tmp_path):
    data = batches().map(lambda x, y: (x, {"drums": x[:, :1], **y}))
    settings = FitSettings(epochs=2, loss="mean_squared_error", learning_rate=0.1)
    run = tmp_path / "run"
    best = fit(two_sources(), data, data, output=run, settings=settings)
    for row in history(run):
        for kind in ("", "val_"):
            parts = [row[f"{kind}{source}_loss"] for source in ("vocals", "drums")]
            assert row[f"{kind}loss"] == pytest.approx(np.mean(parts), rel=1e-5)
    assert history(run)[1]["val_loss"] < history(run)[0]["val_loss"]
    assert set(best.output) == {"vocals", "drums"}
    one = fit(two_sources(["vocals"]), batches(), output=tmp_path / "one", settings=settings)
    assert set(one.output) == {"vocals"}
    for train, given in ((batches(), "vocals"), (data.map(lambda x, y: (x, y["drums"])), "one")):
        with pytest.raises(InputError, match=f"outputs vocals, drums, the dataset .* {given}"):
            fit(two_sources(), train, output=tmp_path / "other")
    assert not (tmp_path / "other").exists()


def test_a_resumed_run_remembers_the_best_loss(tmp_path):
    """What the callbacks know outlives the process: a worse epoch does not replace the best."""
    from training.callbacks import Backup, Checkpoint

    model = network()
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    best = Checkpoint(str(tmp_path / "best.keras"), monitor="val_loss", save_best_only=True)
    stop = keras.callbacks.EarlyStopping(patience=5)
    backup = Backup(tmp_path / "backup", [best, stop])
    for callback in (best, stop, backup):
        callback.set_model(model)
        callback.on_train_begin()
    for epoch, loss in enumerate((1.0, 0.5, 0.8)):
        for callback in (best, stop, backup):
            callback.on_epoch_begin(epoch)
        for callback in (best, stop, backup):
            callback.on_epoch_end(epoch, {"val_loss": loss})
    backup.on_epoch_begin(3)
    written = (tmp_path / "best.keras").stat().st_mtime_ns

    # What a kill leaves while a later state is being written.
    (tmp_path / "backup" / ".0123abcd-epoch-00009").mkdir()
    again = Checkpoint(str(tmp_path / "best.keras"), monitor="val_loss", save_best_only=True)
    waiting = keras.callbacks.EarlyStopping(patience=5)
    restored = Backup(tmp_path / "backup", [again, waiting])
    assert restored.epochs_done() == 3
    restored.restore(model)
    for callback in (again, waiting, restored):
        callback.set_model(model)
        callback.on_train_begin()
    again.on_epoch_end(3, {"val_loss": 0.7})
    waiting.on_epoch_end(3, {"val_loss": 0.7})
    assert (tmp_path / "best.keras").stat().st_mtime_ns == written
    assert waiting.wait == 2
    again.on_epoch_end(4, {"val_loss": 0.1})
    assert (tmp_path / "best.keras").stat().st_mtime_ns > written
    assert sorted(path.name for path in tmp_path.iterdir()) == ["backup", "best.keras"]


def test_patience_lowers_the_rate_and_stops(tmp_path):
    settings = FitSettings(epochs=9, learning_rate=1e-9, reduce_patience=1, stop_patience=3)
    # A rate of nothing never improves the validation loss by anything that counts.
    model = network()
    fit(model, batches(), batches(seed=1), output=tmp_path / "run", settings=settings)
    assert len(history(tmp_path / "run")) < 9
    assert float(model.optimizer.learning_rate) < 1e-9


def test_weights_scale_the_squared_error(tmp_path):
    weighted = batches().map(lambda x, y: (x, y, tf.fill([4, 1], 100.0)))
    losses = []
    for name, train in (("plain", batches()), ("weighted", weighted)):
        settings = FitSettings(epochs=1, loss="energy_normalized_squared_error", learning_rate=1e-9)
        fit(network(), train, output=tmp_path / name, settings=settings)
        losses.append(history(tmp_path / name)[0]["loss"])
    assert losses[1] == pytest.approx(100 * losses[0], rel=1e-4)


def test_frozen_layers_stay(tmp_path):
    model = network()
    before = model.get_weights()
    freeze_layers(model, ["hid*"])
    after = fit(model, batches(), output=tmp_path / "run", settings=FitSettings(epochs=1))
    np.testing.assert_array_equal(before[0], after.get_weights()[0])
    assert np.abs(before[2] - after.get_weights()[2]).max() > 0


def test_a_run_that_would_train_nothing_is_an_error(tmp_path):
    def refuse(message, model=None, train=None, **options):
        with pytest.raises(InputError, match=message):
            fit(model or network(), train or batches(), output=tmp_path / "run", **options)
        assert not (tmp_path / "run").exists()

    with pytest.raises(InputError, match="epochs=0 would train nothing"):
        FitSettings(epochs=0)
    with pytest.raises(InputError, match="no layer is called 'encoder_'; there are hidden, vocals"):
        freeze_layers(network(), ["encoder_"])
    frozen = network()
    freeze_layers(frozen, ["*"])
    refuse("all layers are frozen", model=frozen)
    refuse("no batch", train=batches().take(0))
    refuse("steps_per_epoch is needed", train=batches().repeat())
    two = batches().map(lambda x, y: (x, {**y, "drums": y["vocals"]}))
    refuse("one output, the dataset has the targets vocals, drums", train=two)


def test_a_folder_with_a_run_is_refused_or_complete(tmp_path, capsys):
    run = tmp_path / "run"
    first = fit(network(), batches(), output=run, settings=FitSettings(epochs=1))
    with pytest.raises(InputError, match="run: holds a run already; resume it"):
        fit(network(), batches(), output=run)
    again = fit(network(), batches(), output=run, resume=True)
    assert "the run is complete" in capsys.readouterr().out
    np.testing.assert_array_equal(first.get_weights()[0], again.get_weights()[0])
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file: is a file"):
        fit(network(), batches(), output=tmp_path / "file")


def test_a_loss_that_is_no_number_ends_the_run(tmp_path):
    poisoned = batches().map(lambda x, y: (x, y["vocals"] * np.nan))
    with pytest.raises(InputError, match="run: the loss is no longer a number; lower learning"):
        fit(network(), poisoned, output=tmp_path / "run", settings=FitSettings(epochs=2))

"""Trained networks teach another one: what targets become, refusals, a run that goes on."""

from dataclasses import replace

import keras
import numpy as np
import pytest

from training.callbacks import read_history
from training.distillation import distilled, load_teachers
from training.pipeline import spectrogram_patches
from training.recipe import load_recipe
from training.recipe_tables import DistillationRecipe
from training.run import train_recipe
from zoo.errors import InputError
from zoo.front_end import FrontEnd
from zoo.jansson_unet import JanssonUNet
from zoo.separator import Separator
from zoo.wave_unet import WaveUNet

from .runs import TINY, dying_in_epoch


def teacher(folder, front_end, *, name, filters=(3, 4), seed=0, **arguments):
    """The path of a saved network whose masks differ from one another."""
    keras.utils.set_random_seed(seed)
    network = JanssonUNet(filters=filters, front_end=front_end, **arguments)
    rng = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.5, variable.shape))
    network.save(folder / f"{name}.keras")
    return str(folder / f"{name}.keras"), network


def taught(songs, front_end, *teachers, stems=("vocals", "drums"), share=0.75):
    """A batch as it was, and with the teachers' targets."""
    patches = spectrogram_patches(
        songs, front_end, stems=stems, batch_size=4, patches_per_song=1, first_epoch=0
    )
    recipe = DistillationRecipe(list(teachers), share)
    loaded = load_teachers(recipe, front_end, stems)
    after = distilled(patches, loaded, share=share, front_end=front_end)
    return [next(iter(dataset.as_numpy_iterator())) for dataset in (patches, after)]


def test_targets_are_the_mean_of_teachers_and_the_truth(songs, front_end, tmp_path):
    one, vocals = teacher(tmp_path, front_end, name="one")
    both, several = teacher(tmp_path, front_end, name="both", seed=1, stems=("bass", "vocals"))
    (mixture, truth), (heard, targets) = taught(songs, front_end, one, both)
    assert np.array_equal(heard, mixture)
    mean = (np.asarray(vocals(mixture)) + np.asarray(several(mixture)["vocals"])) / 2
    np.testing.assert_allclose(targets["vocals"], 0.75 * mean + 0.25 * truth["vocals"], atol=1e-5)
    assert np.array_equal(targets["drums"], truth["drums"])
    assert np.abs(targets["vocals"] - truth["vocals"]).max() > 0.05


def test_a_teacher_of_longer_patches_sees_them_mirrored(songs, front_end, tmp_path):
    deep, network = teacher(tmp_path, replace(front_end, frames=32), name="d", filters=(2,) * 4)
    (mixture, _), (_, targets) = taught(songs, front_end, deep, stems=("vocals",), share=1.0)
    expected = network(np.pad(mixture, ((0, 0), (0, 0), (4, 4), (0, 0)), "reflect"))
    np.testing.assert_allclose(targets["vocals"], np.asarray(expected)[:, :, 4:12], atol=1e-5)


def test_a_separator_teaches_the_stems_of_its_networks(songs, front_end, tmp_path):
    networks = {
        stem: teacher(tmp_path, front_end, name=stem, seed=seed)[1]
        for seed, stem in enumerate(("drums", "bass"))
    }
    Separator(networks).save_to_preset(tmp_path / "two")
    (mixture, truth), (_, targets) = taught(songs, front_end, str(tmp_path / "two"), share=1.0)
    np.testing.assert_allclose(targets["drums"], networks["drums"](mixture), atol=1e-5)
    assert np.array_equal(targets["vocals"], truth["vocals"])


def test_teachers_that_cannot_teach_are_refused(front_end, tmp_path):
    def refuse(message, path, stems=("vocals",), pupil=front_end):
        with pytest.raises(InputError, match=message):
            load_teachers(DistillationRecipe([path]), pupil, stems)

    path, _ = teacher(tmp_path, front_end, name="one")
    refuse(
        "one.keras: has another front end .*: bins is 32, not 16",
        path,
        pupil=FrontEnd(sample_rate=2000, frame_length=64, frame_step=48, bins=16, frames=8),
    )
    fixed, _ = teacher(tmp_path, front_end, name="fixed", frames=4)
    refuse("fixed.keras: cannot see patches of 8 frames", fixed)
    both, _ = teacher(tmp_path, front_end, name="both", stems=("bass", "vocals"))
    refuse("both.keras: teaches bass, vocals, none of drums", both, stems=("drums",))
    WaveUNet("M1", levels=2, initial_filters=2).save(tmp_path / "waves.keras")
    refuse("waves.keras: has no front end", str(tmp_path / "waves.keras"))
    refuse("nobody", "nobody")


def test_tables_are_checked_and_belong_to_a_run(write_recipe):
    plain = load_recipe(write_recipe(TINY))
    taught = load_recipe(write_recipe(TINY + "[distillation]\nteachers = ['a']"))
    settings = plain.settings()
    assert plain.difference(settings) is None
    assert taught.difference(settings)[0] == "distillation"
    del settings["distillation"]
    assert plain.difference(settings) is None
    for text, message in (
        ("teachers = []", r"\[distillation\]: teachers must name"),
        ("teachers = ['a']\nshare = 0", "share=0 is not above 0"),
        ("teachers = ['a']\ntemperature = 2", "unknown key 'temperature'"),
    ):
        with pytest.raises(InputError, match=message):
            load_recipe(write_recipe(TINY + f"[distillation]\n{text}"))


def test_a_killed_run_goes_on_with_the_same_targets(
    write_recipe, song_folder, front_end, tmp_path, monkeypatch
):
    path, _ = teacher(tmp_path, front_end, name="one")
    recipe = write_recipe(
        TINY + f"[distillation]\nteachers = ['{path}']\n[training]\nepochs = 2\njit_compile = false"
    )
    whole = train_recipe(recipe, song_folder, tmp_path / "whole")
    with dying_in_epoch(1, monkeypatch):
        train_recipe(recipe, song_folder, tmp_path / "run")
    resumed = train_recipe(recipe, song_folder, tmp_path / "run", resume=True)
    rows = read_history(tmp_path / "whole" / "history.csv")
    assert read_history(tmp_path / "run" / "history.csv") == rows
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    # The truth alone leads elsewhere.
    train_recipe(
        write_recipe(TINY + "[training]\nepochs = 2\njit_compile = false"),
        song_folder,
        tmp_path / "plain",
    )
    assert read_history(tmp_path / "plain" / "history.csv")[0]["loss"] != rows[0]["loss"]

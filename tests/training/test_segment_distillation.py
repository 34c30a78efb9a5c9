"""Separators teach networks on waveforms: what targets become, refusals, a recipe."""

import keras
import numpy as np
import pytest

from training.callbacks import read_history
from training.pipeline import waveform_segments
from training.recipe_tables import DistillationRecipe
from training.run import train_recipe
from training.segment_distillation import distilled_segments, load_segment_teachers
from zoo.errors import InputError
from zoo.separator import Separator
from zoo.wave_unet import WaveUNet

from .conftest import RATE
from .test_distillation import teacher


def wave_network(variant="M2", **arguments):
    return WaveUNet(
        variant, **{"sample_rate": RATE, "levels": 3, "initial_filters": 2, **arguments}
    )


def wave_teacher(folder, *, name, seed=0, **arguments):
    """The path of a saved network whose sources differ from one another, and the network."""
    network = wave_network(**arguments)
    rng = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        variable.assign(rng.normal(0, 0.3, variable.shape))
    network.save(folder / f"{name}.keras")
    return str(folder / f"{name}.keras"), network


def taught(songs, network, *teachers, share=0.75):
    """A batch as it was, and with the teachers' targets."""
    segments = waveform_segments(
        songs, network, batch_size=4, segments_per_song=1, stems=network.sources, first_epoch=0
    )
    loaded = load_segment_teachers(DistillationRecipe(list(teachers)), network, network.sources)
    after = distilled_segments(segments, loaded, share=share)
    return [next(iter(dataset.as_numpy_iterator())) for dataset in (segments, after)]


def test_targets_are_the_mean_of_teachers_and_the_truth(make_songs, front_end, tmp_path):
    songs = make_songs(4, stems=("vocals", "accompaniment"))
    pupil = wave_network(segment_samples=120)
    masks, mask_network = teacher(tmp_path, front_end, name="masks")
    waves, wave_net = wave_teacher(tmp_path, name="waves", segment_samples=pupil.segment_samples)
    (mixture, truth), (heard, targets) = taught(songs, pupil, masks, waves)
    assert np.array_equal(heard, mixture)
    # A patch of masks is as long as three segments, and takes what divides a batch of four.
    separator = Separator(mask_network)
    assert mixture.shape[1] == 120
    assert 3 <= (separator.step_samples + separator.lookahead_samples) / 120 < 4
    one = np.reshape(separator(mixture.reshape(2, 240, -1))["vocals"], mixture.shape)
    other = np.asarray(Separator(wave_net)(mixture)["vocals"])
    np.testing.assert_allclose(
        targets["vocals"], 0.75 * (one + other) / 2 + 0.25 * truth["vocals"], atol=1e-5
    )
    assert np.abs(targets["vocals"] - truth["vocals"]).max() > 0.05
    # As the truth's, estimates add up to the mixture.
    total = targets["vocals"] + targets["accompaniment"]
    np.testing.assert_allclose(total, mixture, atol=1e-5)


def test_a_network_with_context_learns_the_middle(make_songs, tmp_path):
    songs = make_songs(4, samples=2000, stems=("vocals", "accompaniment"))
    pupil = wave_network("M3", segment_samples=300)
    path, network = wave_teacher(tmp_path, name="waves", segment_samples=120)
    (mixture, truth), (_, targets) = taught(songs, pupil, path, share=1.0)
    samples = truth["vocals"].shape[1]
    start = (mixture.shape[1] - samples) // 2
    assert start > 0
    expected = np.asarray(Separator(network)(mixture)["vocals"])[:, start : start + samples]
    np.testing.assert_allclose(targets["vocals"], expected, atol=1e-5)


def test_targets_at_lower_rates_keep_the_truth(make_songs, tmp_path):
    songs = make_songs(4, stems=("vocals", "accompaniment"))
    pupil = wave_network(segment_samples=120, scales=2)
    path, _ = wave_teacher(tmp_path, name="waves", segment_samples=120)
    (_, truth), (_, targets) = taught(songs, pupil, path)
    assert np.array_equal(targets["vocals_2"], truth["vocals_2"])
    assert np.abs(targets["vocals"] - truth["vocals"]).max() > 0.05


def test_teachers_that_cannot_teach_are_refused(front_end, tmp_path):
    def refuse(message, path, sources=("accompaniment", "vocals")):
        with pytest.raises(InputError, match=message):
            load_segment_teachers(DistillationRecipe([path]), wave_network(), sources)

    other, _ = wave_teacher(tmp_path, name="other", sample_rate=4000)
    refuse("other.keras: hears 4000 Hz, the network that it teaches 2000", other)
    masks, _ = teacher(tmp_path, front_end, name="masks")
    refuse("masks.keras: teaches vocals, accompaniment, none of drums", masks, ("drums",))
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "dense.keras")
    refuse("dense.keras: a Sequential separates nothing", str(tmp_path / "dense.keras"))
    refuse("nobody", "nobody")


RECIPE = f"""
[model]
network = "WaveUNet"
variant = "M2"
sample_rate = {RATE}
levels = 3
initial_filters = 2
segment_samples = 120

[data]
batch_size = 4
patches_per_song = 2
validation_share = 0.2

[training]
epochs = 1
"""


def test_a_recipe_for_waveforms_names_teachers(write_recipe, song_folder, front_end, tmp_path):
    path, _ = teacher(tmp_path, front_end, name="masks")
    recipe = write_recipe(RECIPE)
    table = {"distillation.teachers": [path]}
    rows = []
    for name, overrides in (("alone", {}), ("taught", table)):
        train_recipe(recipe, song_folder, tmp_path / name, overrides=overrides)
        rows += read_history(tmp_path / name / "history.csv")
    alone, with_teacher = rows
    assert np.isfinite(with_teacher["val_loss"]) and with_teacher["loss"] != alone["loss"]

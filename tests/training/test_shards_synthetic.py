"""Synthetic songs in shards are those that a recipe makes by itself."""

import numpy as np
import pytest

from training.models import build_model
from training.pipeline import spectrogram_patches
from training.recipe import load_recipe
from training.shards.preprocess import preprocess_songs
from training.song_data import split_songs
from zoo.errors import InputError

STEREO = """
[model]
network = "JanssonUNet"
stems = ["vocals", "drums", "other"]
filters = [2, 4]

[front_end]
sample_rate = 8192
frame_length = 256
frame_step = 192
bins = 128
frames = 16
channels = 2

[data]
kind = "synthetic"
count = 2
validation_count = 1
duration = 4.0
"""


def test_shards_hold_the_songs_of_the_recipe(write_recipe, tmp_path):
    path = write_recipe(STEREO)
    with pytest.raises(InputError, match="synthetic:0:1: recipe mine holds 1 songs back"):
        preprocess_songs("synthetic:0:1", tmp_path / "few", recipe=path, workers=1)
    with pytest.raises(InputError, match="recipe mine: `sample_rate` must be between 8000"):
        slow = {"front_end.sample_rate": 4096}
        preprocess_songs("synthetic:0:3", tmp_path / "s", recipe=path, overrides=slow, workers=1)
    preprocess_songs("synthetic:0:3", tmp_path / "shards", recipe=path, workers=1)
    recipe = load_recipe(path)
    network = build_model(recipe.model, recipe.front_end)
    batches = []
    for data in (None, tmp_path / "shards"):
        train, held_back = split_songs(recipe, data, sample_rate=8192, channels=2)
        assert (len(train), len(held_back)) == (2, 1)
        patches = spectrogram_patches(
            held_back,
            network.front_end,
            stems=network.stems,
            batch_size=2,
            patches_per_song=2,
            training=False,
        )
        batches.append(next(iter(patches.as_numpy_iterator())))
    (mixture, targets), (other, others) = batches
    assert mixture.shape == (2, 128, 16, 2) and mixture.max() > 0.5
    np.testing.assert_allclose(mixture, other, atol=1e-3)
    for stem, target in targets.items():
        np.testing.assert_allclose(target, others[stem], atol=1e-3)

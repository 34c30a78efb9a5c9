"""Features read back: all, some, and as batches in an order that seed and epoch fix."""

from itertools import pairwise

import keras
import numpy as np
import pytest

from training import FeatureFolder, spectrogram_features
from training.feature_store import ONE
from zoo.errors import InputError

from .recordings import TINY, pipeline, write_tones


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Features of 30 tones in shards of 8."""
    root = tmp_path_factory.mktemp("features")
    write_tones(root / "in", 30)
    pipeline(root / "out").process(root / "in")
    return FeatureFolder(root / "out")


@pytest.fixture(scope="module")
def everything(folder):
    return folder.load()


def drawn(folder, everything, *, batches=None, **options):
    """Which recordings a dataset draws, as indices into `folder.paths`."""
    dataset = spectrogram_features(folder, batch_size=4, **options)
    dataset = dataset if batches is None else dataset.take(batches)
    examples = np.concatenate([x.numpy() for x, _ in dataset])
    distances = np.abs(examples[:, None] - everything[None]).max(axis=(2, 3, 4))
    assert not distances.min(axis=1).any()
    return distances.argmin(axis=1).tolist()


def test_features_are_exact_to_16_bits(tmp_path):
    write_tones(tmp_path / "in", 3)
    made = pipeline(tmp_path / "out")
    made.process(tmp_path / "in")
    folder = FeatureFolder(tmp_path / "out")
    for path, got in zip(folder.paths, folder.load(), strict=True):
        signal = made.padder.right_pad(made.loader.load(tmp_path / "in" / path), 40)
        exact, decibel_range = made.normaliser.normalise(made.extractor.extract(signal))
        np.testing.assert_allclose(got[..., 0], exact, atol=0.6 / ONE)
        np.testing.assert_allclose(folder.decibel_ranges([path])[0], decibel_range, atol=1e-3)


def test_load_some_in_any_order(folder, everything):
    picked = [17, 3, 29, 3]
    paths = [folder.paths[index] for index in picked]
    np.testing.assert_array_equal(folder.load(paths), everything[picked])
    assert folder.load([]).shape == (0, TINY.bins, TINY.frames, 1)
    assert folder.decibel_ranges(paths).shape == (4, 2)
    assert folder.decibel_ranges([]).shape == (0, 2)


def test_batches_are_pairs_of_the_same(folder):
    dataset = spectrogram_features(folder, batch_size=4, threads=1)
    assert int(dataset.cardinality()) == 7
    batches = list(dataset)
    assert len(batches) == 7
    for x, y in batches:
        assert x.shape == (4, TINY.bins, TINY.frames, 1) and x.dtype == "float32"
        np.testing.assert_array_equal(x, y)


def test_without_training_all_come_in_order(folder, everything):
    dataset = spectrogram_features(folder, batch_size=4, training=False)
    assert int(dataset.cardinality()) == 8
    assert [len(x) for x, _ in dataset] == [4] * 7 + [2]
    assert drawn(folder, everything, training=False) == list(range(30))
    paths = [folder.paths[index] for index in (20, 5, 11)]
    assert drawn(folder, everything, training=False, paths=paths) == [5, 11, 20]


def test_seed_and_epoch_fix_the_order(folder, everything):
    three = drawn(folder, everything, seed=1, first_epoch=0, batches=21)
    epochs = [three[start : start + 28] for start in (0, 28, 56)]
    for epoch in epochs:
        assert len(set(epoch)) == 28
        assert sum(after == before + 1 for before, after in pairwise(epoch)) < 8
    assert epochs[0] != epochs[1] != epochs[2] != epochs[0]
    # Other draws of the program make no difference.
    keras.utils.set_random_seed(5)
    assert drawn(folder, everything, seed=1, first_epoch=1, batches=14) == three[28:]
    assert drawn(folder, everything, seed=2, first_epoch=0, batches=7) != epochs[0]
    left_out = {frozenset(range(30)) - set(epoch) for epoch in epochs}
    assert len(left_out) > 1


def test_blocks_that_are_shuffled_one_by_one(folder, everything, monkeypatch):
    # Seven recordings at a time: an epoch of many blocks, the last of them cut.
    monkeypatch.setattr("training.features._SHUFFLED_BYTES", 7 * 2 * TINY.bins * TINY.frames)
    monkeypatch.setattr("training.features._INTERLEAVED", 2)
    two = drawn(folder, everything, first_epoch=0, batches=14)
    assert len(set(two[:28])) == len(set(two[28:])) == 28
    assert two[:28] != two[28:]
    assert drawn(folder, everything, first_epoch=1, batches=7) == two[28:]


def test_each_iteration_is_an_epoch_in_another_order(folder, everything):
    dataset = spectrogram_features(folder, batch_size=4)
    first, second = ([x.numpy() for x, _ in dataset] for _ in range(2))
    assert len(first) == len(second) == 7
    assert not np.array_equal(first, second)


def test_some_recordings_only(folder, everything):
    picked = list(range(0, 30, 3))
    paths = [folder.paths[index] for index in picked]
    assert set(drawn(folder, everything, paths=paths, first_epoch=0, batches=6)) == set(picked)
    assert int(spectrogram_features(folder, paths=paths, batch_size=4).cardinality()) == 2


def test_what_cannot_be_read_is_said(folder, tmp_path):
    with pytest.raises(InputError, match="absent: no such folder"):
        spectrogram_features(tmp_path / "absent")
    with pytest.raises(InputError, match="holds no features: features.json is missing"):
        FeatureFolder(tmp_path)
    with pytest.raises(InputError, match="holds no features of c/tone.wav"):
        folder.load(["c/tone.wav"])
    with pytest.raises(InputError, match="30 recordings are less than a batch of 64"):
        spectrogram_features(folder)
    with pytest.raises(InputError, match="0 recordings"):
        spectrogram_features(folder, paths=[], training=False)
    for name, text, message in (
        ("features.json", "{", "cannot be read"),
        ("features.json", "[]", "is not what stemzoo preprocess writes"),
        ("features.json", '{"format": 0}', "another version of stemzoo"),
        ("features.json", '{"format": 1}', "cannot be used"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=message):
            FeatureFolder(tmp_path)


def test_a_damaged_shard_is_named(tmp_path):
    write_tones(tmp_path / "in", 4)
    pipeline(tmp_path / "out").process(tmp_path / "in")
    shard = tmp_path / "out" / "shard-00000.tfrecord"
    raw = bytearray(shard.read_bytes())
    raw[len(raw) // 2] ^= 255
    shard.write_bytes(raw)
    with pytest.raises(InputError, match="a shard is damaged; preprocess again"):
        FeatureFolder(tmp_path / "out").load()
    (tmp_path / "out" / "index.json").unlink()
    with pytest.raises(InputError, match="shard-00000.tfrecord: is damaged; delete it"):
        pipeline(tmp_path / "out").process(tmp_path / "in")

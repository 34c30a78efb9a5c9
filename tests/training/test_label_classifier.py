"""The classifier learns labels from recordings, and only from those it is given."""

import numpy as np
import pytest

from training import labelled_recordings
from training.label_classifier import LabelClassifier, listening_front_end
from training.labelled_recordings import load_clips, split_by_name, train_classifier
from training.recipe_tables import FeaturesRecipe
from training.recording_augmentation import augmented, masked
from zoo.errors import InputError
from zoo.front_end import FrontEnd

from .labelled_tones import FEATURES, FRONT_END, HERTZ, RATE, tone, write_recordings


def test_it_tells_tones_apart_and_has_not_seen_those_held_out(tmp_path, monkeypatch):
    names = write_recordings(tmp_path)
    known, held_out = split_by_name(tmp_path, FEATURES)
    assert sorted(known + held_out) == names and len(held_out) == 12
    assert all(name[-5] in "01" for name in held_out)
    opened = []

    class Listening(labelled_recordings.Loader):
        def load(self, path):
            opened.append(path.name)
            return super().load(path)

    monkeypatch.setattr(labelled_recordings, "Loader", Listening)
    classifier = train_classifier(tmp_path, known, FRONT_END, FEATURES)
    assert sorted(opened) == known
    assert classifier.labels == ("high", "low", "middle")
    clips = load_clips(tmp_path, held_out, FRONT_END, FEATURES)
    probabilities = classifier.probabilities(clips)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    heard = [classifier.labels[place] for place in probabilities.argmax(axis=1)]
    assert heard == [name.split("_")[0] for name in held_out]
    assert probabilities.max(axis=1).mean() > 0.9

    high = np.stack([tone("high", np.random.default_rng(seed))[:320] for seed in range(4)])
    twice = np.repeat(high, 2, axis=1)
    at_double_rate = classifier.probabilities(twice, sample_rate=2 * RATE)
    assert at_double_rate.argmax(axis=1).tolist() == [0] * 4


def test_the_same_seed_gives_the_same_classifier():
    random = np.random.default_rng(0)
    labels = list(HERTZ) * 4
    clips = np.stack([np.resize(tone(label, random), 512) for label in labels])

    def probabilities(seed):
        classifier = LabelClassifier(listening_front_end(FRONT_END), HERTZ, seed=seed)
        classifier.fit(clips, labels, steps=4)
        return classifier.probabilities(clips)

    first = probabilities(1)
    np.testing.assert_allclose(probabilities(1), first, atol=1e-5)
    assert np.abs(probabilities(2) - first).max() > 0.01


def test_it_hears_no_more_than_the_generator_can_say():
    whole = FrontEnd(8000, 256, 80, 128, 0, 80, normalization="min_max")
    heard = listening_front_end(whole)
    assert (heard.sample_rate, heard.first_bin, heard.bins) == (8000, 0, 128)
    assert heard.clip_samples == whole.clip_samples
    course = listening_front_end(FrontEnd(22050, 512, 256, 256, 0, 64))
    assert course.sample_rate == 8000 and course.bins == course.spectrum_bins
    narrow = FrontEnd(16000, 512, 256, bins=64, first_bin=16, frames=32)
    heard = listening_front_end(narrow)
    hertz = heard.sample_rate / heard.frame_length
    assert heard.first_bin * hertz == 500
    assert (heard.first_bin + heard.bins - 1) * hertz <= 79 * 16000 / 512


def test_changes_are_in_bounds():
    random = np.random.default_rng(0)
    clips = np.zeros((50, 800), "float32")
    clips[:, 100:200] = 1
    changed = augmented(clips, random)
    assert changed.dtype == "float32" and changed.shape == clips.shape
    peaks = np.abs(changed).max(axis=1)
    assert peaks.min() < 0.5 and peaks.max() > 2
    moved = augmented(clips, np.random.default_rng(1)) > 0.5 * peaks.min()
    first = moved.argmax(axis=1)
    assert first.min() >= 0 and np.ptp(first) > 20
    np.testing.assert_array_equal(augmented(np.zeros((2, 8)), random), 0)

    spectrograms = np.ones((200, 32, 16, 1), "float32")
    hidden = masked(spectrograms, random)[..., 0] == 0
    assert spectrograms.all()
    rows, columns = hidden.all(axis=2).sum(axis=1), hidden.all(axis=1).sum(axis=1)
    assert rows.max() == 4 and columns.max() == 2 and rows.min() == columns.min() == 0


def test_recordings_that_say_nothing_are_refused(tmp_path):
    write_recordings(tmp_path, indices=3)
    with pytest.raises(InputError, match="no recording has a name like take"):
        split_by_name(tmp_path, FeaturesRecipe(label="([a-z]+)_", held_out="take"))
    with pytest.raises(InputError, match="all recordings are held out"):
        split_by_name(tmp_path, FeaturesRecipe(label="([a-z]+)_", held_out=".*"))
    same = FeaturesRecipe(label=r"(\w)", held_out=".*_0.wav")
    with pytest.raises(InputError, match="have the label h"):
        train_classifier(tmp_path, ["high_ann_1.wav", "high_bo_1.wav"], FRONT_END, same)
    (tmp_path / "low_ann_9.wav").write_text("not audio")
    with pytest.raises(InputError, match=r"low_ann_9\.wav"):
        load_clips(tmp_path, ["low_ann_9.wav"], FRONT_END, FEATURES)
    for labels in (("one",), ("one", "one")):
        with pytest.raises(ValueError, match="Received: labels="):
            LabelClassifier(listening_front_end(FRONT_END), labels)


def test_clips_are_cut_and_padded_as_in_preprocessing(tmp_path):
    write_recordings(tmp_path, indices=1)
    (name,) = ["low_ann_0.wav"]
    right = load_clips(tmp_path, [name], FRONT_END, FEATURES)
    left = load_clips(
        tmp_path, [name], FRONT_END, FeaturesRecipe(pad="left", label="x()", duration=0.2)
    )
    assert right.shape == (1, 512) and left.shape == (1, 800)
    filled = np.flatnonzero(left[0])
    assert filled[-1] == 799 and filled[0] > 100
    np.testing.assert_allclose(right[0, :200], left[0, filled[0] :][:200], atol=1e-6)

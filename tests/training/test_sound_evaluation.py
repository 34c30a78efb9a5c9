"""Errors in decibels by hand, what is recognised, and the command that prints it."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

import zoo
from training import sound_evaluation
from training.labelled_recordings import load_clips, split_by_name, train_classifier
from training.recipe_tables import FeaturesRecipe
from training.sound_evaluation import (
    decibel_errors,
    evaluate_sounds,
    recognition,
    training_features,
)
from zoo.cli import app
from zoo.decibels import to_decibels
from zoo.errors import InputError

from .labelled_tones import FEATURES, FRONT_END, HERTZ, small_generator, write_recordings


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tones")
    write_recordings(folder)
    return folder


@pytest.fixture(scope="module")
def classifier(recordings):
    known, _ = split_by_name(recordings, FEATURES)
    return train_classifier(recordings, known, FRONT_END, FEATURES)


def test_errors_are_those_computed_by_hand():
    reference = np.zeros((2, 2, 2))
    estimate = np.array([[[3, -3], [3, -3]], [[0, 0], [0, 4]]])
    row = decibel_errors("x", reference, estimate)
    assert row == {
        "spectrogram": "x",
        "clips": 2,
        # (3 + sqrt(16 / 4)) / 2 and (3 + 1) / 2.
        "root_mean_square": 2.5,
        "mean_absolute": 2.0,
    }


def test_recognition_is_counted_by_label():
    probabilities = np.array([[0.95, 0.05], [0.2, 0.8], [0.6, 0.4], [0.08, 0.92]])
    row = recognition("x", probabilities, ("a", "b"), ("a", "a", "b", "b"))
    assert (row["clips"], row["accuracy"], row["by_label"]) == (4, 0.5, {"a": 0.5, "b": 0.5})
    assert row["confidence"] == pytest.approx((0.95 + 0.8 + 0.6 + 0.92) / 4)
    assert row["confident"] == 0.5
    row = recognition("x", probabilities, ("a", "b"), None)
    assert row["accuracy"] is None and row["by_label"] is None


def test_a_generator_is_measured_on_the_recordings_held_out(recordings, classifier):
    generator = small_generator()
    report = evaluate_sounds(
        generator, recordings, features=FEATURES, classifier=classifier, samples_per_label=4
    )
    _, held_out = split_by_name(recordings, FEATURES)
    clips = load_clips(recordings, held_out, FRONT_END, FEATURES)
    errors = {row["spectrogram"]: row for row in report.errors}
    assert list(errors) == ["network", "network and Griffin-Lim", "Griffin-Lim alone"]
    assert {row["clips"] for row in report.errors} == {12}

    x, ranges = map(np.asarray, FRONT_END.features(clips))
    width = (ranges[:, 1] - ranges[:, 0])[:, None, None, None]
    difference = (generator.network.predict(x, verbose=0) - x) * width
    by_hand = np.sqrt(np.mean(difference**2, axis=(1, 2, 3))).mean()
    assert errors["network"]["root_mean_square"] == pytest.approx(by_hand, rel=1e-4)
    magnitude = np.asarray(FRONT_END.clip_magnitude(generator.reconstruct(clips)))
    decibels = np.asarray(to_decibels(magnitude, 1000)).transpose(0, 2, 1)
    low = ranges[:, 0, None, None]
    difference = np.maximum(decibels, low) - (x[..., 0] * width[..., 0] + low)
    assert errors["network and Griffin-Lim"]["mean_absolute"] == pytest.approx(
        np.abs(difference).mean(), rel=1e-4
    )
    # An untrained network gives a flat spectrogram; Griffin-Lim's own error is small beside that.
    alone = errors["Griffin-Lim alone"]["root_mean_square"]
    assert 0.1 < alone < 0.5 * errors["network"]["root_mean_square"]

    rows = {row["audio"]: row for row in report.recognition}
    assert [(name, row["clips"]) for name, row in rows.items()] == [
        ("recordings held out", 12),
        ("Griffin-Lim alone", 12),
        ("reconstructions", 12),
        ("samples of each label", 12),
        ("standard normal latents", 12),
    ]
    assert rows["recordings held out"]["accuracy"] == 1
    assert rows["Griffin-Lim alone"]["accuracy"] > 0.8
    # All sounds of this generator are alike.
    assert rows["reconstructions"]["accuracy"] < 0.7
    assert rows["samples of each label"]["accuracy"] == pytest.approx(1 / 3)
    assert set(rows["samples of each label"]["by_label"]) == set(HERTZ)
    assert rows["standard normal latents"]["accuracy"] is None

    table = report.table()
    assert "over all bins and frames of a clip, mean over clips" in table
    assert "trained on 24 real recordings (share of clips)" in table
    assert f"{errors['network']['root_mean_square']:.2f}" in table
    figures = json.loads(report.to_json())
    assert figures["errors"] == report.errors and figures["recognition"] == report.recognition
    assert figures["classifier"] == {"recordings": 24, "sample_rate": 4000}
    assert "| samples of each label | 12 | 33.3 % |" in report.markdown()


def test_without_labels_only_errors_are_measured(recordings):
    report = evaluate_sounds(
        small_generator(()), recordings, features=FeaturesRecipe(held_out="low_ann_0.wav")
    )
    assert [row["clips"] for row in report.errors] == [1, 1, 1] and not report.recognition
    assert "recognised" not in report.table()
    assert json.loads(report.to_json())["recognition"] == []


def test_labels_that_nobody_learned_are_refused(recordings, classifier):
    with pytest.raises(InputError, match="no recording to train on has the label 'loud'"):
        evaluate_sounds(
            small_generator(("low", "loud")), recordings, features=FEATURES, classifier=classifier
        )


def test_the_command_measures_by_what_the_run_says(recordings, classifier, tmp_path, monkeypatch):
    monkeypatch.setattr("training.label_classifier._LEAST_STEPS", 5)
    monkeypatch.setattr(sound_evaluation, "SAMPLES_PER_LABEL", 2)
    small_generator().save(tmp_path / "generator.keras")
    command = ["evaluate", str(tmp_path / "generator.keras"), "--data", str(recordings)]
    runner = CliRunner()
    refused = runner.invoke(app, command)
    assert isinstance(refused.exception, InputError)
    assert "does not say which recordings were held out" in str(refused.exception)

    settings = {"features": {"label": FEATURES.label, "held_out": FEATURES.held_out}}
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    assert training_features(tmp_path / "generator.keras") == FEATURES
    printed = runner.invoke(app, [*command, "--json"])
    assert printed.exit_code == 0
    assert [row["clips"] for row in json.loads(printed.stdout)["errors"]] == [12, 12, 12]
    monkeypatch.setattr(sound_evaluation, "train_classifier", lambda *_, **__: classifier)
    one = runner.invoke(app, [*command, "--held-out", ".*_ann_1.wav"])
    assert one.exit_code == 0 and "network and Griffin-Lim" in one.stdout
    assert "    3  " in one.stdout

    generator = small_generator()
    generator.save_to_preset(tmp_path / "tones", metadata={"settings": settings})
    assert training_features(tmp_path / "tones") == FEATURES
    assert training_features("jansson_unet_vocals") is None
    generator.network.save(tmp_path / "network.keras")
    network = ["evaluate", str(tmp_path / "network.keras"), "--data", str(recordings), "--json"]
    measured = json.loads(runner.invoke(app, network).stdout)
    assert "samples of each label" not in {row["audio"] for row in measured["recognition"]}


def test_commands_that_contradict_the_model_are_refused(recordings, tmp_path):
    small_generator().save(tmp_path / "generator.keras")
    separator = zoo.JanssonUNet(filters=(2, 3))
    separator.save(tmp_path / "separator.keras")
    for arguments, message in (
        (["generator.keras", "--metric", "sdr"], "makes sounds; the metric sdr is for separators"),
        (["generator.keras", "--label", "x"], "needs a group"),
        (["generator.keras", "--held-out", "x"], "no recording has a name like x"),
        (["separator.keras", "--held-out", "x"], "held-out is for models that make sounds"),
    ):
        command = ["evaluate", str(tmp_path / arguments[0]), *arguments[1:]]
        result = CliRunner().invoke(app, [*command, "--data", str(recordings)])
        assert isinstance(result.exception, InputError)
        assert message in str(result.exception)
        assert "\n" not in str(result.exception)

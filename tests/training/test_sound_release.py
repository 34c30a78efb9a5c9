"""A run on features becomes a preset of a sound generator whose card shows what was measured."""

import json
from dataclasses import replace

import pytest

import zoo
from training.labelled_recordings import split_by_name, train_classifier
from training.preprocess import preprocess_recordings
from training.run import train_recipe
from training.sound_evaluation import evaluate_sound_model, evaluate_sounds, training_features
from training.sound_release import main
from zoo.errors import InputError

from .labelled_tones import write_recordings

RECIPE = """
[model]
network = "ConvVAE"
conv_filters = [3, 4]
conv_kernels = [3, 3]
conv_strides = [2, 2]
latent_space_dim = 4
reconstruction = "mse"
alpha = 1000.0

[front_end]
sample_rate = 4000
frame_length = 64
frame_step = 32
bins = 32
first_bin = 0
frames = 16
normalization = "min_max"

[features]
label = '([a-z]+)_'
held_out = '[a-z]+_\\w+_[01]\\.wav'

[data]
kind = "features"
batch_size = 4
validation_share = 0.25

[training]
epochs = 2
"""


def arguments(run, preset, recipe, recordings):
    return [
        *(str(run), str(preset), "--recipe", str(recipe), "--recordings", str(recordings)),
        *("--trained-on", "tones of our own", "--licence", "CC0-1.0", "--minutes", "3"),
    ]


@pytest.mark.slow
def test_a_run_becomes_a_preset(tmp_path, monkeypatch):
    monkeypatch.setattr("training.label_classifier._LEAST_STEPS", 30)
    monkeypatch.setattr("training.sound_evaluation.SAMPLES_PER_LABEL", 2)
    recipe, run, preset = tmp_path / "tones.toml", tmp_path / "run", tmp_path / "tones"
    recordings = tmp_path / "recordings"
    recipe.write_text(RECIPE)
    write_recordings(recordings)
    command = arguments(run, preset, recipe, recordings)
    with pytest.raises(InputError, match="holds no finished run"):
        main(command)
    preprocess_recordings(recordings, tmp_path / "features", recipe=recipe)
    train_recipe(recipe, tmp_path / "features", run)
    recipe.write_text(RECIPE.replace("alpha = 1000.0", "alpha = 10.0"))
    with pytest.raises(InputError, match=r"model\.arguments is .*10\.0.*, the run: .*1000\.0"):
        main(command)
    assert not preset.exists()

    recipe.write_text(RECIPE)
    main(command)
    generator = zoo.SoundGenerator.from_preset(preset)
    assert generator.labels == ("high", "low", "middle")
    metadata = json.loads((preset / "metadata.json").read_text())
    assert metadata["class"] == "SoundGenerator" and metadata["labels"] == ["high", "low", "middle"]
    assert metadata["settings"]["features"]["label"] == "([a-z]+)_"
    assert metadata["recordings"] == 18 and metadata["licence"] == "CC0-1.0"
    recognised = {row["audio"]: row for row in metadata["scores"]["recognition"]}
    assert recognised["recordings held out"]["clips"] == 12
    card = (preset / "README.md").read_text()
    assert "# tones" in card and "ConvVAE in a `zoo.SoundGenerator`" in card
    assert "18 recordings to learn from and\n6 to choose the best of 2 epochs by, 3 minutes" in card
    assert "0 to 1938 Hz" in card and "tones of our own" in card and "CC0-1.0" in card
    (error,) = (row for row in metadata["scores"]["errors"] if row["spectrogram"] == "network")
    assert f"| network | 12 | {error['root_mean_square']:.2f} |" in card
    assert str(tmp_path) not in card.replace(str(recipe), "")
    for picture in ("samples", "reconstructions", "latents", "loss"):
        assert (preset / f"{picture}.png").read_bytes().startswith(b"\x89PNG")
        assert f"]({picture}.png)" in card

    # The figures are those of the stored weights.
    report = evaluate_sound_model(preset, generator, recordings)
    assert report.errors == metadata["scores"]["errors"]


@pytest.fixture(scope="module")
def judge(shared_data):
    """Recordings, and a classifier that learned a third of those that presets are trained on."""
    recordings = shared_data / "fsdd" / "recordings"
    features = training_features("vae_fsdd")
    known, _ = split_by_name(recordings, features)
    front_end = zoo.SoundGenerator.from_preset("vae_fsdd").front_end
    return recordings, train_classifier(recordings, known[::3], front_end, features)


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["vae_fsdd", "autoencoder_fsdd"])
def test_shipped_presets_speak(preset, judge):
    """Within 10 points of the classifier's own accuracy on reconstructions, as the cards say.

    The cards' figures come from all recordings; these from fewer, for time.
    """
    recordings, classifier = judge
    features = replace(training_features(preset), held_out=r"\d_\w+_[01]\.wav")
    report = evaluate_sounds(
        zoo.SoundGenerator.from_preset(preset),
        recordings,
        features=features,
        samples_per_label=1,
        classifier=classifier,
    )
    recognised = {row["audio"]: row["accuracy"] for row in report.recognition}
    assert recognised["recordings held out"] > 0.9
    assert recognised["reconstructions"] > recognised["recordings held out"] - 0.1

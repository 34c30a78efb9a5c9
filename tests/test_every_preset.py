"""Every shipped separator: it separates, leaves in every format, and can be trained further."""

import keras
import numpy as np
import pytest
import soundfile

import export
import zoo
from export.runtimes import open_file
from export.sharing import shared_graphs
from training.evaluation import evaluate
from training.models import takes_waveforms
from training.run import train_recipe
from training.synthetic import synthetic_songs
from zoo.preset_files import preset_metadata
from zoo.presets import load_preset

PRESETS = [name for name in zoo.list_presets() if preset_metadata(name)["stems"]]


@pytest.fixture(scope="module", params=PRESETS)
def preset(request):
    return request.param


@pytest.fixture(scope="module")
def model(preset):
    return load_preset(preset)


@pytest.fixture(scope="module")
def separator(model):
    return zoo.Separator.from_model(model)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Three songs in stems, as every preset has them, for all presets to be trained with."""
    folder = tmp_path_factory.mktemp("songs")
    for track in synthetic_songs(5, 3, duration=17.0):
        stems = {stem: track.load_stem(stem) for stem in ("vocals", "drums", "bass")}
        stems["other"] = track.load_mixture() - sum(stems.values())
        stems["accompaniment"] = track.load_mixture() - stems["vocals"]
        (folder / track.name).mkdir()
        for stem, waveform in stems.items():
            soundfile.write(folder / track.name / f"{stem}.wav", waveform, track.sample_rate)
    return folder


@pytest.mark.slow
def test_every_stem_comes_closer(separator):
    # Seeds of no recipe, and computed songs, which need no material.
    songs = synthetic_songs(1_000_000, 3, duration=10.0)
    rows = evaluate(separator, songs).aggregates
    gains = {r["stem"]: r["improvement"] for r in rows if r["aggregation"] == "median over tracks"}
    assert list(gains) == list(separator.stems)
    assert min(gains.values()) > 2.0, gains


@pytest.mark.slow
def test_files_of_every_format_have_its_output(separator, tmp_path):
    shape = (1, separator.lookahead_samples + separator.step_samples, separator.channels or 2)
    with shared_graphs():
        reports = [
            export.to_saved_model(separator, tmp_path / "saved_model", inputs=shape),
            export.to_tflite(separator, tmp_path / "model.tflite", inputs=shape),
            export.to_onnx(separator, tmp_path / "model.onnx", inputs=shape),
        ]
    waveform = np.random.default_rng(0).uniform(-0.5, 0.5, shape).astype("float32")
    expected = separator(waveform)
    for report in reports:
        assert report.max_error <= 1e-4
        stems = open_file(tmp_path / report.path)({"waveform": waveform})
        for stem, signal in expected.items():
            assert np.abs(stems[stem] - signal).max() < 1e-4


@pytest.mark.slow
def test_it_trains_further(preset, model, songs, tmp_path):
    table = {"start": preset, "freeze": []}
    data = {"stems": None, "batch_size": 2, "patches_per_song": 2, "validation_share": 0.3}
    data["validation_patches_per_song"] = 2
    loss = "mean_absolute_error" if takes_waveforms(model) else "energy_normalized_squared_error"
    settings = {"model": table, "data": data, "training": {"loss": loss, "epochs": 1}}
    overrides = {f"{name}.{k}": v for name, keys in settings.items() for k, v in keys.items()}
    tuned = train_recipe("jansson_unet_finetune", songs, tmp_path / "run", overrides=overrides)
    assert isinstance(tuned, type(model)) and isinstance(tuned, keras.Model)
    moved = [
        float(np.abs(np.asarray(new) - np.asarray(old)).max())
        for new, old in zip(tuned.trainable_variables, model.trainable_variables, strict=True)
    ]
    assert 0 < max(moved) < 0.1 and np.isfinite(moved).all()

"""Commands that train, export, verify and show, each from end to end."""

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.run import train_recipe
from zoo import load_model
from zoo.demo import write_stem_folder
from zoo.exporting import export_model

from .conftest import noise


@pytest.fixture(scope="module")
def stems(tmp_path_factory):
    """A stem folder of three songs at the tiny model's rate."""
    folder = tmp_path_factory.mktemp("stems")
    for index, song in enumerate(("one", "two", "three")):
        (folder / song).mkdir()
        for place, stem in enumerate(("vocals", "accompaniment")):
            samples = noise(8192, 1, seed=2 * index + place)
            soundfile.write(folder / song / f"{stem}.wav", samples, 8192)
    return folder


@pytest.mark.slow
def test_export_and_verify(stemzoo, preset, separator, tmp_path):
    output = tmp_path / "new" / "files"
    code, out, err = stemzoo("export", preset, "-o", output, "--json")
    assert (code, err) == (0, "")
    reports = {Path(report["path"]).name: report for report in json.loads(out)}
    files = {"saved_model", "model.tflite", "model.onnx", "stream.onnx"}
    assert set(reports) == files
    assert all(report["max_error"] <= 1e-4 for report in reports.values())
    assert json.loads((output / "report.json").read_text()) == list(reports.values())

    separator.save(tmp_path / "same.keras")
    for name in ("model.tflite", "stream.onnx"):
        code, out, _ = stemzoo("verify", output / name, tmp_path / "same.keras")
        assert code == 0 and "max error" in out

    network = next(iter(separator.networks.values()))
    other = network.from_config(network.get_config())
    other.save(tmp_path / "other.keras")
    code, out, err = stemzoo("verify", output / "model.onnx", tmp_path / "other.keras")
    assert (code, out) == (1, "")
    assert err.startswith(f"stemzoo: {output / 'model.onnx'}: output ") and err.count("\n") == 1


@pytest.mark.slow
def test_export_of_the_network_alone(stemzoo, preset, tmp_path):
    arguments = ["-o", tmp_path, "--format", "tflite", "--input", "spectrogram", "--json"]
    code, out, _ = stemzoo("export", preset, *arguments)
    (report,) = json.loads(out)
    assert code == 0
    assert report["inputs"]["mixture"]["shape"] == [None, 64, 16, 1]


@pytest.mark.slow
def test_train_and_evaluate(stemzoo, separator, stems, tmp_path):
    (network,) = separator.networks.values()
    network.save(tmp_path / "start.keras")
    settings = [
        f'model.start="{tmp_path / "start.keras"}"',
        "model.freeze=[]",
        "data.batch_size=2",
        "data.patches_per_song=2",
        "training.epochs=1",
    ]
    sets = [part for setting in settings for part in ("--set", setting)]
    run = tmp_path / "run"
    code, out, _ = stemzoo(
        "train", "jansson_unet_finetune", "--data", stems, "-o", run, "--json", *sets
    )
    assert code == 0 and json.loads(out)["model"] == str(run / "model.keras")
    trained = load_model(run / "model.keras")
    changed = [
        not np.array_equal(before, after)
        for before, after in zip(network.get_weights(), trained.get_weights(), strict=True)
    ]
    assert any(changed) and trained.front_end == network.front_end

    code, out, _ = stemzoo("evaluate", run / "model.keras", "--data", stems, "--json")
    rows = json.loads(out)["tracks"]
    assert code == 0 and {row["track"] for row in rows} == {"one", "two", "three"}

    code, out, err = stemzoo("train", "jansson_unet_finetune", "--data", stems, "-o", run, *sets)
    assert code == 2 and "holds a run already" in err


def test_preview(stemzoo, tmp_path):
    code, out, err = stemzoo("data", "preview", "-o", tmp_path / "preview", "--duration", "3")
    assert (code, err) == (0, "")
    files = {path.name for path in (tmp_path / "preview").iterdir()}
    assert {"vocals.wav", "drums.wav", "mixture.wav", "spectrograms.png"} <= files
    assert sorted(out.split()) == sorted(str(tmp_path / "preview" / name) for name in files)


@pytest.mark.slow
def test_demo(stemzoo, separator, tmp_path, monkeypatch):
    # README's example writes the preset in the other formats, too.
    formats = partial(export_model, formats=("tflite",))
    monkeypatch.setattr("zoo.demo.export_model", formats)
    # The same steps on less: a tiny preset, two songs, one batch.
    (network,) = separator.networks.values()
    network.save_to_preset(tmp_path / "tiny")
    monkeypatch.setattr("zoo.demo.DEFAULT_PRESET", str(tmp_path / "tiny"))
    shorter = {"model.start": str(tmp_path / "tiny")}
    shorter |= {"data.patches_per_song": 8, "training.epochs": 1}

    def train(recipe, data, output, *, overrides):
        return train_recipe(recipe, data, output, overrides={**overrides, **shorter})

    def write(folder, *, seed, count, duration):
        write_stem_folder(folder, seed=seed, count=2, duration=6.0)

    monkeypatch.setattr("training.run.train_recipe", train)
    monkeypatch.setattr("zoo.demo.write_stem_folder", write)
    output = tmp_path / "demo"
    code, out, err = stemzoo("demo", "-o", output)
    assert (code, err) == (0, "")
    for name in (
        "stems/synthetic_song/vocals.wav",
        "stems/synthetic_song/accompaniment.wav",
        "spectrograms.png",
        "fine_tuned/model.keras",
        "exports/model.tflite",
    ):
        assert (output / name).is_file(), name
    table = (output / "report.txt").read_text()
    assert table in out
    assert all(word in table for word in ("tflite", "real-time factor"))


def test_demo_with_a_bad_song_leaves_nothing(stemzoo, tmp_path):
    code, _, err = stemzoo("demo", tmp_path / "absent.mp3", "-o", tmp_path / "demo")
    assert (code, err) == (2, f"stemzoo: {tmp_path / 'absent.mp3'}: no such file\n")
    assert not list(tmp_path.iterdir())

"""The Python of README and docs runs as it stands, on small files."""

import re
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import soundfile

import zoo
from training.fit_settings import FitSettings
from zoo.demo import write_stem_folder
from zoo.preset_files import preset_metadata

ROOT = Path(__file__).resolve().parents[1]
README, DEPLOYMENT = ROOT / "README.md", ROOT / "docs" / "deployment.md"


@pytest.mark.slow
def test_python_example(tmp_path, monkeypatch):
    if "jansson_unet_vocals" not in zoo.list_presets():
        pytest.fail("the preset that README shows is missing")
    monkeypatch.chdir(tmp_path)
    # As it stands, but for the paper's number of epochs.
    monkeypatch.setattr("training.fitting.FitSettings", lambda: FitSettings(epochs=1))
    generator = np.random.default_rng(0)
    write_stem_folder(tmp_path / "my_stems", seed=5, count=2, duration=15.0)
    soundfile.write("song.mp3", generator.uniform(-0.3, 0.3, (44100, 2)), 44100)

    first, second = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    names = {}
    # The files in single precision are compared below.
    with patch("export.exporter.measure"):
        exec(compile(first, str(README), "exec"), names)
    for path in ("stems/song/vocals.wav", "my_preset/config.json", "run/model.keras"):
        assert (tmp_path / path).is_file(), path

    import ai_edge_litert.interpreter
    import onnxruntime
    import tensorflow as tf

    waveform = generator.uniform(-0.3, 0.3, (1, 98304, 2)).astype("float32")
    expected = {k: np.asarray(v) for k, v in names["separator"](waveform).items()}
    names = {
        "ai_edge_litert": ai_edge_litert,
        "onnxruntime": onnxruntime,
        "tf": tf,
        "waveform": waveform,
    }
    exec(compile(second, str(README), "exec"), names)
    for vocals in (names["on_the_phone"]["vocals"], names["vocals"], names["served"]["vocals"]):
        assert np.abs(vocals - expected["vocals"]).max() < 1e-4


def score(preset, data, stem):
    """The median over tracks that a preset's card has of a stem of some songs."""
    (row,) = (
        row
        for rows in preset_metadata(preset)["scores"].values()
        for row in rows
        if data in row["songs"]
        and (row["stem"], row["aggregation"]) == (stem, "median over tracks")
    )
    return row


STEMS = ("vocals", "accompaniment")


def table_rows(path):
    """The cells of each row of a page's tables."""
    for line in path.read_text("utf-8").splitlines():
        if line.startswith("|"):
            yield [cell.strip() for cell in line.strip("|").split("|")]


def test_scores_are_those_of_the_cards():
    preset, shown = None, 0
    for first, data, _, *cells in (row for row in table_rows(README) if len(row) == 5):
        preset = first.strip("`") or preset
        songs = "Mallory" if "Mallory" in data else "synthetic:1000000:20"
        for stem, cell in zip(STEMS, cells, strict=True):
            if found := re.fullmatch(r"(-?\d+\.\d) \((-?\d+\.\d)\)", cell):
                given = [float(value) for value in found.groups()]
                row = score(preset, songs, stem)
                expected = row["SDR"], row["mixture"]
                assert given == pytest.approx(expected, abs=0.0501), (preset, songs)
                shown += 1
    assert shown == 17


def test_scores_in_the_table_of_recipes_are_those_of_the_cards():
    shown = 0
    for first, *cells in table_rows(ROOT / "docs" / "recipes.md"):
        for place, cell in enumerate(cells):
            if found := re.fullmatch(r"(-?\d+\.\d\d) \(([+-]\d+\.\d\d)\)", cell):
                preset = re.match(r"\[`(\w+)`\]", first)[1]
                songs = ("synthetic:1000000:20", "Mallory")[place // 2]
                row = score(preset, songs, STEMS[place % 2])
                expected = row["SDR"], row["improvement"]
                given = [float(value) for value in found.groups()]
                assert given == pytest.approx(expected, abs=0.00501), (preset, songs)
                shown += 1
    assert shown == 17


def test_streaming_example(tmp_path, monkeypatch):
    """docs/deployment.md's loop over buffers."""
    from ai_edge_litert.interpreter import Interpreter

    import export
    from export.metadata import read_metadata

    monkeypatch.chdir(tmp_path)
    front_end = zoo.FrontEnd(frame_length=64, frame_step=24, bins=32, frames=16)
    separator = zoo.Separator(zoo.JanssonUNet(filters=(2, 4), front_end=front_end))
    Path("phone").mkdir()
    with patch("export.exporter.measure"):
        export.to_tflite(separator, "phone/model.tflite", inputs=(1, 600, 2))
    signal = np.random.default_rng(0).uniform(-1, 1, (1, 3000, 2)).astype("float32")
    heard, played = [], []

    def microphone(samples):
        start = sum(heard)
        heard.append(samples)
        return signal[:, start : start + samples]

    names = {
        "np": np,
        "Interpreter": Interpreter,
        "read_metadata": read_metadata,
        "microphone": microphone,
        "listening": lambda: sum(heard) + separator.step_samples <= 3000,
        "play": played.append,
    }
    (example,) = re.findall(r"```python\n(.*?)```", DEPLOYMENT.read_text("utf-8"), re.DOTALL)
    exec(compile(example, str(DEPLOYMENT), "exec"), names)
    got = np.concatenate(played, axis=1)[:, names["facts"]["skip_samples"] :]
    whole = np.asarray(separator(signal)["vocals"])[:, : got.shape[1]]
    assert got.shape[1] > 2000 and np.abs(got - whole).max() < 1e-5

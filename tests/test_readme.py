"""README's Python runs as it stands, on small files."""

import re
from pathlib import Path

import numpy as np
import pytest
import soundfile

import zoo
from training.fit_settings import FitSettings

README = Path(__file__).resolve().parents[1] / "README.md"


@pytest.mark.slow
def test_python_example(tmp_path, monkeypatch):
    if "jansson_unet_vocals" not in zoo.list_presets():
        pytest.fail("the preset that README shows is missing")
    monkeypatch.chdir(tmp_path)
    # As it stands, but for the paper's number of epochs.
    monkeypatch.setattr("training.fitting.FitSettings", lambda: FitSettings(epochs=2))
    generator = np.random.default_rng(0)
    for name in ("one", "two"):
        for stem in ("vocals", "accompaniment"):
            (tmp_path / "my_stems" / name).mkdir(parents=True, exist_ok=True)
            samples = generator.uniform(-0.3, 0.3, (15 * 8192, 1))
            soundfile.write(tmp_path / "my_stems" / name / f"{stem}.wav", samples, 8192)
    soundfile.write("song.mp3", generator.uniform(-0.3, 0.3, (44100, 2)), 44100)

    first, second = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    names = {}
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

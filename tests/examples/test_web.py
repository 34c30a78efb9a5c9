"""The page of examples/web in headless Chromium, its stems equal to those of Python's runtime."""

import json
import shutil
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch

import numpy as np
import onnxruntime
import pytest
import soundfile

import export
from zoo.inference import separate_array

HERE = Path(__file__).parent
WEB = HERE.parents[1] / "examples" / "web"
RATE = 8192
LIMIT = 120

needs_node = pytest.mark.skipif(not shutil.which("node"), reason="node is not installed")


@needs_node
def test_modules_without_a_browser():
    run = subprocess.run(
        ["node", "--test", HERE / "check_modules.mjs"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert run.returncode == 0, run.stdout
    assert "# fail 0" in run.stdout


@pytest.fixture(scope="module")
def chromium():
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("chromium is not installed")
    if not shutil.which("node"):
        pytest.skip("node is not installed")
    if not (WEB / "node_modules" / "onnxruntime-web").is_dir():
        pytest.skip("examples/web has no node_modules: make web installs them")
    return found


@pytest.fixture(scope="module")
def models(separator, tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    # What the page makes of them is looked at here.
    with patch("export.exporter.measure"):
        export.to_onnx(separator, folder / "model.onnx")
        export.to_onnx(separator.streaming(), folder / "stream.onnx")
    (folder / "damaged.onnx").write_bytes((folder / "model.onnx").read_bytes()[:-2000])
    return folder


def sound(rate, seconds, channels, seed):
    """Gliding tones with noise, `(samples, channels)`."""
    random = np.random.default_rng(seed)
    time = np.arange(round(rate * seconds)) / rate
    tones = [
        np.sin(2 * np.pi * (f * time + 40 * np.sin(time + f))) for f in random.uniform(100, 2500, 6)
    ]
    mixed = np.stack(tones, axis=1) @ random.uniform(0, 0.12, (6, channels))
    return (mixed + random.normal(0, 0.01, mixed.shape)).astype("float32")


SOUNDS = {
    "exact": (RATE, 3.33, 2),
    "stereo": (44100, 4.0, 2),
    "mono": (22050, 1.0, 1),
    "short": (48000, 0.002, 2),
}


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    for seed, (name, (rate, seconds, channels)) in enumerate(SOUNDS.items()):
        waveform = sound(rate, seconds, channels, seed)
        soundfile.write(folder / f"{name}.wav", waveform, rate, subtype="FLOAT")
    (folder / "<b>text.wav").write_text("no sound")
    return folder


class Site(SimpleHTTPRequestHandler):
    """The page, with the models beside it, and under /bare/ as before `npm install`."""

    def __init__(self, *arguments, models, **options):
        self.models = models
        super().__init__(*arguments, directory=str(WEB), **options)

    def translate_path(self, path):
        if path.startswith("/models/"):
            return str(self.models / Path(path).name)
        if path.startswith("/bare/node_modules/"):
            return str(self.models / "nothing")
        return super().translate_path(path.removeprefix("/bare"))

    def log_message(self, *arguments):
        pass


@pytest.fixture(scope="module")
def results(chromium, models, songs, tmp_path_factory):
    """What the page did with each song: the driver's answers, and the folders of stems."""
    folder = tmp_path_factory.mktemp("page")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Site, models=models))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}/"
    song = {name: str(songs / f"{name}.wav") for name in SOUNDS}
    actions = {
        "no model": {"address": f"{address}?models=nowhere/"},
        "bare": {"address": f"{address}bare/?models=/models/"},
        "exact": {"address": address, "file": song["exact"], "play": True},
        "stereo": {"file": song["stereo"]},
        "mono": {"file": song["mono"]},
        "short": {"file": song["short"]},
        "text": {"file": str(songs / "<b>text.wav")},
        "damaged": {"model": str(models / "damaged.onnx")},
        "whole": {"model": str(models / "model.onnx"), "file": song["exact"]},
    }
    for name, action in actions.items():
        action["downloads"] = str(folder / name)
    request = {
        "packages": str(WEB),
        "chromium": chromium,
        "profile": str(folder / "profile"),
        "actions": list(actions.values()),
    }
    (folder / "request.json").write_text(json.dumps(request))
    run = subprocess.run(
        ["node", HERE / "drive_page.mjs", folder / "request.json"],
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    server.shutdown()
    server.server_close()
    thread.join()
    assert run.returncode == 0, run.stderr
    return folder, dict(zip(actions, json.loads(run.stdout), strict=True))


def stems(results, action, song):
    """Returns the stems that the page saved, dict stem -> `(samples, channels)`, and their rate."""
    folder, _ = results
    files = {
        stem: soundfile.read(
            folder / action / f"{song} ({stem}).wav", dtype="float32", always_2d=True
        )
        for stem in ("vocals", "accompaniment")
    }
    (rate,) = {rate for _, rate in files.values()}
    return {stem: waveform for stem, (waveform, _) in files.items()}, rate


@pytest.mark.slow
@pytest.mark.parametrize("action", ["exact", "whole"])
def test_stems_equal_those_of_onnx_runtime_in_python(results, models, songs, action):
    got, rate = stems(results, action, "exact")
    song, _ = soundfile.read(songs / "exact.wav", dtype="float32")
    session = onnxruntime.InferenceSession(models / "model.onnx")
    outputs = session.run(list(got), {"waveform": song[None]})
    assert rate == RATE
    for expected, waveform in zip(outputs, got.values(), strict=True):
        assert waveform.shape == song.shape
        assert np.abs(waveform - expected[0]).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["stereo", "mono", "short"])
def test_songs_of_other_rates_come_out_whole(results, separator, songs, name):
    got, rate = stems(results, name, name)
    song, song_rate = soundfile.read(songs / f"{name}.wav", dtype="float32", always_2d=True)
    assert rate == song_rate
    np.testing.assert_allclose(sum(got.values()), song, rtol=0, atol=1e-6)
    if name == "short":
        return
    expected = separate_array(separator, song, rate)["vocals"]
    error = got["vocals"] - expected
    # What soxr and the page's own conversion of rates do differently at the edge of the band.
    assert (error**2).sum() < 1e-5 * (expected**2).sum()


@pytest.mark.slow
def test_page_says_what_it_does(results):
    _, said = results
    assert "vocals, accompaniment; 8192 Hz; songs of any length" in said["exact"]["model"]
    assert "short songs, in one piece" in said["whole"]["model"]
    assert said["exact"]["status"].startswith("0:03 separated in")
    assert said["exact"]["names"] == ["exact (vocals).wav", "exact (accompaniment).wav"]
    assert 0 < said["exact"]["played"] < 1
    assert said["exact"]["playing"] == "Play"
    assert not said["whole"]["complaints"]


@pytest.mark.slow
def test_errors_are_one_sentence_on_the_page(results):
    _, said = results
    errors = {action: result["error"] for action, result in said.items() if result["error"]}
    assert errors == {
        "bare": "ONNX Runtime is missing: run npm install in examples/web.",
        "no model": "There is no model yet: choose a stream.onnx or a model.onnx.",
        "text": "<b>text.wav holds no sound that this browser can read.",
        "damaged": "damaged.onnx is damaged, or not an ONNX file.",
    }

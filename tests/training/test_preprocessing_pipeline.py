"""Preprocessing of a folder: what it makes, what it skips, and what it refuses."""

import json
import os
import re
import sys
from dataclasses import replace
from functools import partial

import librosa
import numpy as np
import pytest
import soundfile

from training import FeatureFolder
from training.preprocess import preprocess_recordings
from zoo.cli import main
from zoo.errors import InputError

from .recordings import RATE, TINY, Loader, pipeline, write_tones


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """20 tones and what is not to be read, and the tones' relative paths."""
    folder = tmp_path_factory.mktemp("tones")
    paths = write_tones(folder, 20)
    (folder / ".hidden").mkdir()
    soundfile.write(folder / ".hidden" / "tone.wav", np.zeros(100), RATE)
    soundfile.write(folder / "a" / "._tone.wav", np.zeros(100), RATE)
    (folder / "a" / "notes.txt").write_text("These are notes.")
    return folder, paths


def reference(signal, pad):
    """Features of a signal by librosa and NumPy: scaled spectrogram, least and greatest dB."""
    missing = TINY.clip_samples - len(signal)
    signal = np.pad(signal, (0, missing) if pad == "right" else (missing, 0))
    spectrum = librosa.stft(signal, n_fft=TINY.frame_length, hop_length=TINY.frame_step)
    decibels = librosa.amplitude_to_db(np.abs(spectrum)[: TINY.bins, : TINY.frames])
    low, high = decibels.min(), decibels.max()
    return (decibels - low) / (high - low), low, high


@pytest.mark.parametrize("pad", ["right", "left"])
def test_features_equal_librosas(tones, tmp_path, pad):
    folder, paths = tones
    pipeline(tmp_path, pad=pad).process(folder)
    features = FeatureFolder(tmp_path)
    assert features.paths == tuple(paths)
    assert features.front_end == TINY and features.duration == 0.08
    got, ranges = features.load(), features.decibel_ranges()
    assert got.shape == (20, 32, 10, 1) and ranges.shape == (20, 2)
    for path, values, (low, high) in zip(paths, got, ranges, strict=True):
        truth, least, greatest = reference(soundfile.read(folder / path, dtype="float32")[0], pad)
        np.testing.assert_allclose(values[..., 0], truth, atol=3e-4)
        np.testing.assert_allclose([low, high], [least, greatest], atol=0.02)


def test_index_and_shards(tones, tmp_path):
    folder, paths = tones
    report = pipeline(tmp_path).process(folder)
    assert (report.done, report.already_there, report.skipped) == (20, 0, {})
    shards = [f"shard-0000{number}.tfrecord" for number in range(3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "features.json",
        "index.json",
        *shards,
    ]
    index = json.loads((tmp_path / "index.json").read_text())
    assert list(index["recordings"]) == paths and index["complete"]
    entry = index["recordings"]["b/tone 019.wav"]
    assert entry["shard"] == shards[2] and entry["samples"] == 120


def bad_files(folder):
    """Writes files that cannot be used among three that can; returns what is said of each."""
    good = write_tones(folder, 3)
    (folder / "a" / "empty.wav").touch()
    (folder / "a" / "text.wav").write_text("These are lyrics.\n" * 100)
    soundfile.write(folder / "a" / "nothing.wav", np.zeros(0), RATE)
    soundfile.write(folder / "b" / "truncated.wav", np.zeros(5000), RATE)
    os.truncate(folder / "b" / "truncated.wav", 3000)
    samples = np.zeros(100)
    samples[50] = np.nan
    soundfile.write(folder / "b" / "not a number.wav", samples, RATE, subtype="FLOAT")
    (folder / "b" / "link.wav").symlink_to(folder / "absent.wav")
    (folder / "b" / "folder.wav").mkdir()
    return good, {
        "a/empty.wav": r"empty.wav: is empty \(0 bytes\)",
        "a/nothing.wav": "nothing.wav: holds no samples",
        "a/text.wav": "text.wav: ",
        "b/link.wav": "link.wav: no such file",
        "b/not a number.wav": "number.wav: holds a NaN or infinite sample at 0.025 s",
        "b/truncated.wav": "truncated.wav: is truncated",
    }


def test_bad_files_are_reported_and_skipped(tmp_path):
    good, problems = bad_files(tmp_path / "in")
    errors = []
    report = pipeline(tmp_path / "out", shard_records=2).process(
        tmp_path / "in", on_error=errors.append
    )
    assert report.done == 3 and sorted(report.skipped) == sorted(problems)
    for path, problem in problems.items():
        assert re.search(problem, report.skipped[path]) and "\n" not in report.skipped[path]
    assert [str(error) for error in errors] == [report.skipped[path] for path in report.skipped]
    assert FeatureFolder(tmp_path / "out").paths == tuple(good)
    assert str(report).endswith("3 recordings preprocessed, 0 were there already, 6 skipped")

    (tmp_path / "in" / "a" / "empty.wav").write_bytes((tmp_path / "in" / good[0]).read_bytes())
    report = pipeline(tmp_path / "out", shard_records=2).process(tmp_path / "in")
    assert (report.done, report.already_there, len(report.skipped)) == (1, 3, 5)


def test_silence_is_no_error(tmp_path):
    (tmp_path / "in").mkdir()
    soundfile.write(tmp_path / "in" / "silence.wav", np.zeros(100), RATE)
    assert pipeline(tmp_path / "out").process(tmp_path / "in").done == 1
    folder = FeatureFolder(tmp_path / "out")
    assert not folder.load().any()
    np.testing.assert_allclose(folder.decibel_ranges(), [[-100, -100]], atol=1e-3)


def test_output_inside_the_recordings(tmp_path):
    paths = write_tones(tmp_path, 3)
    for done in (3, 0):
        assert pipeline(tmp_path / "features").process(tmp_path).done == done
    assert FeatureFolder(tmp_path / "features").paths == tuple(paths)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"front_end": replace(TINY, bins=16)}, "was made with front_end.bins=32, not 16"),
        ({"duration": 0.05}, "was made with duration=0.08, not 0.05"),
        ({"pad": "left"}, "was made with pad='right', not 'left'"),
    ],
)
def test_other_settings_are_refused(tones, tmp_path, change, message):
    pipeline(tmp_path).process(tones[0])
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(InputError, match=message):
        pipeline(tmp_path, **change).process(tones[0])
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_folder_of_something_else_is_refused(tones, tmp_path):
    (tmp_path / "thesis.txt").write_text("a year's work")
    with pytest.raises(InputError, match="holds thesis.txt; name an empty or a new folder"):
        pipeline(tmp_path).process(tones[0])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_recordings_are_needed(tmp_path):
    with pytest.raises(InputError, match="absent: no such folder"):
        pipeline(tmp_path / "out").process(tmp_path / "absent")
    (tmp_path / "notes.txt").write_text("no audio")
    with pytest.raises(InputError, match="notes.txt: not a folder"):
        pipeline(tmp_path / "out").process(tmp_path / "notes.txt")
    with pytest.raises(InputError, match="holds no recordings"):
        pipeline(tmp_path / "out").process(tmp_path)
    assert not (tmp_path / "out").exists()


def test_parts_that_do_not_fit(tmp_path):
    with pytest.raises(ValueError, match="mono at 2000 Hz. Received: mono=False"):
        pipeline(tmp_path, loader=partial(Loader, mono=False))
    with pytest.raises(ValueError, match="at most 0.08 s.* Received: duration=0.1"):
        pipeline(tmp_path, duration=0.1)
    with pytest.raises(ValueError, match="Received: pad='both'"):
        pipeline(tmp_path, pad="both")
    assert not list(tmp_path.iterdir())


def test_a_recipe_decides(tmp_path):
    write_tones(tmp_path / "in", 2)
    overrides = {"front_end.frames": 20, "features.pad": "left"}
    report = preprocess_recordings(tmp_path / "in", tmp_path / "out", overrides=overrides)
    assert report.done == 2
    folder = FeatureFolder(tmp_path / "out")
    assert (folder.front_end.frames, folder.duration) == (20, 0.2)
    assert json.loads((tmp_path / "out" / "features.json").read_text())["pad"] == "left"
    with pytest.raises(InputError, match=r"jansson_unet: \[front_end\] and \[features\] must say"):
        preprocess_recordings(tmp_path / "in", tmp_path / "other", recipe="jansson_unet")
    with pytest.raises(InputError, match="recipe vae_fsdd: duration must be at most 0.8 s"):
        preprocess_recordings(
            tmp_path / "in", tmp_path / "other", overrides={"features.duration": 1.0}
        )


def run(monkeypatch, capfd, *arguments):
    """Exit code, standard output and error of a command."""
    monkeypatch.setattr(sys, "argv", ["stemzoo", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
        raise SystemExit(0)
    return ended.value.code or 0, *capfd.readouterr()


def test_command(monkeypatch, capfd, tmp_path):
    good, problems = bad_files(tmp_path / "in")
    arguments = ["preprocess", tmp_path / "in", tmp_path / "out", "--set", "front_end.frames=20"]
    code, out, err = run(monkeypatch, capfd, *arguments)
    assert code == 2
    summary = "3 recordings preprocessed, 0 were there already, 6 skipped"
    assert out == f"{tmp_path / 'out'}: {summary}\n"
    lines = err.splitlines()
    assert len(lines) == 6 and all(line.startswith(f"stemzoo: {tmp_path}") for line in lines)
    for path in problems:
        (tmp_path / "in" / path).unlink()
    code, out, err = run(monkeypatch, capfd, *arguments, "--json")
    assert (code, err) == (0, "")
    report = json.loads(out)
    assert (report["done"], report["already_there"], report["skipped"]) == (0, 3, {})
    code, out, err = run(monkeypatch, capfd, *arguments[:3])
    assert (code, out) == (2, "") and "was made with" in err and err.count("\n") == 1

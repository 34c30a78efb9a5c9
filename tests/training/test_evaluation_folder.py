"""`stemzoo evaluate` as a job: manifest, museval's files, tables and pictures."""

import importlib.util
import json
import pickle
import shutil
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import keras
import matplotlib.image
import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from training.evaluation import CEILINGS, EvaluateTask, evaluate, evaluate_data
from training.evaluation.box_plots import box_plots
from training.evaluation.bsseval import V4_SCORES
from training.evaluation.museval_files import museval_scores, write_museval_file
from training.loaders.named import named_tracks
from zoo.batch import fingerprint
from zoo.cli import app
from zoo.errors import InputError
from zoo.front_end import FrontEnd
from zoo.jansson_unet import JanssonUNet
from zoo.separator import Separator

RATE = 2000
SONGS = ("one", "two")


@pytest.fixture(scope="module")
def separator():
    keras.utils.set_random_seed(0)
    front_end = FrontEnd(sample_rate=RATE, frame_length=64, frame_step=48, bins=32, frames=8)
    return Separator(JanssonUNet(filters=(2, 4), front_end=front_end))


@pytest.fixture(scope="module")
def model(separator, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    separator.save(path)
    return path


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    rng = np.random.default_rng(0)
    for name in SONGS:
        (folder / name).mkdir()
        for stem in ("vocals", "drums"):
            soundfile.write(folder / name / f"{stem}.wav", rng.normal(0, 0.1, (5000, 1)), RATE)
    return folder


@pytest.fixture(scope="module")
def report(model, songs, tmp_path_factory):
    output = tmp_path_factory.mktemp("report")
    return output, evaluate_data(model, songs, ceilings=True, output=output)


def test_the_folder_holds_all_that_was_measured(report, separator, songs):
    output, result = report
    files = {str(path.relative_to(output)) for path in output.rglob("*.*")}
    museval = {f"test/{song}.json" for song in SONGS}
    assert files == museval | {
        "box_plots.png",
        "manifest.jsonl",
        "scores.json",
        "table.md",
        "table.txt",
    }
    scores = json.loads((output / "scores.json").read_text())
    by_name = {metric["metric"]: metric for metric in scores["metrics"]}
    assert list(by_name) == ["sdr", "si_sdr", "nsdr", "bsseval_v4"]
    assert (output / "table.txt").read_text() == result.table() + "\n"
    nsdr = by_name["nsdr"]
    assert nsdr["aggregation"] == "BSSEval v3 of sources, whole signal, mean of the channels"
    assert nsdr["ceilings"] == CEILINGS
    for row in nsdr["tracks"]:
        assert row["NSDR"] == pytest.approx(row["SDR"] - row["mixture"])
    lines = (output / "table.md").read_text().splitlines()
    assert "| track | stem | SDR | SIR | SAR | mixture | NSDR | IRM1 | IRM2 | IBM |" in lines
    # The job measures what the function does, and `song` after `song` in the order of the data.
    plain = evaluate(separator, named_tracks(songs), metric="sdr")
    for ours, theirs in zip(by_name["sdr"]["tracks"], plain.rows, strict=True):
        assert (ours["track"], ours["stem"]) == (theirs["track"], theirs["stem"])
        assert ours["SDR"] == pytest.approx(theirs["SDR"])


@pytest.fixture
def aggregate(monkeypatch):
    """museval's readers, without the package's import that wants ffmpeg."""
    package = ModuleType("museval")
    package.__path__ = [str(Path(importlib.util.find_spec("museval").origin).parent)]
    monkeypatch.setitem(sys.modules, "museval", package)
    module = import_module("museval.aggregate")
    yield module
    for name in ("museval.aggregate", "museval.version"):
        sys.modules.pop(name, None)


def test_museval_reads_its_files(report, aggregate):
    output, result = report
    store = aggregate.EvalStore()
    store.add_eval_dir(output)
    assert set(store.df["track"]) == set(SONGS)
    assert set(store.df["target"]) == {"vocals", "accompaniment"}
    medians = store.agg_frames_tracks_scores()
    ours = {
        row["stem"]: row
        for row in result.evaluations[-1].aggregates
        if "median" in row["aggregation"] and "tracks" in row["aggregation"]
    }
    for stem, row in ours.items():
        for name in V4_SCORES:
            assert medians[stem][name] == pytest.approx(row[name], abs=2e-5)
    # What museval itself would write of the same frames.
    record = result.records[0]
    theirs = aggregate.TrackStore(record["track"])
    for stem, scores in record["scores"]["bsseval_v4"]["separator"].items():
        theirs.add_target(stem, scores)
    theirs.scores = {**theirs.scores, "museval_version": museval_scores(record)["museval_version"]}
    assert museval_scores(record) == json.loads(theirs.json)
    theirs.scores = museval_scores(record)
    theirs.validate()


def test_undefined_frames_and_names_with_folders(tmp_path, aggregate):
    scores = {name: [1.0, float("nan"), float("inf")] for name in V4_SCORES}
    record = {
        "track": "../A/B",
        "subset": "train",
        "scores": {"bsseval_v4": {"separator": {"vocals": scores}}},
    }
    path = write_museval_file(record, tmp_path)
    assert path == tmp_path / "train" / ".._A_B.json"
    frames = aggregate.json2df(json.loads(path.read_text()), "x")
    frames = frames[frames["metric"] == "SDR"]
    assert frames["score"].isna().tolist() == [False, True, True]
    assert frames["time"].tolist() == [0, 1, 2]


def test_a_second_run_does_what_is_missing(model, songs, tmp_path, monkeypatch):
    import training.evaluation.task as task

    done, score_track = [], task.score_track

    def killed(separator, track, *arguments, **options):
        if done:
            raise KeyboardInterrupt
        done.append(track.name)
        return score_track(separator, track, *arguments, **options)

    monkeypatch.setattr(task, "score_track", killed)
    options = {"metrics": ["sdr"], "output": tmp_path / "report"}
    with pytest.raises(KeyboardInterrupt):
        evaluate_data(model, songs, **options)
    assert not (tmp_path / "report" / "scores.json").exists()
    monkeypatch.setattr(
        task, "score_track", lambda *a, **o: done.append(a[1].name) or score_track(*a, **o)
    )
    result = evaluate_data(model, songs, **options)
    assert sorted(done) == sorted(SONGS)
    whole = evaluate_data(model, songs)
    assert result.to_json() == whole.to_json()
    assert not (tmp_path / "report" / "test").exists()
    with pytest.raises(InputError, match=r"manifest.jsonl: belongs to a job with other settings"):
        evaluate_data(model, songs, **{**options, "metrics": ["si_sdr"]})


def test_a_song_that_fails_is_named_and_the_others_are_scored(model, songs, tmp_path):
    folder = tmp_path / "songs"
    samples = soundfile.read(songs / "one" / "drums.wav")[0]
    for song in ("bad", "good"):
        (folder / song).mkdir(parents=True)
        for stem in ("vocals", "drums"):
            soundfile.write(folder / song / f"{stem}.flac", samples, RATE)
    # Whole by its header, and unreadable behind it.
    broken = folder / "bad" / "drums.flac"
    content = broken.read_bytes()
    broken.write_bytes(content[:2000] + bytes(len(content) - 2000))
    result = CliRunner().invoke(app, ["evaluate", str(model), "--data", str(folder), "--json"])
    assert result.exit_code == 2
    assert {row["track"] for row in json.loads(result.stdout)["tracks"]} == {"good"}
    assert f"stemzoo: {broken}" in result.stderr
    shutil.rmtree(folder / "good")
    with pytest.raises(InputError, match="songs: none of its 1 songs could be scored"):
        evaluate_data(model, folder, on_error=lambda error: None)


def test_the_command_takes_several_metrics(model, songs):
    command = ["evaluate", str(model), "--data", str(songs)]
    result = CliRunner().invoke(app, [*command, "--metric", "sdr", "--metric", "si_sdr", "--json"])
    assert result.exit_code == 0
    assert [one["metric"] for one in json.loads(result.stdout)["metrics"]] == ["sdr", "si_sdr"]
    table = CliRunner().invoke(app, [*command, "--ceilings"]).stdout
    assert "sdr in dB (whole signal, all channels)" in table and "IRM2" in table


def test_the_command_compares_with_and_without_a_wiener_filter(model, songs, tmp_path):
    command = ["evaluate", str(model), "--data", str(songs), "--metric", "sdr"]
    command += ["--output", str(tmp_path)]
    result = CliRunner().invoke(app, [*command, "--wiener"])
    assert result.exit_code == 0 and "improvement  unfiltered" in result.stdout
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert scores["wiener_iterations"] == 1
    rows = scores["metrics"][0]["tracks"]
    assert all(row["SDR"] != row["unfiltered"] for row in rows)
    for other in ([], ["--wiener-iterations", "2"]):
        again = CliRunner().invoke(app, [*command, *other])
        assert "settings (wiener_iterations was 1, is" in str(again.exception)


def test_the_command_goes_on_without_museval(model, songs, monkeypatch):
    monkeypatch.setattr("training.evaluation.bsseval.importlib.util.find_spec", lambda name: None)
    command = ["evaluate", str(model), "--data", str(songs), "--metric", "all"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0 and "si_sdr in dB" in result.stdout
    assert result.stderr.splitlines()[-1] == (
        "stemzoo: metric nsdr, bsseval_v4: needs museval: pip install 'stemzoo[eval]'; "
        "only sdr, si_sdr computed"
    )


def test_the_task_travels(model, songs, separator):
    task = EvaluateTask(str(model), str(songs), ("sdr",), fingerprint=fingerprint(str(model)))
    task = pickle.loads(pickle.dumps(task))
    items = task.items()
    assert sorted(item.name for item in items) == sorted(SONGS)
    assert all(len(item.files) == 2 for item in items)
    work = task.open()
    record = work(items[0])
    assert json.loads(json.dumps(record)) == record
    rows = evaluate(separator, named_tracks(songs)).rows
    (expected,) = (
        row["SDR"] for row in rows if (row["track"], row["stem"]) == (items[0].name, "vocals")
    )
    assert record["scores"]["sdr"]["separator"]["vocals"]["SDR"] == [pytest.approx(expected)]
    model.touch()
    assert fingerprint(str(model)) == task.fingerprint


def test_boxes_of_a_single_track_are_its_frames(report, tmp_path):
    _, result = report
    sizes = []
    for records, metrics in ((result.records[:1], ["bsseval_v4"]), (result.records, ["sdr"])):
        path = box_plots(tmp_path / "plots.png", records, metrics, title="x")
        picture = matplotlib.image.imread(path)
        sizes.append(picture.shape[:2])
        assert picture[..., :3].std() > 0.05
    assert sizes[0] > sizes[1]

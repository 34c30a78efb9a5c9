"""What interrupted, killed and repeated runs of preprocessing leave."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training import FeatureFolder
from zoo.errors import InputError

from .recordings import RATE, Loader, pipeline, write_tones

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tones(tmp_path_factory):
    """The folder of 40 tones, and their relative paths."""
    folder = tmp_path_factory.mktemp("tones")
    return folder, write_tones(folder, 40)


@pytest.fixture(scope="module")
def whole(tones, tmp_path_factory):
    """Features of the tones, of a run that nothing disturbed."""
    output = tmp_path_factory.mktemp("features")
    report = pipeline(output).process(tones[0])
    assert (report.done, report.already_there, report.skipped) == (40, 0, {})
    return output


def contents(folder):
    """The shards' bytes, and the index."""
    files = {path.name: path.read_bytes() for path in folder.glob("shard-*")}
    return files, json.loads((folder / "index.json").read_text())


def stamps(folder, names):
    return {
        name: ((folder / name).stat().st_ino, (folder / name).stat().st_mtime_ns) for name in names
    }


def test_a_second_run_does_nothing_again(whole, tones):
    before = stamps(whole, contents(whole)[0])
    report = pipeline(whole).process(tones[0])
    assert (report.done, report.already_there) == (0, 40)
    assert stamps(whole, before) == before


class Interrupted(Exception):
    pass


def interrupting(last):
    class Interrupting(Loader):
        """Decodes files until one, and is interrupted there."""

        def load(self, path):
            if path.name == last:
                raise Interrupted
            return super().load(path)

    return Interrupting


def test_an_interrupted_run_goes_on(whole, tones, tmp_path):
    folder, _ = tones
    with pytest.raises(Interrupted):
        pipeline(tmp_path, loader=interrupting("tone 021.wav")).process(folder)
    with pytest.raises(InputError, match="interrupted; run it again"):
        FeatureFolder(tmp_path)
    finished = stamps(tmp_path, contents(tmp_path)[0])
    assert 1 <= len(finished) < 5
    report = pipeline(tmp_path).process(folder)
    assert report.already_there == 8 * len(finished) and report.done == 40 - report.already_there
    assert stamps(tmp_path, finished) == finished
    assert contents(tmp_path) == contents(whole)


@pytest.mark.slow
def test_a_killed_run_goes_on(whole, tones, tmp_path):
    folder, _ = tones
    command = [sys.executable, "-m", "tests.training.recordings", str(folder), str(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "shard-00001.tfrecord").exists():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    # What a kill in the middle of writing would leave.
    (tmp_path / ".0123abcd-shard-00002.tfrecord").write_bytes(b"torn")
    (tmp_path / ".0123abcd-index.json").write_bytes(b"{")
    finished = stamps(tmp_path, [path.name for path in tmp_path.glob("shard-*")])
    report = pipeline(tmp_path).process(folder)
    assert report.already_there == 8 * len(finished) >= 16
    assert stamps(tmp_path, finished) == finished
    assert contents(tmp_path) == contents(whole)
    assert not list(tmp_path.glob(".*"))


def test_a_shard_that_the_index_lacks_is_read_back(whole, tones, tmp_path):
    folder, paths = tones
    pipeline(tmp_path).process(folder)
    index = json.loads((tmp_path / "index.json").read_text())
    index["complete"] = False
    index["recordings"] = {path: index["recordings"][path] for path in paths[:16]}
    (tmp_path / "index.json").write_text(json.dumps(index))
    (tmp_path / "shard-00004.tfrecord").unlink()
    kept = [f"shard-0000{number}.tfrecord" for number in range(4)]
    before = stamps(tmp_path, kept)
    report = pipeline(tmp_path).process(folder)
    assert (report.done, report.already_there) == (8, 32)
    assert stamps(tmp_path, kept) == before
    assert contents(tmp_path) == contents(whole)


def test_a_shard_that_was_lost_is_done_again(whole, tones, tmp_path):
    pipeline(tmp_path).process(tones[0])
    (tmp_path / "shard-00001.tfrecord").unlink()
    with pytest.raises(InputError, match="shard-00001.tfrecord is missing; preprocess again"):
        FeatureFolder(tmp_path)
    assert pipeline(tmp_path).process(tones[0]).done == 8
    got, truth = FeatureFolder(tmp_path), FeatureFolder(whole)
    np.testing.assert_array_equal(got.load(tones[1]), truth.load(tones[1]))


def test_new_recordings_are_added(tmp_path):
    write_tones(tmp_path / "in", 4)
    assert pipeline(tmp_path / "out").process(tmp_path / "in").done == 4
    soundfile.write(tmp_path / "in" / "a" / "first.wav", np.ones(100) / 2, RATE)
    report = pipeline(tmp_path / "out").process(tmp_path / "in")
    assert (report.done, report.already_there) == (1, 4)
    assert FeatureFolder(tmp_path / "out").paths[-1] == "a/first.wav"

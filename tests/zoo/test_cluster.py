"""Jobs on a Ray cluster of two nodes, both on this machine."""

import json
import os
import shutil
import signal
import tempfile
import threading
import time
from pathlib import Path

import pytest
import soundfile

from zoo import InputError
from zoo.jobs import run_jobs

from .conftest import noise

# Ray warns of the defaults of its own settings.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")

HERE = Path(__file__).parent
NODE = {
    "num_cpus": 1,
    "object_store_memory": 80 << 20,
    "include_dashboard": False,
}


@pytest.fixture(scope="module")
def address():
    """Of a cluster of two nodes with a processor each, which can import the module of tasks."""
    cluster_utils = pytest.importorskip("ray.cluster_utils")
    # Sockets lie there, whose paths must be short.
    folder = tempfile.mkdtemp(prefix="ray")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("PYTHONPATH", str(HERE))
        # Ray writes the newest cluster's address there, whatever that cluster's `temp_dir`.
        monkeypatch.setenv("RAY_TMPDIR", folder)
        monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "0")
        monkeypatch.syspath_prepend(str(HERE))
        cluster = cluster_utils.Cluster(
            initialize_head=True, head_node_args={**NODE, "temp_dir": f"{folder}/ray"}
        )
        try:
            cluster.add_node(**NODE)
            yield cluster.address
        finally:
            cluster.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


def kill_when_it_hangs(log: Path, item: str) -> threading.Thread:
    """Kills the first process that begins an item, in the middle of it."""

    def watch():
        path = log / item
        while not path.exists() or not path.read_text().endswith("\n"):
            time.sleep(0.02)
        time.sleep(0.2)
        os.kill(int(path.read_text()), signal.SIGKILL)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
def test_a_killed_worker_costs_nothing(address, tmp_path, capfd):
    import job_tasks

    inputs, log, local, remote = (tmp_path / name for name in ("in", "log", "local", "remote"))
    for folder in (inputs, log, local, remote):
        folder.mkdir()
    run_jobs(job_tasks.Halve(str(local), str(local)), job_tasks.items(inputs, 10), None)
    special = {"item2": {"hangs": True}, "item4": {"deaths": 9}, "item5": {"bad": True}}
    items = job_tasks.items(inputs, 10, **special)
    killer = kill_when_it_hangs(log, "item2")
    errors, manifest = [], tmp_path / "manifest.jsonl"
    report = run_jobs(
        job_tasks.Halve(str(remote), str(log)),
        items,
        manifest,
        workers=None,
        cluster=address,
        on_error=lambda error: errors.append(str(error)),
    )
    killer.join(timeout=1)
    assert sorted(errors) == ["item4: its worker died 3 times (on the cluster)", "item5: is bad"]
    rows = [json.loads(line) for line in manifest.read_text().splitlines()[11:]]
    assert sorted(row["name"] for row in rows) == sorted(item.name for item in items)
    done = sorted(row["name"] for row in rows if row["status"] == "done")
    assert done == sorted(report.names("done")) and len(done) == 8
    attempts = {path.name: len(path.read_text().split()) for path in log.iterdir()}
    assert attempts == {f"item{n}": {2: 2, 4: 3}.get(n, 1) for n in range(10)}
    for name in done:
        assert (remote / f"{name}.npy").read_bytes() == (local / f"{name}.npy").read_bytes()
    assert len(set((log / "item2").read_text().split())) == 2
    assert capfd.readouterr().out == ""


@pytest.mark.slow
def test_separate_on_a_cluster(address, exported, stemzoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(4):
        soundfile.write(f"song{number}.wav", noise(9000 + number, 2, seed=number), 44100)
    Path("bad.wav").write_text("These are lyrics.")
    Path("songs.txt").write_text("".join(f"song{n}.wav\n" for n in range(4)) + "bad.wav\n")
    arguments = ["separate", "--from", "songs.txt", "--model", exported]
    code, _, err = stemzoo(*arguments, "-o", "local", "--workers", 1)
    assert code == 2 and err.startswith("stemzoo: bad.wav: cannot be decoded")
    code, out, err = stemzoo(*arguments, "-o", "remote", "--cluster", address)
    assert code == 2 and err.startswith("stemzoo: bad.wav: cannot be decoded")
    assert out.splitlines()[-1].endswith("4 done, 1 failed, 0 pending; 0 were done already")
    stems = sorted(Path("local").rglob("*.wav"))
    assert len(stems) == 8
    for stem in stems:
        assert stem.read_bytes() == Path("remote", *stem.parts[1:]).read_bytes()
    Path("bad.wav").write_bytes(Path("song0.wav").read_bytes())
    # What a cluster began, this machine can end.
    code, out, err = stemzoo(*arguments, "-o", "remote")
    assert (code, err) == (0, "") and out.splitlines()[:2] == [
        "remote/bad/vocals.wav",
        "remote/bad/accompaniment.wav",
    ]
    assert out.splitlines()[-1].endswith("5 done, 0 failed, 0 pending; 4 were done already")


def test_no_cluster(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(HERE))
    import job_tasks

    (tmp_path / "in").mkdir()
    items = job_tasks.items(tmp_path / "in", 1)
    task = job_tasks.Halve(str(tmp_path), str(tmp_path))
    pytest.importorskip("ray")
    for address, problem in (
        ("127.0.0.1:1", "no Ray cluster can be reached there: .*refused"),
        ("nonsense", "nonsense: no Ray cluster can be reached there"),
    ):
        with pytest.raises(InputError, match=problem) as raised:
            run_jobs(task, items, tmp_path / "m.jsonl", cluster=address)
        assert "\n" not in str(raised.value) and not (tmp_path / "m.jsonl").exists()
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(InputError, match=r'cluster: this needs Ray: pip install "stemzoo\[cluster'):
        run_jobs(task, items, None, cluster="127.0.0.1:1")

"""Jobs of many items: what is done, by whom, and what a second run does."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from zoo import InputError
from zoo.jobs import Item, run_jobs

HERE = Path(__file__).parent


@pytest.fixture
def tasks(monkeypatch):
    """The module of tasks, as worker processes import it."""
    monkeypatch.syspath_prepend(str(HERE))
    import job_tasks

    return job_tasks


@pytest.fixture
def folders(tmp_path):
    """Folders of inputs, outputs and the log of attempts."""
    folders = [tmp_path / name for name in ("in", "out", "log")]
    for folder in folders:
        folder.mkdir()
    return folders


def attempts(log: Path) -> dict[str, int]:
    return {path.name: len(path.read_text().split()) for path in sorted(log.iterdir())}


def statuses(manifest: Path) -> dict[str, list[str]]:
    """Every status that a manifest gives an item, in order."""
    found: dict[str, list[str]] = {}
    for line in manifest.read_text().splitlines()[1:]:
        row = json.loads(line)
        found.setdefault(row["name"], []).append(row["status"])
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def ended(log: Path, seconds: float = 5) -> bool:
    """Whether all processes that did anything have ended."""
    pids = {int(pid) for path in log.iterdir() for pid in path.read_text().split()}
    limit = time.monotonic() + seconds
    while any(map(alive, pids)):
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)
    return bool(pids)


def test_a_second_run_does_only_what_is_missing(tasks, folders, tmp_path):
    inputs, out, log = folders
    items = tasks.items(inputs, 4, item1={"bad": True}, item2={"bug": True})
    manifest, errors, done = tmp_path / "new" / "manifest.jsonl", [], []

    def run():
        return run_jobs(
            tasks.Halve(str(out), str(log)),
            items,
            manifest,
            on_error=lambda error: errors.append(str(error)),
            on_done=lambda item, entry: done.append((item.name, entry.status)),
            is_there=lambda item, result: Path(result["path"]).exists(),
        )

    report = run()
    assert report.names("done") == ["item0", "item3"] and report.names("pending") == []
    assert str(report) == "2 done, 2 failed, 0 pending; 0 were done already"
    assert errors[0] == "item1: is bad"
    assert errors[1].startswith("item2: unexpected TypeError: Object of type object is not JSON")
    assert done == [("item0", "done"), ("item3", "done")]
    assert statuses(manifest)["item3"] == ["pending", "done"]

    report = run()
    assert attempts(log) == {"item0": 1, "item1": 2, "item2": 2, "item3": 1}
    assert report.already == {"item0", "item3"} and len(done) == 2
    assert report.entries["item0"].result == {
        "path": str(out / "item0.npy"),
        "threads": os.environ.get("OMP_NUM_THREADS"),
    }
    # A file that has changed is read again, and an output that is gone written again.
    Path(items[0].files[0]).write_text("1 2 3 4")
    (out / "item3.npy").unlink()
    run()
    assert attempts(log) == {"item0": 2, "item1": 3, "item2": 3, "item3": 2}
    run()
    assert attempts(log) == {"item0": 2, "item1": 4, "item2": 4, "item3": 2}


def test_processes_do_what_one_does_though_they_die(tasks, folders, tmp_path):
    inputs, out, log = folders
    here = tmp_path / "here"
    here.mkdir()
    calm = tasks.items(inputs, 8)
    run_jobs(tasks.Halve(str(here), str(here)), calm, None)
    items = tasks.items(inputs, 8, item1={"deaths": 2}, item4={"deaths": 9}, item5={"bad": True})
    errors, manifest = [], tmp_path / "manifest.jsonl"
    task = tasks.Halve(str(out), str(log))
    report = run_jobs(task, items, manifest, workers=2, on_error=lambda e: errors.append(str(e)))
    assert report.names("failed") == ["item4", "item5"] and len(report.names("done")) == 6
    died = "item4: its worker died 3 times (SIGKILL, perhaps for want of memory)"
    assert sorted(errors) == [died, "item5: is bad"]
    assert attempts(log) == {f"item{n}": {1: 3, 4: 3}.get(n, 1) for n in range(8)}
    assert all(len(lines) == 2 for lines in statuses(manifest).values())
    share = str(max(1, os.cpu_count() // 2))
    for name in report.names("done"):
        assert (out / f"{name}.npy").read_bytes() == (here / f"{name}.npy").read_bytes()
        wanted = os.environ.get("OMP_NUM_THREADS", share)
        assert report.entries[name].result["threads"] == wanted
        assert report.entries[name].worker != f"process {os.getpid()}"
    # What item4 left half-written belongs to nobody; item1 removed its own.
    assert {path.name.partition("-")[2] for path in out.glob(".*")} == {"item4.npy"}
    assert ended(log)


def test_what_no_worker_can_do_ends_the_job(tasks, folders, tmp_path):
    inputs, out, log = folders
    items = tasks.items(inputs, 3)
    manifest = tmp_path / "new" / "manifest.jsonl"
    for gain, workers, problem in ((0, 1, "gain"), (0, 2, "gain"), (-1, 2, "workers: none can")):
        task = tasks.Halve(str(out), str(log), gain)
        with pytest.raises(InputError, match=problem):
            run_jobs(task, items, manifest, workers=workers)
        assert not manifest.parent.exists() and not list(out.iterdir())


JOB = """
import signal
import sys
from pathlib import Path

sys.path.insert(0, sys.argv[1])
import job_tasks
from zoo.jobs import run_jobs

if __name__ == "__main__":
    # What runs in the background of a shell, and its children, would not be interrupted.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    root = Path(sys.argv[2])
    items = job_tasks.items(root / "in", 40, **{f"item{n}": {"seconds": 0.3} for n in range(40)})
    task = job_tasks.Halve(str(root / "out"), str(root / "log"))
    print("starts", flush=True)
    try:
        print(run_jobs(task, items, root / "manifest.jsonl", workers=2))
    except KeyboardInterrupt:
        sys.exit(130)
"""


def started_job(tmp_path):
    """A job in a process group of its own, some items into its work."""
    script = tmp_path / "job.py"
    script.write_text(JOB)
    command = [sys.executable, str(script), str(HERE), str(tmp_path)]
    process = subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "starts\n"
    limit = time.monotonic() + 60
    while len(list((tmp_path / "out").glob("*.npy"))) < 4:
        assert process.poll() is None and time.monotonic() < limit
        time.sleep(0.01)
    return process


def test_a_killed_job_goes_on_where_it_was(tasks, folders, tmp_path):
    inputs, out, log = folders
    with started_job(tmp_path) as process:
        time.sleep(random.Random(time.time_ns()).uniform(0, 0.5))
        process.kill()
    assert process.returncode == -signal.SIGKILL
    assert ended(log)
    manifest = tmp_path / "manifest.jsonl"
    finished = {name for name, found in statuses(manifest).items() if found[-1] == "done"}
    assert 0 < len(finished) < 40
    before = attempts(log)
    items = tasks.items(inputs, 40)
    report = run_jobs(tasks.Halve(str(out), str(log)), items, manifest)
    assert len(report.names("done")) == 40 and report.already == finished
    assert {name: attempts(log)[name] for name in finished} == dict.fromkeys(finished, 1)
    assert all(found.count("done") == 1 for found in statuses(manifest).values())
    # Besides what was under way, nothing was done twice.
    assert sum(attempts(log).values()) - 40 <= len(before) - len(finished) <= 2
    assert sorted(path.name for path in out.iterdir()) == sorted(f"{i.name}.npy" for i in items)


def test_an_interrupt_ends_all_processes(folders, tmp_path):
    _, out, log = folders
    with started_job(tmp_path) as process:
        start = time.monotonic()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=20) == 130
    assert time.monotonic() - start < 10
    assert ended(log)
    found = statuses(tmp_path / "manifest.jsonl")
    assert {"pending", "done"} == {lines[-1] for lines in found.values()} and len(found) == 40
    # Workers are told to stop, and remove what they were writing.
    assert not list(out.glob(".*"))


def test_mistakes(tasks, folders, tmp_path):
    _, out, log = folders
    task = tasks.Halve(str(out), str(log))
    with pytest.raises(InputError, match="^a: is named twice$"):
        run_jobs(task, [Item("a"), Item("a")], tmp_path / "m.jsonl")
    with pytest.raises(ValueError, match="Received: workers=0"):
        run_jobs(task, [Item("a")], tmp_path / "m.jsonl", workers=0)
    assert not (tmp_path / "m.jsonl").exists()
    assert run_jobs(task, [], None, workers=None).entries == {}

"""The command line: what it prints, what it leaves, and its exit codes."""

import json
import os
import resource
import signal
import subprocess
import sys

import numpy as np
import pytest
import soundfile

from .conftest import noise

COMMANDS = [
    "models",
    "separate",
    "segment",
    "train",
    "evaluate",
    "export",
    "verify",
    "demo",
    "preprocess",
    "generate",
]


def write_song(path, samples=20_000, channels=2, rate=44100, **options):
    soundfile.write(path, noise(samples, channels), rate, **options)
    return path


def test_help_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['stemzoo', '--help']\n"
        "from zoo.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'keras', 'tensorflow', 'numpy', 'soundfile', 'av', 'matplotlib', 'librosa'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)))"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    for command in COMMANDS:
        assert command in printed
    assert printed.endswith("heavy: []\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(stemzoo, command):
    code, out, _ = stemzoo(command, "--help")
    assert code == 0 and "Usage" in out


def test_separate_writes_the_stems_and_names_them(stemzoo, preset, tmp_path):
    song = write_song(tmp_path / "song.wav")
    code, out, err = stemzoo("separate", song, "--output", tmp_path / "out", "--preset", preset)
    assert (code, err) == (0, "")
    stems = [tmp_path / "out" / "song" / f"{stem}.wav" for stem in ("vocals", "accompaniment")]
    assert out.split() == [str(path) for path in stems]
    assert soundfile.info(stems[0]).frames == 20_000


def test_separate_takes_many_files_and_patterns(stemzoo, preset, tmp_path):
    for name in ("b.wav", "a.wav", "c [live].flac"):
        write_song(tmp_path / name, 3000)
    arguments = ["--preset", preset, "--stems", "vocals", "--format", "flac", "--json"]
    code, out, _ = stemzoo(
        "separate", tmp_path / "*.wav", tmp_path / "c [live].flac", "-o", tmp_path / "o", *arguments
    )
    assert code == 0
    report = json.loads(out)
    assert list(report) == [str(tmp_path / name) for name in ("a.wav", "b.wav", "c [live].flac")]
    assert report[str(tmp_path / "a.wav")] == {"vocals": str(tmp_path / "o" / "a" / "vocals.flac")}
    assert sorted(p.name for p in (tmp_path / "o").rglob("*.flac")) == ["vocals.flac"] * 3


def test_separate_takes_a_keras_file(stemzoo, separator, tmp_path):
    separator.save(tmp_path / "model.keras")
    song = write_song(tmp_path / "song.wav")
    code, _, err = stemzoo(
        "separate", song, "-o", tmp_path / "o", "--model", tmp_path / "model.keras"
    )
    assert (code, err) == (0, "")
    assert (tmp_path / "o" / "song" / "vocals.wav").is_file()


def nothing(path):
    return path


def empty(path):
    path.touch()
    return path


def truncated(path):
    write_song(path)
    os.truncate(path, 30_000)
    return path


def text(path):
    path.write_text("These are lyrics.\n" * 100)
    return path


def not_a_number(path):
    samples = noise(20_000, 2)
    samples[15_000] = np.nan
    soundfile.write(path, samples, 44100, subtype="FLOAT")
    return path


def zero_length(path):
    soundfile.write(path, np.zeros((0, 2)), 44100)
    return path


def folder(path):
    path.mkdir()
    return path


BAD = {
    "missing": (nothing, "no such file"),
    "empty": (empty, "is empty"),
    "truncated": (truncated, "is truncated"),
    "text renamed .wav": (text, "cannot be decoded as audio"),
    "NaN": (not_a_number, "holds a NaN or infinite sample at 0.340 s"),
    "zero-length": (zero_length, "no samples"),
    "folder": (folder, "is a folder"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_input_is_one_line_and_the_next_file_is_done(stemzoo, preset, tmp_path, kind):
    make, problem = BAD[kind]
    bad = make(tmp_path / "bad.wav")
    good = write_song(tmp_path / "good.wav")
    code, out, err = stemzoo("separate", bad, good, "-o", tmp_path / "out", "--preset", preset)
    assert code == 2
    assert err.startswith(f"stemzoo: {bad}: ") and problem in err and err.count("\n") == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["good"]
    assert len(list((tmp_path / "out" / "good").iterdir())) == 2
    assert out.count("\n") == 2


@pytest.mark.parametrize(
    "samples,channels,rate", [(1, 2, 44100), (20_000, 8, 44100), (50_000, 2, 384_000)]
)
def test_unusual_input_works(stemzoo, preset, tmp_path, samples, channels, rate):
    song = write_song(tmp_path / "song.wav", samples, channels, rate)
    code, _, err = stemzoo("separate", song, "-o", tmp_path / "out", "--preset", preset)
    assert (code, err) == (0, "")
    mixture = soundfile.read(song, always_2d=True)[0]
    stems = [soundfile.read(path, always_2d=True) for path in (tmp_path / "out").rglob("*.wav")]
    assert [(stem.shape, written) for stem, written in stems] == [(mixture.shape, rate)] * 2
    # Two stems, each rounded to 16 bits.
    assert np.abs(sum(stem for stem, _ in stems) - mixture).max() <= 2**-15


AS_NOBODY = """
import os, sys, zoneinfo
from zoo.batch import separate_files
from zoo.cli import main

preset, good, *songs = sys.argv[1:]
# Another user may not read this one's Python: everything is imported beforehand.
separate_files([good], os.path.dirname(good), model=preset, on_error=print)
if os.geteuid() == 0:
    os.seteuid(65534)
for song, output in zip(songs[::2], songs[1::2]):
    sys.argv = ["stemzoo", "separate", song, "-o", output, "--preset", preset]
    try:
        main()
    except SystemExit as ended:
        print(ended.code, flush=True)
os.seteuid(os.getuid())
"""


@pytest.mark.slow
def test_no_permission(preset, tmp_path, open_to_all):
    """As another user where the tests run as the superuser, who may do everything."""
    for folder in (tmp_path, preset.parent):
        open_to_all(folder)
    secret, song = (write_song(tmp_path / name) for name in ("secret.wav", "song.wav"))
    secret.chmod(0)
    closed, opened = (tmp_path / name for name in ("closed", "opened"))
    for folder, mode in ((closed, 0o555), (opened, 0o777)):
        folder.mkdir()
        folder.chmod(mode)
    run = [sys.executable, "-c", AS_NOBODY, preset, song, secret, opened, song, closed]
    done = subprocess.run(run, capture_output=True, text=True)
    lines = [line for line in done.stderr.splitlines() if line.startswith("stemzoo")]
    assert done.stdout.split() == ["2", "2"], done.stderr
    wanted = f"stemzoo: {secret}: cannot be read: permission denied"
    assert lines[0].lower() == wanted.lower()
    wanted = f"stemzoo: {closed / 'song'}: cannot be created: permission denied"
    assert lines[1].lower() == wanted.lower()
    assert len(lines) == 2 and "Traceback" not in done.stderr
    assert not list(opened.iterdir()) and not list(closed.iterdir())


def test_full_disk(stemzoo, preset, tmp_path, separator):
    """A file-size limit stands for the full disk: writing fails at the same place."""
    song = write_song(tmp_path / "song.wav", 200_000)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        code, out, err = stemzoo("separate", song, "-o", tmp_path / "out", "--preset", preset)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert (code, out) == (2, "")
    assert err.startswith(f"stemzoo: {tmp_path / 'out' / 'song'}") and err.count("\n") == 1
    assert "cannot be written: file too large" in err
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


def test_two_songs_of_one_name_do_not_overwrite_each_other(stemzoo, preset, tmp_path):
    first = write_song(tmp_path / "song.wav")
    second = write_song(tmp_path / "song.flac")
    code, _, err = stemzoo("separate", first, second, "-o", tmp_path / "o", "--preset", preset)
    assert code == 2
    assert err == (
        f"stemzoo: {second}: would overwrite the stems of {first}; "
        "separate it into another folder\n"
    )


@pytest.mark.parametrize(
    "arguments,problem",
    [
        (["separate", "x.wav", "-o", "out", "--preset", "nonsense"], "nonsense: neither"),
        (["separate", "no*match.wav", "-o", "out"], "no*match.wav: no file matches"),
        (["models", "nonsense*"], "no model matches"),
        (["train", "nonsense", "-o", "out"], "nonsense"),
        (["export", "nonsense", "-o", "out"], "nonsense"),
        (["export", "absent.keras", "-o", "out"], "absent.keras: no such file"),
        (["train", "tiny", "-o", "/proc/run"], "/proc/run: no such file or directory"),
    ],
)
def test_mistakes_are_one_line(stemzoo, tmp_path, monkeypatch, arguments, problem):
    monkeypatch.chdir(tmp_path)
    code, out, err = stemzoo(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("stemzoo: ") and problem in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_wrong_usage_exits_with_2(stemzoo):
    code, _, err = stemzoo("separate", "song.wav")
    assert code == 2 and "--output" in err

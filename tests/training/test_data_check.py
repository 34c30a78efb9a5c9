"""`stemzoo data check`: what is wrong is found, in the file that has it, and nothing else."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.data_check import check as check_module
from training.data_check import corpus_check
from training.data_check.check import check_data
from training.data_check.comparison import Comparison
from training.data_check.measures import Measures
from training.data_check.unit import BLOCK
from training.synthetic import synthetic_songs
from zoo.cli import main
from zoo.errors import InputError

from .song_corpora import (
    RATE,
    chords,
    noise,
    write,
    write_ikala,
    write_medleydb,
    write_musdb18,
    write_song,
    write_stem_file,
)


def told(report) -> dict[tuple[str, str], str]:
    """(file relative to the corpus, check) -> severity."""
    return {
        (finding.where.removeprefix(f"{report.data}/"), finding.check): finding.severity
        for finding in report.findings
    }


def only(report):
    (finding,) = report.findings
    return finding


def truncate(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def break_in_the_middle(path: Path) -> None:
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 400] = np.random.default_rng(0).bytes(400)
    path.write_bytes(content)


def broken_files(folder: Path) -> dict[str, str]:
    """Writes files, each broken in its own way; returns name -> words of the message."""
    folder.mkdir()
    words = {
        "empty.wav": r"is empty \(0 bytes\)",
        "text.wav": "cannot be decoded as audio",
        "picture.ogg": "cannot be decoded|no audio stream|no samples",
        "random.mp3": "cannot be decoded|no samples|damaged",
        "header.wav": "holds no samples",
        "cut.wav": "is truncated",
        "cut.mp3": "is truncated",
        "cut.flac": "is damaged or truncated",
        "cut.ogg": "is truncated or damaged",
        "damaged.flac": "is damaged or truncated",
        "damaged.m4a": "cannot be decoded|is damaged",
        "cut.m4a": "cannot be decoded|no samples",
        "nan.wav": r"holds a NaN or infinite sample at 0\.0",
        "folder.wav": "is a folder, not an audio file",
        "gone.wav": "no such file",
        "pipe.wav": "is not a regular file",
    }
    tone = chords(0, 40_000)
    (folder / "empty.wav").touch()
    (folder / "text.wav").write_text("This was renamed.\n" * 100)
    (folder / "picture.ogg").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))
    (folder / "random.mp3").write_bytes(np.random.default_rng(1).bytes(5000))
    write(folder / "header.wav", np.zeros((0, 2)))
    for suffix in ("wav", "mp3", "flac", "ogg"):
        truncate(write(folder / f"cut.{suffix}", tone, 44100), 0.6)
    break_in_the_middle(write(folder / "damaged.flac", tone, 44100))
    for name in ("damaged.m4a", "cut.m4a"):
        write_stem_file(folder / name, [tone])
    break_in_the_middle(folder / "damaged.m4a")
    truncate(folder / "cut.m4a", 0.5)
    bad = noise(0)
    bad[100] = np.nan
    write(folder / "nan.wav", bad, subtype="FLOAT")
    (folder / "folder.wav").mkdir()
    (folder / "gone.wav").symlink_to(folder / "nowhere.wav")
    os.mkfifo(folder / "pipe.wav")
    return words


def test_every_kind_of_broken_file_is_named_and_the_rest_is_checked(tmp_path):
    words = broken_files(tmp_path / "corpus")
    write(tmp_path / "corpus" / "deep" / "er" / "fine.flac", noise(1))
    write(tmp_path / "corpus" / "fine.wav", noise(2))
    del words["folder.wav"]  # Among single files, a folder is looked into.
    report = check_data(f"files:{tmp_path / 'corpus'}")
    found = {Path(finding.where).name: finding for finding in report.findings}
    assert set(found) == set(words) and len(report.findings) == len(words) >= 10
    assert report.files == len(words) + 2
    for name, finding in found.items():
        assert (finding.check, finding.severity) == ("unreadable", "error")
        assert any(part in finding.message for part in words[name].replace("\\", "").split("|"))
        assert "\n" not in finding.message and str(tmp_path) not in finding.message


def test_broken_stems_are_each_named(tmp_path):
    for seed, name in enumerate(("one", "two")):
        write_song(tmp_path / name, seed, stems=("vocals", "drums", "bass"))
    song = tmp_path / "two"
    (song / "bass.wav").unlink()
    (song / "bass.wav").mkdir()
    (song / "drums.wav").write_bytes(b"")
    (song / "mixture.wav").write_text("no audio")
    report = check_data(tmp_path)
    assert told(report) == {
        (f"two/{name}.wav", "unreadable"): "error" for name in ("bass", "drums", "mixture")
    }
    assert (report.kind, report.songs, report.files) == ("stem_folder", 2, 8)


def test_layout_faults_do_not_end_the_check(tmp_path):
    for name in ("a", "b", "c"):
        write_song(tmp_path / name, ord(name), stems=("vocals", "drums"))
    (tmp_path / "a" / "drums.wav").unlink()
    write(tmp_path / "b" / "mix.flac", noise(0))
    write(tmp_path / "d" / "mixture.wav", noise(1))
    report = check_data(tmp_path)
    assert told(report) == {
        ("a", "stems"): "error",
        ("a/mixture.wav", "sum"): "warning",
        ("b", "layout"): "error",
        ("d", "layout"): "error",
    }
    messages = {finding.where: finding.message for finding in report.findings}
    assert messages[str(tmp_path / "a")] == "lacks drums; most songs have drums, vocals"


@pytest.mark.parametrize("delay", [1, -1105, 9000])
def test_delays_are_measured_over_many_blocks(delay):
    rng = np.random.default_rng(3)
    music = rng.normal(0, 0.1, (3 * BLOCK, 2)).astype("float32")
    vocals = np.roll(music, 5000, axis=0) * np.float32(0.3)
    mixture = np.roll(music + vocals, delay, axis=0)
    comparison = Comparison(["music", "vocals"])
    for start in range(0, len(music), BLOCK):
        part = slice(start, start + BLOCK)
        comparison.add(mixture[part], {"music": music[part], "vocals": vocals[part]})
    found = comparison.mixture_delay()
    assert found.samples == delay and found.is_clear
    assert found.correlation == pytest.approx(1, abs=0.05)


def test_a_song_of_other_form_than_the_rest_is_a_warning(tmp_path):
    for name in ("a", "b"):
        write_song(tmp_path / name, ord(name))
    write(tmp_path / "c" / "vocals.wav", noise(5, channels=1), 16000)
    write(tmp_path / "c" / "drums.wav", noise(6, channels=1), 16000)
    checks = told(check_data(tmp_path))
    assert set(checks.values()) == {"warning"}
    assert {check for _, check in checks} == {"rate", "channels"}


def test_a_lossy_copy_is_a_duplicate(tmp_path):
    speech = chords(4, 60_000) * np.linspace(0, 3, 60_000)[:, None]
    write(tmp_path / "train" / "song.wav", speech, 44100)
    write(tmp_path / "copies" / "other name.mp3", speech, 44100)
    write(tmp_path / "copies" / "different.mp3", chords(5, 60_000), 44100)
    finding = only(check_data(tmp_path))
    assert "has nearly the same audio as" in finding.message
    named = finding.where + finding.message
    assert "song.wav" in named and "other name.mp3" in named


def test_one_step_in_one_sample_makes_a_file_another(tmp_path):
    samples = np.round(noise(0) * 32768) / 32768
    write(tmp_path / "one.wav", samples)
    samples[1000] += 1 / 32768
    write(tmp_path / "two.wav", samples)
    assert check_data(tmp_path).findings == ()
    write(tmp_path / "three.flac", samples, subtype="PCM_24")
    assert "two.wav" in (only(check_data(tmp_path)).where + only(check_data(tmp_path)).message)


def test_duplicates_are_looked_for_among_few_files(monkeypatch):
    """All have their loudest frame in one place, as short recordings do."""
    compared = []
    monkeypatch.setattr(corpus_check, "_alike", lambda *pair: compared.append(pair))
    files = []
    for number in range(500):
        measures = Measures()
        measures.add(noise(number, samples=100, channels=1))
        described = {"song": str(number), "roles": ("speech",), "split": None, "lossy": True}
        files.append(measures.facts(where=f"{number}.mp3", sample_rate=RATE, **described))
    assert list(corpus_check.check_duplicates(files)) == []
    assert len(compared) < 8 * len(files)


def test_a_song_in_two_splits_is_said(tmp_path):
    row = "{},{},song/vocals.wav\n"
    write_song(tmp_path / "song", 0)
    text = "name,split,vocals\n" + row.format("a", "train") + row.format("b", "test")
    (tmp_path / "songs.csv").write_text(text)
    finding = only(check_data(tmp_path / "songs.csv"))
    assert finding.message.endswith("; one is in train, the other in test")


def test_lossy_stems_may_leave_more(tmp_path):
    write_musdb18(tmp_path, {"train": ["a"], "test": ["b"]})
    report = check_data(tmp_path)
    assert report.findings == () and report.files == 10
    assert all(-60 < residual < -10 for residual in report.residuals.values())


def test_a_real_stem_file_is_fine(shared_data, tmp_path):
    name = "The Easton Ellises - Falcon 69.stem.mp4"
    (tmp_path / name).symlink_to(shared_data / "songs" / name)
    report = check_data(tmp_path)
    assert (report.findings, report.files) == ((), 5)
    assert report.residuals == {"The Easton Ellises - Falcon 69": -15.4}


def test_channels_and_sums_are_checked_as_stems(tmp_path):
    write_ikala(tmp_path / "ikala", ["a", "b"])
    write(tmp_path / "ikala" / "Wavfile" / "mono.wav", noise(3, channels=1))
    report = check_data(tmp_path / "ikala")
    assert [finding.message for finding in report.findings] == [
        "has 1 channel(s), and 2 are needed",
        "number of channels 1; most songs have 2",
    ]
    assert told(report).keys() == {("Wavfile/mono.wav", "channels")} and report.errors == 1

    write_medleydb(tmp_path / "medleydb", "A_B", ["male singer", "vocalists", "piano"])
    report = check_data(tmp_path / "medleydb")
    assert report.findings == () and report.files == 4
    stem = tmp_path / "medleydb" / "A_B" / "A_B_STEMS" / "A_B_STEM_02.wav"
    stem.write_bytes(b"")
    (tmp_path / "medleydb" / "C_D").mkdir()
    (tmp_path / "medleydb" / "C_D" / "C_D_METADATA.yaml").write_text("[")
    assert told(check_data(tmp_path / "medleydb")) == {
        ("A_B/A_B_STEMS/A_B_STEM_02.wav", "unreadable"): "error",
        ("C_D/C_D_METADATA.yaml", "layout"): "error",
    }


def test_a_manifest_is_checked_line_by_line(tmp_path):
    write_song(tmp_path / "song", 0)
    (tmp_path / "songs.csv").write_text(
        "name,split,start,duration,vocals\n"
        "a,train,0.1,0.1,song/vocals.wav\nb,dev,,,song/drums.wav\nc,,,9,song/drums.wav\n"
        "d,,,,song/gone.wav\n"
    )
    report = check_data(tmp_path / "songs.csv")
    messages = [f"{finding.where}: {finding.message}" for finding in report.findings]
    assert len(messages) == 3 and report.errors == 3
    assert "songs.csv line 3: split 'dev' is none of" in messages[0]
    assert "drums.wav: ends after 0.250 s, before the part from 0 s to 9 s" in messages[1]
    assert "gone.wav: no such file" in messages[2]


def test_synthetic_songs_are_rendered(monkeypatch):
    songs = synthetic_songs(3, 1, duration=2, sample_rate=8000, channels=1)
    monkeypatch.setattr(check_module, "synthetic_tracks", lambda data: songs)
    report = check_data("synthetic:3:1", workers=1)
    assert (report.kind, report.errors, report.files) == ("synthetic", 0, 7)
    assert ("synthetic-3-0/effects", "silence") in told(report)


def test_a_decoder_that_fails_in_its_own_way_ends_nothing(tmp_path, monkeypatch):
    write_song(tmp_path / "a", 0)
    write_song(tmp_path / "b", 1)

    def surprise(path, **_):
        if path.parent.name == "a":
            raise RuntimeError("unheard\nof")
        return opened(path)

    from zoo.audio import AudioReader

    opened = AudioReader.open
    monkeypatch.setattr(AudioReader, "open", surprise)
    report = check_data(tmp_path)
    assert {finding.message for finding in report.findings} == {
        "cannot be decoded (RuntimeError: unheard of)"
    }
    assert report.errors == 3 and report.files == 6


def test_a_song_that_ends_its_check_ends_no_other(tmp_path, monkeypatch):
    write_song(tmp_path / "a", 0)
    write_song(tmp_path / "b", 1)
    add = Measures.add

    def out_of_memory(self, block):
        add(self, block)
        if abs(float(block[0, 0]) - first) < 1e-9:
            raise MemoryError("no room")

    first = float(soundfile.read(tmp_path / "a" / "drums.wav", dtype="float32")[0][0, 0])
    monkeypatch.setattr(Measures, "add", out_of_memory)
    finding = only(check_data(tmp_path))
    assert finding.message == "ended the check: MemoryError: no room"
    assert (finding.song, finding.severity) == ("a", "error")


def test_files_are_decoded_once_in_blocks(tmp_path, monkeypatch):
    write_song(tmp_path / "a", 0, samples=3 * BLOCK + 5)
    sizes = []
    from zoo.audio import AudioReader

    blocks = AudioReader.blocks

    def counted(self, *arguments, **options):
        for block in blocks(self, *arguments, **options):
            sizes.append(len(block))
            yield block

    monkeypatch.setattr(AudioReader, "blocks", counted)
    assert check_data(tmp_path).findings == ()
    assert sum(sizes) == 3 * (3 * BLOCK + 5) and max(sizes) == BLOCK


def test_songs_are_checked_in_their_order_with_few_in_flight(monkeypatch, tmp_path):
    for number in range(30):
        write_song(tmp_path / f"{number:02d}", number, samples=64)
    started, taken = [], 0
    check_song = check_module.check_song

    def watched(song):
        started.append(song.name)
        assert len(started) - taken <= 2 * 2 + 1
        return check_song(song)

    monkeypatch.setattr(check_module, "check_song", watched)
    songs = check_module._songs(tmp_path, lambda *_: None)[1]
    for taken, report in enumerate(check_module._reports(songs, 2), 1):
        assert report.facts[0].song == f"{taken - 1:02d}"
    assert taken == 30


@pytest.mark.parametrize("data", ["absent", "text.txt", "hollow", "musdb:x", "synthetic:1:x"])
def test_a_wrong_call_is_refused(tmp_path, monkeypatch, data):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("no corpus")
    (tmp_path / "hollow").mkdir()
    with pytest.raises(InputError, match=data):
        check_data(data)


def command(monkeypatch, capsys, *arguments) -> tuple[int, str, str]:
    monkeypatch.setattr("sys.argv", ["stemzoo", "data", "check", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
        raise SystemExit(0)
    printed = capsys.readouterr()
    return ended.value.code or 0, printed.out, printed.err


def test_the_command_prints_a_table_and_fails_on_errors(tmp_path, monkeypatch, capsys):
    odd = tmp_path / "corpus" / "[red]od\ud800d\nsong"
    try:
        write_song(odd, 0)
    except (OSError, UnicodeEncodeError):
        odd = tmp_path / "corpus" / "[red]odd\nsong"
        write_song(odd, 0)
    write_song(tmp_path / "corpus" / "two", 1)
    corpus = tmp_path / "corpus"
    code, out, err = command(monkeypatch, capsys, corpus)
    assert (code, err) == (0, "") and "6 files of 2 songs" in out and "0 errors, 0 warn" in out

    write(odd / "vocals.wav", np.zeros((2000, 2)))
    code, out, _ = command(monkeypatch, capsys, corpus)
    assert code == 0 and "[red]od" in out and "is silent" in out

    (corpus / "two" / "drums.wav").write_text("no audio")
    code, out, _ = command(monkeypatch, capsys, corpus, "--workers", 1)
    assert code == 1 and "1 error, 2 warnings" in out
    assert out.index("two/drums.wav") < out.index("is silent")

    code, out, _ = command(monkeypatch, capsys, corpus, "--json")
    report = json.loads(out)
    assert code == 1 and report["errors"] == 1 and report["songs"] == 2
    assert report["findings"][0]["where"] == str(corpus / "two" / "drums.wav")
    assert report["findings"][0]["check"] == "unreadable"

    code, out, err = command(monkeypatch, capsys, tmp_path / "absent")
    assert (code, out) == (2, "") and err.startswith("stemzoo: ") and err.count("\n") == 1


def test_decoders_are_not_heard(tmp_path, monkeypatch, capfd):
    path = write(tmp_path / "song.mp3", chords(0, 30_000), 44100)
    content = bytearray(path.read_bytes())
    content[2000:4000] = np.random.default_rng(2).bytes(2000)
    path.write_bytes(content)
    check_data(tmp_path)
    assert "mpg123" in capfd.readouterr().err
    _, out, err = command(monkeypatch, capfd, tmp_path)
    assert ": 1 file, " in out and err == ""
    os.write(2, b"heard again")
    assert capfd.readouterr().err == "heard again"


def test_progress_is_shown_on_a_terminal(tmp_path, monkeypatch):
    import pty

    write_song(tmp_path / "song", 0)
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as terminal, os.fdopen(ours, "rb") as screen:
        monkeypatch.setattr("sys.stderr", terminal)
        check_data(tmp_path)
        assert b"Checking" in screen.read1(10_000)

"""`stemzoo check-pair`: pairs that are fit for training, and those that are not."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from typer.testing import CliRunner

from training.evaluation.ceilings import ideal_estimates
from training.pair_check import masking
from training.pair_check.ceilings import _Masks, ideal_stems
from training.pair_check.check import FILES, check_folder, check_pair
from training.pair_check.masking import TERMS, extract
from training.pair_check.pairs import find_pairs
from training.synthetic import synthetic_songs
from zoo.cli import app
from zoo.errors import InputError

RATE = 22050
# All of one length: one program is compiled.
WINDOWS = 40


def rendered(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Mixtures and vocals of 2.5 s, stereo."""
    tracks = synthetic_songs(seed, 2, duration=2.5, sample_rate=RATE)
    return [(track.load_mixture(), track.load_stem("vocals")) for track in tracks]


@pytest.fixture(scope="module")
def songs() -> list[tuple[np.ndarray, np.ndarray]]:
    return rendered(8)


def write(path: Path, samples: np.ndarray, rate: int = RATE, subtype: str = "FLOAT") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate, subtype=None if path.suffix == ".ogg" else subtype)
    return path


def write_pair(folder: Path, song, kind: str = "a_100") -> tuple[Path, Path]:
    mixture, stem = song
    return write(folder / f"{kind}-full.wav", mixture), write(folder / f"{kind}-stem.wav", stem)


def command(*arguments):
    return CliRunner().invoke(app, ["check-pair", *map(str, arguments)])


def test_a_pair_is_separated_nearly_as_well_as_by_ideal_masks(songs, tmp_path):
    for number, song in enumerate([*songs, *rendered(0), *rendered(21)]):
        mixture, stem = write_pair(tmp_path / str(number), song)
        report = check_pair(mixture, stem, windows=WINDOWS, steps=20)
        assert report.fit and report.problems == []
        assert report.improvement >= 10 and report.losses[1] < 0.2 * report.losses[0]
        # The last song's vocals are so loud that this ceiling is below 10 dB.
        assert report.sdr["extracted"] > report.sdr["IRM1"] - 0.1
        assert report.sdr["IRM2"] > report.sdr["mixture"] + 9
        assert abs(report.delay) < 0.1 and abs(report.gain) < 0.1 and not report.inverted
    assert list(tmp_path.glob("*/*.png")) == []


def test_six_files_tell_the_result(songs, tmp_path):
    mixture, stem = write_pair(tmp_path, songs[0])
    output = tmp_path / "new" / "out"
    report = check_pair(mixture, stem, output, windows=WINDOWS, steps=3)
    assert sorted(path.name for path in output.iterdir()) == sorted(FILES)
    signals = [soundfile.read(output / name) for name in FILES[:3]]
    assert {(len(signal), rate) for signal, rate in signals} == {(WINDOWS * 1024, RATE)}
    (heard, _), (target, _), (extracted, _) = signals
    assert np.abs(heard).max() == pytest.approx(1)
    given = songs[0][0].mean(axis=1)[: WINDOWS * 1024]
    np.testing.assert_allclose(heard, given / np.abs(given).max(), atol=1e-6)
    error = np.sum((target - extracted) ** 2)
    sdr = 10 * np.log10(np.sum(target**2) / error)
    values = json.loads((output / "report.json").read_text())
    assert values["sdr"]["extracted"] == pytest.approx(sdr, abs=1e-3)
    assert values["fingerprint"] == [18, WINDOWS + 1, 425] and values["fit"] == report.fit
    for name in FILES[3:5]:
        with Image.open(output / name) as picture:
            assert picture.width > 500
    # A second run takes the first one's place, and nothing else's.
    check_pair(mixture, stem, output, windows=WINDOWS, steps=1)
    (output / "mine.txt").write_text("keep")
    with pytest.raises(InputError, match=r"out: exists and is no folder of a pair check"):
        check_pair(mixture, stem, output, windows=WINDOWS, steps=1)
    assert (output / "mine.txt").exists() and len(list(tmp_path.glob("new/*"))) == 1


def test_a_wrong_stem_is_said_and_corrected(songs, tmp_path):
    mixture, stem = songs[0]
    late = np.concatenate((np.zeros((200, 2)), -0.5 * stem))
    paths = write(tmp_path / "mix.flac", mixture, subtype="PCM_24"), write(tmp_path / "s.wav", late)
    report = check_pair(*paths, windows=WINDOWS, steps=1)
    assert report.delay == pytest.approx(-200, abs=0.1) and report.inverted
    assert report.gain == pytest.approx(20 * np.log10(2), abs=0.1)
    problems = "\n".join(report.problems)
    for word in ("samples (9.07 ms) too late: --align", "inverted: --align", "dB softer than"):
        assert word in problems
    assert report.null_given.depth > -8 > -25 > report.null_aligned.depth
    aligned = check_pair(*paths, windows=WINDOWS, steps=20, align=True)
    assert aligned.fit and aligned.sdr["IRM1"] > report.sdr["IRM1"] + 1
    assert aligned.null_aligned == report.null_aligned and aligned.delay == report.delay


def test_a_stem_of_another_song_is_refused(songs, tmp_path):
    mixture, _ = write_pair(tmp_path, songs[0])
    stem = write(tmp_path / "other.ogg", songs[1][1])
    with pytest.raises(InputError, match=r"other\.ogg: is no stem of .*: correlation -?0\.\d+"):
        check_pair(mixture, stem, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def bad_files(folder: Path, song) -> dict[str, tuple[Path, str]]:
    """What is wrong -> a file and words of the message."""
    good = song[1]
    short = write(folder / "short.wav", good[: RATE // 2])
    silent = write(folder / "silent.wav", np.zeros_like(good))
    later = good.copy()
    later[: WINDOWS * 1024] = 0
    text = folder / "text.wav"
    text.write_text("no audio")
    return {
        "missing": (folder / "missing.wav", "missing.wav"),
        "short": (short, r"short\.wav: has 0\.50 s; at least 1\.02 s are needed"),
        "silent": (silent, r"silent\.wav: is silent"),
        "later": (write(folder / "later.wav", later), "later.wav: is silent from 0 s on for 1.9 s"),
        "text": (text, r"text\.wav"),
        "cancelling": (
            write(folder / "anti.wav", good[:, :1] * [1, -1]),
            r"anti\.wav: its channels cancel from 0 s on for 1\.9 s: their mean is silent",
        ),
    }


def test_bad_files_are_named_and_nothing_is_written(songs, tmp_path):
    mixture, stem = write_pair(tmp_path, songs[0])
    for path, words in bad_files(tmp_path, songs[0]).values():
        for pair in ((mixture, path), (path, stem)):
            with pytest.raises(InputError, match=words) as raised:
                check_pair(*pair, tmp_path / "out", windows=WINDOWS)
            assert "\n" not in str(raised.value) and not (tmp_path / "out").exists()


def test_files_of_different_length_are_cut_to_the_shorter(songs, tmp_path):
    mixture, stem = songs[0]
    given = write(tmp_path / "m.wav", mixture), write(tmp_path / "s.wav", stem[: WINDOWS * 1024])
    report = check_pair(*given, steps=1)
    assert report.windows == WINDOWS
    assert report.difference == pytest.approx(WINDOWS * 1024 / RATE - 2.5)


def test_a_folder_goes_on_after_a_bad_pair(songs, tmp_path):
    folder, output = tmp_path / "process", tmp_path / "out"
    write_pair(folder / "100-window", songs[0])
    write_pair(folder / "100-window", (songs[0][0], songs[1][1]), "b_100")
    write(folder / "c_nl-full.wav", songs[0][0])
    result = command(folder, "-o", output, "--windows", WINDOWS, "--steps", 2, "--json")
    assert result.exit_code == 2
    values = json.loads(result.stdout)
    assert values.keys() == {"100-window/a_100", "100-window/b_100", "c_nl"}
    assert values["100-window/a_100"]["windows"] == WINDOWS
    lines = result.stderr.splitlines()
    assert len(lines) == 2 and all(line.startswith("stemzoo: ") for line in lines)
    assert "has no c_nl-stem.wav beside it" in lines[0] and "is no stem of" in lines[1]
    assert [path.name for path in (output / "100-window").iterdir()] == ["a_100"]


def test_names_tell_how_much_is_used(tmp_path, monkeypatch):
    for name in ("a_100-full", "a_100-stem", "deep/a_nl-full", "deep/a_nl-stem", "a-full", "x_nl"):
        write(tmp_path / f"{name}.wav", np.zeros((1, 1)))
    pairs, errors = find_pairs(tmp_path)
    assert [(pair.name, pair.windows) for pair in pairs] == [("a_100", 100), ("deep/a_nl", None)]
    assert errors == {} and pairs[1].stem == tmp_path / "deep" / "a_nl-stem.wav"
    called = []
    monkeypatch.setattr(
        "training.pair_check.check.check_pair",
        lambda *paths, **options: called.append((paths[2], options)),
    )
    for windows in (None, 30):
        check_folder(
            tmp_path, Path("o"), windows=windows, on_error=None, on_success=lambda *_: None
        )
    assert [options["windows"] for _, options in called] == [100, None, 30, 30]
    assert called[1][0] == Path("o/deep/a_nl")


def test_the_command_speaks_plainly(songs, tmp_path):
    mixture, stem = write_pair(tmp_path, songs[0])
    arguments = ("-o", tmp_path / "out", "--windows", WINDOWS, "--steps")
    result = command(mixture, stem, *arguments, 20)
    assert result.exit_code == 0 and result.stdout.count("\n") == 8
    assert "fit for training" in result.stdout and "IRM1" in result.stdout
    inverted = write(tmp_path / "inverted.wav", -songs[0][1])
    result = command(mixture, inverted, *arguments, 1, "--json")
    assert result.exit_code == 1 and json.loads(result.stdout)["fit"] is False
    (tmp_path / "hollow").mkdir()
    for given, words in (
        ([tmp_path / "hollow"], "holds no pair"),
        ([tmp_path / "gone"], "no such file or folder"),
        ([mixture], "name its stem too"),
        ([tmp_path, stem], "found by name"),
    ):
        result = command(*given, "-o", tmp_path / "o")
        assert isinstance(result.exception, InputError) and words in str(result.exception)


def test_pieces_leave_no_seam(songs, monkeypatch):
    mixture, stem = (signal.mean(axis=1)[: WINDOWS * 1024] for signal in songs[0])

    # A mask that lets everything through: the pieces have to add up to the mixture.
    def ones(self, mixed, stem, rest, steps):
        return np.ones_like(mixed), np.zeros((steps, len(TERMS)))

    monkeypatch.setattr(masking._Mask, "fitted", ones)
    whole = extract(mixture, stem, steps=1).stem
    np.testing.assert_allclose(extract(mixture, stem, steps=1, piece=18).stem, whole, atol=1e-4)
    lengths = {end - start for start, end in masking._pieces(len(mixture), 18)}
    assert lengths == {18 * 1024}


def test_ceilings_are_those_of_evaluation_in_blocks(songs, monkeypatch):
    mixture, stem = (signal.mean(axis=1) for signal in songs[0])
    references = np.stack((stem, mixture - stem))[..., None]
    expected = ideal_estimates(_Masks(), mixture[:, None], references, RATE)
    monkeypatch.setattr("training.pair_check.ceilings._BLOCK", 16 * 1024)
    for name, signal in ideal_stems(mixture, stem).items():
        np.testing.assert_allclose(signal, expected[name][0, :, 0], atol=1e-5)


def test_a_mixture_that_is_its_stem_is_refused(songs, tmp_path):
    mixture, stem = write_pair(tmp_path, songs[0])
    softer = write(tmp_path / "softer.wav", -0.5 * songs[0][0], subtype="PCM_24")
    for same in (mixture, softer):
        with pytest.raises(InputError, match=f"{same}: is the same as {mixture}: in the 1.9 s"):
            check_pair(mixture, same, tmp_path / "out", windows=WINDOWS)


@pytest.mark.parametrize(
    ("option", "values"),
    [
        ("start", ("inf", "-inf", "nan", "-1", "1e308")),
        ("windows", ("0", "-1", "21", "9" * 400, "1e3")),
        ("steps", ("0", "-1", "nan")),
    ],
)
def test_numbers_out_of_range_are_refused(songs, tmp_path, option, values):
    mixture, stem = write_pair(tmp_path, songs[0])
    for value in values:
        for given in ((mixture, stem), (tmp_path,)):
            result = command(*given, "-o", tmp_path / "out", f"--{option}={value}")
            refused = isinstance(result.exception, InputError)
            assert refused or (option != "start" and result.exit_code == 2)
            assert option in f"{result.exception}{result.output}"
            assert "\n" not in str(result.exception)
    assert not (tmp_path / "out").exists()
    for options in ({"windows": 5}, {"steps": 0}, {"start": -1.0}, {"start": float("nan")}):
        with pytest.raises(InputError, match=rf"{[*options][0]} must be .* Received: "):
            check_pair(mixture, stem, **options)


@pytest.mark.parametrize("louder", [0.3, 3])
def test_swapped_files_are_told(songs, tmp_path, louder):
    """Vocals softer and louder than the rest, late and inverted."""
    mixture, stem = songs[0]
    mixture = mixture + (louder - 1) * stem
    late = np.concatenate((np.zeros((99, 2)), -stem))
    paths = write(tmp_path / "mix.wav", mixture), write(tmp_path / "voc.wav", late)
    assert check_pair(*paths, windows=WINDOWS, steps=1).inverted
    with pytest.raises(InputError, match=r"voc\.wav: seems to be a stem of .*mix\.wav: name the"):
        check_pair(*reversed(paths), tmp_path / "out", windows=WINDOWS)
    assert not (tmp_path / "out").exists()


def test_what_does_not_cancel_is_not_said_to_be_corrected(songs, tmp_path):
    mixture, stem = write_pair(tmp_path, songs[0])
    report = check_pair(mixture, stem, windows=WINDOWS, steps=1)
    changes = {"gain": -120.0, "delay": 5.0, "inverted": True}
    found = dataclasses.replace(report, **changes).problems
    assert len(found) >= 3 and all("--align" in problem for problem in found[:3])
    left = report.null_aligned._replace(depth=40.0)
    found = dataclasses.replace(report, **changes, null_aligned=left).problems
    assert "--align" not in "".join(found) and "louder" not in "".join(found)
    assert "does not cancel: 40.0 dB" in "".join(found) and "too early" in found[0]


def test_reports_are_json_where_a_ratio_is_infinite(songs, tmp_path):
    report = check_pair(*write_pair(tmp_path, songs[0]), windows=WINDOWS, steps=1)
    endless = dataclasses.replace(report, sdr={**report.sdr, "mixture": np.inf}).to_dict()
    assert endless["sdr"]["mixture"] is None and json.dumps(endless, allow_nan=False)

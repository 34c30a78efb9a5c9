"""`stemzoo generate`: which files it writes, what it refuses, and what it prints."""

import json

import numpy as np
import pytest
import soundfile

from zoo.pictures import spectrogram_decibels
from zoo.sound_pictures import sounds_picture

from .conftest import noise
from .sounds import TINY, tiny_generator, tones


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    """The preset folder of a tiny sound generator."""
    folder = tmp_path_factory.mktemp("presets") / "sounds"
    tiny_generator().save_to_preset(folder)
    return folder


@pytest.fixture
def recordings(tmp_path):
    """Two recordings: another rate and two channels, and a longer one."""
    folder = tmp_path / "recordings"
    folder.mkdir()
    soundfile.write(folder / "one.wav", noise(2000, 2), 44100)
    soundfile.write(folder / "two.flac", tones(1, 4000)[0], 8000)
    return folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_samples_are_named_by_their_labels(stemzoo, sounds, tmp_path):
    arguments = ["generate", "--preset", sounds, "-n", 3, "--seed", 1]
    code, out, err = stemzoo(*arguments, "-o", tmp_path / "a" / "b")
    files = ["no_00.wav", "yes_00.wav", "no_01.wav", "generated.png"]
    assert (code, err) == (0, "")
    assert out.split() == [str(tmp_path / "a" / "b" / name) for name in files]
    assert names(tmp_path / "a" / "b") == sorted(files)
    waveform, rate = soundfile.read(tmp_path / "a" / "b" / "yes_00.wav")
    assert waveform.shape == (300,) and rate == 8000 and waveform.any()
    stemzoo(*arguments, "-o", tmp_path / "again")
    for name in files[:3]:
        again = (tmp_path / "again" / name).read_bytes()
        assert again == (tmp_path / "a" / "b" / name).read_bytes()


def test_a_keras_file_one_label_and_json(stemzoo, tmp_path):
    tiny_generator(labels=("no", "a/b c")).save(tmp_path / "model.keras")
    options = ["--label", "a/b c", "--format", "flac", "--temperature", "0.5", "--json"]
    code, out, _ = stemzoo(
        "generate", "--model", tmp_path / "model.keras", "-n", 2, "-o", tmp_path / "o", *options
    )
    report = json.loads(out)
    files = [str(tmp_path / "o" / f"a_b_c_0{index}.flac") for index in range(2)]
    picture = str(tmp_path / "o" / "generated.png")
    assert code == 0 and report == {"sounds": files, "picture": picture, "errors": {}}


def test_without_labels_they_are_samples(stemzoo, tmp_path):
    tiny_generator(labels=()).network.save_to_preset(tmp_path / "network")
    options = ["-n", 1, "--format", "ogg"]
    code, _, err = stemzoo(
        "generate", "--preset", tmp_path / "network", "-o", tmp_path / "o", *options
    )
    assert (code, err) == (0, "")
    assert names(tmp_path / "o") == ["generated.png", "sample_00.ogg"]


def test_reconstruct_goes_on_after_bad_files(stemzoo, sounds, recordings, tmp_path):
    (recordings / "text.wav").write_text("not audio")
    soundfile.write(recordings / "one.flac", noise(500, 1), 8000)
    files = ["one.wav", "text.wav", "absent.wav", "two.flac", "one.flac"]
    given = [part for name in files for part in ("--reconstruct", recordings / name)]
    code, out, err = stemzoo("generate", "--preset", sounds, "-o", tmp_path / "o", *given)
    assert code == 2 and len(out.split()) == 3
    assert names(tmp_path / "o") == [
        "generated.png",
        "one_reconstructed.wav",
        "two_reconstructed.wav",
    ]
    lines = err.splitlines()
    for line, name in zip(lines, ("text.wav", "absent.wav", "one.flac"), strict=True):
        assert line.startswith(f"stemzoo: {recordings / name}: ")


def test_reconstruct_takes_patterns_and_writes_nothing_of_nothing(
    stemzoo, sounds, recordings, tmp_path
):
    common = ["generate", "--preset", sounds, "-o", tmp_path / "o", "--reconstruct"]
    code, out, err = stemzoo(*common, recordings / "absent.wav")
    assert (code, out) == (2, "") and err.count("\n") == 1 and not (tmp_path / "o").exists()
    code, _, _ = stemzoo(*common, recordings / "*.flac")
    assert code == 0 and names(tmp_path / "o") == ["generated.png", "two_reconstructed.wav"]


def test_between_and_walk(stemzoo, sounds, recordings, tmp_path):
    ends = ["--between", recordings / "one.wav", recordings / "two.flac", "-n", 3]
    code, _, err = stemzoo("generate", "--preset", sounds, "-o", tmp_path / "b", *ends)
    assert (code, err) == (0, "")
    assert names(tmp_path / "b")[:3] == ["between_00.wav", "between_01.wav", "between_02.wav"]
    code, _, err = stemzoo(
        "generate", "--preset", sounds, "-o", tmp_path / "w", "--walk", "-n", 2, "--seed", 0
    )
    assert (code, err) == (0, "")
    assert names(tmp_path / "w") == ["generated.png", "walk_00.wav", "walk_01.wav"]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--label", "maybe"], "maybe: no such label; the generator's are: no, yes"),
        (["-n", "0"], "count=0"),
        (["--temperature", "-1"], "temperature must not be negative"),
        (["--walk", "--reconstruct", "x.wav"], "choose one of them"),
        (["--walk", "--label", "yes"], "--label says nothing here"),
        (["--reconstruct", "x.wav", "-n", "3"], "--count says nothing here"),
        (["--reconstruct", "no*match.wav"], "no*match.wav: no file matches"),
        (["--between", "x.wav", "y.wav"], "x.wav: no such file"),
    ],
)
def test_mistakes_are_one_line(stemzoo, sounds, tmp_path, monkeypatch, arguments, problem):
    monkeypatch.chdir(tmp_path)
    code, out, err = stemzoo("generate", "--preset", sounds, "-o", "o", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("stemzoo: ") and problem in err and err.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_separator_generates_and_a_generator_separates_nothing(
    stemzoo, sounds, preset, recordings, tmp_path
):
    output = tmp_path / "o"
    code, _, err = stemzoo("generate", "--preset", preset, "-o", output)
    assert code == 2 and err.startswith(f"stemzoo: {preset}: a Separator makes no sounds")
    song = recordings / "two.flac"
    code, _, err = stemzoo("separate", song, "-o", output, "--preset", sounds)
    assert code == 2 and "a SoundGenerator separates nothing" in err and err.count("\n") == 1
    assert not output.exists()


def test_sounds_beyond_full_scale_are_scaled_down(stemzoo, tmp_path):
    tiny_generator(decibel_range=(0.0, 80.0)).save(tmp_path / "loud.keras")
    code, _, _ = stemzoo(
        "generate", "--model", tmp_path / "loud.keras", "-n", 1, "-o", tmp_path / "o", "--seed", 0
    )
    waveform, _ = soundfile.read(tmp_path / "o" / "no_00.wav")
    assert code == 0 and np.abs(waveform).max() == pytest.approx(1, abs=1e-3)
    assert np.mean(np.abs(waveform) > 0.99) < 0.05


def test_a_picture_of_silence_and_sound(tmp_path):
    clips = {"silence": np.zeros(300, "float32"), "tone": tones(1)[0, :300]}
    path = sounds_picture(tmp_path / "p.png", list(clips.items()), TINY, title="two")
    assert path.read_bytes().startswith(b"\x89PNG")
    decibels = spectrogram_decibels(clips["tone"], TINY)
    assert decibels.shape == (32, 16) and -8 < decibels.max() < 0
    assert spectrogram_decibels(clips["silence"], TINY).max() == pytest.approx(-120)

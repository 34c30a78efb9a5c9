"""The page to listen to: what it refers to is there, is heard and adds up."""

import json
import re
from html.parser import HTMLParser

import keras
import numpy as np
import pytest
import soundfile

import training.listen
import zoo
from training.listen import excerpt, listen, main, picked
from training.synthetic import synthetic_songs

FRONT_END = zoo.FrontEnd(frame_length=128, frame_step=96, bins=64, frames=16)
SECONDS = 2.0


class Page(HTMLParser):
    """Files and links of a page; labels of its players, alternative texts of its pictures."""

    def __init__(self, text: str):
        super().__init__()
        self.files, self.links, self.labels, self.ids = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.files += [given["src"]] if "src" in given else []
        self.links += [given["href"]] if "href" in given else []
        self.ids += [given["id"]] if "id" in given else []
        if tag in ("audio", "img"):
            self.labels.append(given["aria-label" if tag == "audio" else "alt"])


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """A network of a stem, and two for three stems, one of which is the rest of a song."""
    folder = tmp_path_factory.mktemp("presets")
    keras.utils.set_random_seed(0)
    data = {"licence": "MIT <&>", "settings": {"data": {"songs_seed": 0}}}
    zoo.JanssonUNet(filters=(2, 3), front_end=FRONT_END).save_to_preset(
        folder / "tiny", metadata=data
    )
    networks = {
        stem: zoo.JanssonUNet(filters=(2, 3), front_end=FRONT_END, name=stem)
        for stem in ("vocals", "drums")
    }
    zoo.Separator(networks, residual="other").save_to_preset(folder / "three")
    return [str(folder / "tiny"), str(folder / "three")]


@pytest.fixture
def short_songs(monkeypatch):
    """Songs that need no minute."""

    def named(data, sample_rate=None):
        if not data.startswith("synthetic:"):
            return None
        seed, count = map(int, data.split(":")[1:3])
        return synthetic_songs(seed, count, duration=4.0, sample_rate=8192, channels=2)

    monkeypatch.setattr(training.listen, "synthetic_tracks", named)


def test_everything_on_the_page_is_there_and_adds_up(presets, short_songs, tmp_path, capsys):
    output = tmp_path / "listen"
    (output / "sounds").mkdir(parents=True)
    for left in ("README.md", "sounds/old.mp3"):
        (output / left).write_text("of an earlier page")
    arguments = ["--preset", *presets, "--songs", "synthetic:1:3", "--seconds", str(SECONDS)]
    main([str(output), *arguments])
    text = (output / "index.html").read_text("utf-8")
    page = Page(text)
    assert all(page.labels) and len(page.labels) == len(page.files)
    assert len(page.files) == 3 * (2 + 2 * 2) + 3 * (2 + 2 * 3)
    names = {path.relative_to(output).as_posix() for path in (output / "sounds").iterdir()}
    assert set(page.files) == names
    assert (output / "README.md").exists()
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert not re.search(r"https?:|<script", text)

    printed = capsys.readouterr().out
    for rank in ("best", "median", "worst"):
        shown = re.findall(rf'class="{rank}">{rank.capitalize()} of 3: (\S+) dB', text)
        score = re.findall(rf"{rank} (\S+) dB", printed)
        assert [value.replace("\N{MINUS SIGN}", "-") for value in shown] == score
    assert "Weights: MIT &lt;&amp;&gt;." in text and "--preset tiny three --songs" in text
    assert str(tmp_path) not in text

    pictures = [(output / name).read_bytes() for name in names if name.endswith(".jpg")]
    assert len(pictures) == 6 and all(data[:2] == b"\xff\xd8" for data in pictures)
    assert max(map(len, pictures)) < 60_000

    def heard(name):
        signal, rate = soundfile.read(output / "sounds" / f"{name}.mp3")
        assert signal.shape == (SECONDS * rate, 2)
        return signal

    for song in (f"synthetic-1-{number}" for number in range(3)):
        mixture = heard(f"{song}-mixture")
        for stems in (
            ("vocals", "all-but-vocals"),
            ("vocals", "drums", "all-but-vocals-drums"),
        ):
            error = mixture - sum(heard(f"{song}-{stem}") for stem in stems)
            # What the encoder leaves out.
            assert np.square(error).mean() < 0.05 * np.square(mixture).mean()
        made = sum(heard(f"{song}-{stem}-by-tiny") for stem in ("vocals", "accompaniment"))
        assert np.square(mixture - made).mean() < 0.05 * np.square(mixture).mean()


def test_the_same_command_gives_the_same_files(presets, short_songs, tmp_path):
    written = []
    for name in ("first", "second"):
        listen(tmp_path / name, presets[:1], songs="synthetic:2:3", seconds=1.0)
        files = (path for path in (tmp_path / name).rglob("*") if path.is_file())
        written.append({path.name: path.read_bytes() for path in files})
    assert len(written[0]) > 10 and written[0] == written[1]


def test_excerpts_are_the_middle():
    (track,) = synthetic_songs(1, 1, duration=4.0, sample_rate=8192, channels=1)
    middle = excerpt(track, 1.0)
    start = 3 * 8192 // 2
    assert np.array_equal(middle.load_mixture(), track.load_mixture()[start : start + 8192])
    with pytest.raises(zoo.InputError, match="--seconds 9: synthetic-1-0 has 4; name fewer"):
        excerpt(track, 9)


@pytest.mark.parametrize(("count", "median"), [(3, "b"), (4, "c"), (5, "c")])
def test_nobody_picks(count, median):
    scores = dict(zip("abcde"[:count], range(count, 0, -1), strict=True)) | {"z": float("nan")}
    assert picked(scores) == {"best": "a", "median": median, "worst": "abcde"[count - 1]}


def test_mistakes_in_one_line(presets, short_songs, tmp_path, monkeypatch):
    for options, message in (
        ({"songs": str(tmp_path)}, "the page is for synthetic songs"),
        ({"songs": "synthetic:1:3:voices"}, "--material-licence: is missing"),
        ({"songs": "synthetic:1:2"}, "--songs: 2 have something to separate"),
        ({"songs": "synthetic:0:3"}, "tiny was trained on the seed 0; name another"),
        ({"seconds": 0.5}, "--seconds 0.5: is less than one"),
    ):
        given = {"songs": "synthetic:1:3", "seconds": SECONDS, **options}
        with pytest.raises(zoo.InputError, match=message):
            listen(tmp_path / "page", presets[:1], **given)
    monkeypatch.setattr("training.listen_files.MEGABYTES", 0.05)
    with pytest.raises(zoo.InputError, match=r"would take 0\.\d MB, more than 0.05; name fewer"):
        listen(tmp_path / "page", presets[:1], songs="synthetic:1:3", seconds=1.0)
    assert not (tmp_path / "page").exists()


def test_whose_recordings_songs_are_made_with(presets, short_songs, tmp_path):
    words = "spoken by A. Speaker, CC BY 4.0"
    data = {"songs": "synthetic:1:3:/somewhere/else", "material_licence": words}
    listen(tmp_path, presets[:1], seconds=1.0, **data)
    text = (tmp_path / "index.html").read_text("utf-8")
    assert f"made with: {words}." in text
    assert "synthetic:1:3:MATERIAL" in text and "somewhere" not in text
    assert json.dumps(words) in text.replace("&quot;", '"')

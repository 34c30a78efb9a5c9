from contextlib import suppress

import numpy as np
import pytest
import soundfile

from training.pipeline import spectrogram_patches, waveform_segments
from training.preview import preview_recipe
from training.recipe import load_recipe
from training.song_data import split_songs
from zoo.cli import main
from zoo.errors import InputError

SPECTROGRAMS = """
[model]
network = "JanssonUNet"
filters = [2, 4]

[front_end]
sample_rate = 2000
frame_length = 64
frame_step = 16
bins = 32
frames = 32

[data]
stems = ["vocals", "accompaniment"]
patches_per_song = 4
"""
WAVEFORMS = """
[model]
network = "WaveUNet"
variant = "M4"
levels = 2
initial_filters = 2
segment_samples = 300
sample_rate = 2000
scales = 2

[data]
patches_per_song = 1
"""
AUGMENTED = """
[[augment]]
transform = "gain"
gain_db = [-6.0, -6.0]
probability = 0.5
stems = ["vocals"]
"""


def sound(path):
    samples, _ = soundfile.read(path, dtype="float32", always_2d=True)
    return samples


def test_segments_are_those_that_are_trained_on(write_recipe, song_folder, tmp_path):
    """More examples than an epoch has: the second epoch's follow."""
    from training.models import build_model

    recipe = load_recipe(write_recipe(WAVEFORMS + AUGMENTED))
    files = preview_recipe(tmp_path / "mine.toml", song_folder, tmp_path / "out", count=6)
    assert files == sorted(files, key=lambda path: (path.name == "examples.png", path.parent))
    assert {path.name for path in files[:5]} == {
        f"{name}.wav"
        for name in ("mixture", "vocals", "accompaniment", "vocals_2", "accompaniment_2")
    }
    assert files[-1].read_bytes().startswith(b"\x89PNG")

    network = build_model(recipe.model)
    songs, _ = split_songs(recipe, song_folder, sample_rate=2000, channels=2)
    dataset = waveform_segments(
        songs,
        network,
        segments_per_song=1,
        batch_size=1,
        augment=recipe.augment,
        first_epoch=0,
    )
    for number, (mixture, targets) in enumerate(dataset.take(6).as_numpy_iterator(), 1):
        folder = tmp_path / "out" / f"example_{number:02d}"
        np.testing.assert_array_equal(sound(folder / "mixture.wav"), mixture[0])
        for name, target in targets.items():
            np.testing.assert_array_equal(sound(folder / f"{name}.wav"), target[0])
    assert soundfile.info(folder / "vocals.wav").samplerate == 2000
    assert soundfile.info(folder / "vocals_2.wav").samplerate == 1000


def test_patches_sound_as_their_magnitudes_tell(
    write_recipe, song_folder, tmp_path, monkeypatch, capfd
):
    recipe = load_recipe(write_recipe(SPECTROGRAMS))
    command = f"stemzoo data preview --recipe {tmp_path}/mine.toml --data {song_folder} --count 2"
    monkeypatch.setattr("sys.argv", [*command.split(), "-o", str(tmp_path / "out")])
    with suppress(SystemExit):
        main()
    printed = capfd.readouterr().out.split()
    assert len(printed) == 7
    assert printed[0] == str(tmp_path / "out" / "example_01" / "mixture.wav")
    songs, _ = split_songs(recipe, song_folder, sample_rate=2000, channels=1)
    dataset = spectrogram_patches(
        [songs[0], songs[2]],
        recipe.front_end,
        stems=recipe.data.stems,
        patches_per_song=4,
        batch_size=1,
        first_epoch=0,
    )
    for number, (mixture, targets) in enumerate(dataset.take(2).as_numpy_iterator(), 1):
        folder = tmp_path / "out" / f"example_{number:02d}"
        heard = sound(folder / "mixture.wav")
        assert np.abs(heard).max() == pytest.approx(0.5)
        levels = []
        for name, patch in {"mixture": mixture, **targets}.items():
            waveform = sound(folder / f"{name}.wav")[:, 0]
            spectrum = recipe.front_end.stft(waveform[None])
            again = np.asarray(recipe.front_end.magnitude(*spectrum))[0].T
            wanted = patch[0, ..., 0][:, : again.shape[1]]
            similarity = np.sum(again * wanted) / np.linalg.norm(again) / np.linalg.norm(wanted)
            assert similarity > 0.9
            levels.append(np.linalg.norm(again) / np.linalg.norm(wanted))
        # One factor for all, up to what Griffin and Lim's algorithm loses.
        np.testing.assert_allclose(levels, levels[0], rtol=0.1)


def test_the_picture_says_what_was_drawn(write_recipe, song_folder, tmp_path, monkeypatch):
    captions = []

    def picture(path, examples, **options):
        captions.extend(example.caption for example in examples)
        return path

    monkeypatch.setattr("training.preview_picture.examples_picture", picture)
    out = tmp_path / "out"
    preview_recipe(write_recipe(WAVEFORMS + AUGMENTED), song_folder, out, count=6)
    write_recipe(WAVEFORMS)
    preview_recipe(tmp_path / "mine.toml", song_folder, tmp_path / "plain", count=6)
    assert captions[6:] == [""] * 6
    assert set(captions[:6]) == {"", "gain -6.0 dB: vocals"}
    for number, caption in enumerate(captions[:6], 1):
        name = f"example_{number:02d}/vocals.wav"
        # Without scaling down, for the noise is far below full scale.
        ratio = np.abs(sound(out / name)).max() / np.abs(sound(tmp_path / "plain" / name)).max()
        assert 20 * np.log10(ratio) == pytest.approx(-6 if caption else 0, abs=0.01)


def test_what_cannot_be_previewed_is_refused(write_recipe, song_folder, tmp_path):
    features = '[model]\nnetwork = "ConvVAE"\nlatent_space_dim = 2\nconv_filters = [2]\n'
    features += "conv_kernels = [3]\nconv_strides = [2]\n"
    features += "[front_end]\nbins = 16\nframe_length = 32\nframe_step = 8\nframes = 8\n"
    features += 'normalization = "min_max"\n'
    with pytest.raises(InputError, match="ConvVAE learns recordings"):
        preview_recipe(write_recipe(features), song_folder, tmp_path / "out")
    with pytest.raises(InputError, match="trains on stems: name their folder as data"):
        preview_recipe(write_recipe(SPECTROGRAMS), None, tmp_path / "out")
    swap = SPECTROGRAMS + "[[augment]]\ntransform = 'channel_swap'"
    with pytest.raises(InputError, match="channel_swap changes nothing in one channel"):
        preview_recipe(write_recipe(swap), song_folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()

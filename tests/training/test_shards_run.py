"""Shards from the command line to a trained model; spectrograms; what cannot be."""

import librosa
import numpy as np
import pytest
from typer.testing import CliRunner

from training.graph_decoder import graph_decoder
from training.loaders.stem_folder import stem_folder
from training.pipeline import spectrogram_patches
from training.remix import Remix
from training.run import train_recipe
from training.shards.reader import Shards
from training.shards.settings import ShardSettings
from training.shards.writer import write_shards
from zoo.cli import app
from zoo.errors import InputError

from .runs import TINY

RECIPE = f"""
{TINY}cache_memory = "90MB"

[training]
epochs = 2
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path


def test_preprocess_then_train(recipe, song_folder, tmp_path):
    def preprocess(*options):
        arguments = ["preprocess", song_folder, tmp_path / "s", "--to", "tfrecord", *options]
        return CliRunner().invoke(app, [*map(str, arguments), "--workers", "1"])

    result = preprocess("--recipe", recipe, "--chunk-seconds", "0.5", "--compression", "zlib")
    assert result.exit_code == 0, result.output
    assert "s: 5 songs in 5 shards of together" in result.output
    model = train_recipe(recipe, tmp_path / "s", tmp_path / "run")
    assert model.count_params() > 0
    lines = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert len(lines) == 3
    result = preprocess()
    assert isinstance(result.exception, InputError), result.output
    assert "was made with sample_rate=2000, not 8192" in str(result.exception)


def test_spectrograms_are_the_front_ends(song_folder, front_end, tmp_path):
    tracks = stem_folder(song_folder)
    settings = ShardSettings.of_front_end(
        front_end, content="spectrograms", targets=("vocals",), dtype="float16", chunk_seconds=0.4
    )
    write_shards(tracks, tmp_path / "s", settings=settings, workers=1)
    shards = Shards(tmp_path / "s")
    dataset = spectrogram_patches(
        shards.of("validation"), front_end, training=False, patches_per_song=3
    )
    ((mixtures, targets),) = dataset
    # song 2 is held back. 62 frames, of which 8 are a patch: three of 54 places.
    track = tracks[2]
    spectra = [
        np.abs(librosa.stft(waveform.mean(axis=1), n_fft=64, hop_length=48, center=False))[1:]
        for waveform in (track.load_mixture(), track.load_stem("vocals"))
    ]
    for patch, frame in enumerate((9, 27, 45)):
        mixture, vocals = (spectrum[:, frame : frame + 8] for spectrum in spectra)
        for got, truth in ((mixtures, mixture), (targets["vocals"], vocals)):
            np.testing.assert_allclose(got[patch, :, :, 0], truth / mixture.max(), atol=2e-3)
    batch, _ = next(iter(spectrogram_patches(shards, front_end, batch_size=4)))
    np.testing.assert_allclose(np.max(batch, axis=(1, 2, 3)), 1, rtol=1e-6)

    with pytest.raises(InputError, match="holds spectrograms, which can neither be remixed"):
        spectrogram_patches(shards, front_end, remix=Remix())
    with pytest.raises(InputError, match="holds spectrograms of vocals, not of accompaniment"):
        spectrogram_patches(shards, front_end, stems=("accompaniment",))


def test_decoding_in_the_graph_names_the_extra():
    with pytest.raises(InputError, match=r"pip install 'stemzoo\[tfio\]'"):
        graph_decoder()

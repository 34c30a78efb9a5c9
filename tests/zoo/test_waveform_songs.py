"""Whole songs, presets, commands and pictures with waveform networks."""

import json

import keras
import numpy as np
import pytest
import soundfile

from zoo import InputError, Separator, WaveUNet, load_preset
from zoo.compiled import _compiled
from zoo.exporting import exportable
from zoo.inference import separate_array, separate_blocks, separate_file
from zoo.pictures import display_front_end, separation_picture
from zoo.preset_files import preset_metadata

from .conftest import noise, tiny_wave_unet

RATE = 22050


@pytest.fixture(scope="module", params=["M1", "M4", "M5", "M6"])
def separator(request):
    return Separator(tiny_wave_unet(request.param))


@pytest.fixture(scope="module")
def stereo():
    return Separator(tiny_wave_unet("M4", sample_rate=8192))


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "waves"
    tiny_wave_unet("M4", sample_rate=8192).save_to_preset(folder)
    return folder


def decibels(difference, reference):
    return 20 * np.log10(np.abs(difference).max() / np.abs(reference).max() + 1e-12)


@pytest.mark.parametrize("above_band", ["residual", "discard"])
def test_the_chunk_size_does_not_change_the_output(separator, above_band):
    mixture = noise(20_000, 2)
    whole = separate_array(separator, mixture, 44100, above_band=above_band, chunk_seconds=100)
    assert all(signal.std() > 0.02 for signal in whole.values())
    for seconds in (0.001, 0.05, 0.2):
        chunked = separate_array(
            separator, mixture, 44100, above_band=above_band, chunk_seconds=seconds
        )
        for stem, expected in whole.items():
            assert chunked[stem].shape == mixture.shape
            assert np.abs(chunked[stem] - expected).max() < 1e-5


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_at_the_model_s_rate_it_is_the_model_s_output(separator, channels):
    mixture = noise(5001, channels)
    expected = separator(mixture[None])
    for size in (100, 6000):
        blocks = [mixture[i : i + size] for i in range(0, len(mixture), size)]
        pieces = list(separate_blocks(separator, blocks, RATE, channels, chunk_seconds=0.05))
        for stem in separator.stems:
            joined = np.concatenate([piece[stem] for piece in pieces])
            assert np.abs(joined - np.asarray(expected[stem])[0]).max() < 1e-5


@pytest.mark.parametrize("rate", [8000, 8192, 44100, 384000])
@pytest.mark.parametrize("samples", [1, 1000, 30_011])
def test_stems_add_up_to_the_mixture_at_any_rate_and_length(stereo, rate, samples):
    mixture = noise(samples, 2)
    stems = separate_array(stereo, mixture, rate)
    assert all(signal.shape == mixture.shape for signal in stems.values())
    assert decibels(sum(stems.values()) - mixture, mixture) < -100


def test_no_samples_give_no_samples(stereo):
    assert list(separate_blocks(stereo, [], 44100, 2)) == []


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="counts its traces")
def test_songs_of_all_lengths_share_their_programs():
    separator = Separator(tiny_wave_unet("M5"))
    for samples in (3000, 2000, 5000, 1234, 777):
        for channels in (1, 2):
            separate_array(separator, noise(samples, channels), RATE, chunk_seconds=0.05)
    assert _compiled[separator].experimental_get_tracing_count() <= 4


def test_time_stays_aligned():
    """A network whose vocals are nothing leaves the mixture; one that copies gives it twice."""
    for variant in ("M1", "M4"):
        network = tiny_wave_unet(variant, channels=1)
        head = network.get_layer("accompaniment_conv")
        kernel = np.zeros(head.kernel.shape, "float32")
        kernel[:, 0] = 0.01  # the mixture is the first channel of what the head sees
        head.kernel.assign(kernel)
        head.bias.assign([0.0])
        tone = noise(1, 1, 1) * 0 + np.sin(np.arange(9000) * 0.05)[None, :, None]
        separator = Separator(network, residual="vocals")
        stems = separate_array(separator, tone[0].astype("float32"), RATE, chunk_seconds=0.1)
        assert decibels(100 * stems["accompaniment"] - tone[0], tone) < -60


def test_files_keep_length_rate_and_channels(stereo, tmp_path):
    mixture = noise(30_000, 1)
    soundfile.write(tmp_path / "a.wav", mixture, 44100, subtype="FLOAT")
    files = separate_file(tmp_path / "a.wav", tmp_path / "out", separator=stereo)
    stems = {stem: soundfile.read(path, always_2d=True) for stem, path in files.items()}
    assert [(x.shape, rate) for x, rate in stems.values()] == [((30_000, 1), 44100)] * 2
    assert decibels(sum(x for x, _ in stems.values()) - mixture, mixture) < -100


def test_the_mask_cannot_be_extended_without_one(stereo, stemzoo, preset, tmp_path):
    with pytest.raises(InputError, match="'extend' needs the masks of a mask network"):
        separate_array(stereo, noise(100, 2), 44100, above_band="extend")
    song = tmp_path / "song.wav"
    soundfile.write(song, noise(3000, 2), 44100)
    arguments = ["-o", tmp_path / "out", "--preset", preset, "--above-band", "extend"]
    code, out, err = stemzoo("separate", song, *arguments)
    assert (code, out) == (2, "") and "'extend' needs" in err and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_the_command_separates_with_a_waveform_preset(stemzoo, preset, tmp_path):
    song = tmp_path / "song.wav"
    soundfile.write(song, noise(20_000, 2), 44100)
    for options in ([], ["--chunk-seconds", 1]):
        code, out, err = stemzoo("separate", song, "-o", tmp_path, "--preset", preset, *options)
        assert (code, err) == (0, "")
        assert [soundfile.info(path).frames for path in out.split()] == [20_000] * 2


def test_a_preset_says_what_it_is(preset, tmp_path):
    assert isinstance(load_preset(preset), WaveUNet)
    separator = Separator.from_preset(preset)
    separator.save_to_preset(tmp_path / "separator")
    for folder, kind, stems in (
        (preset, "WaveUNet", ["accompaniment", "vocals"]),
        (tmp_path / "separator", "Separator", ["vocals", "accompaniment"]),
    ):
        facts = preset_metadata(folder)
        assert (facts["class"], facts["stems"]) == (kind, stems)
        assert (facts["sample_rate"], facts["channels"]) == (8192, 2)
        assert "front_end" not in facts


def test_models_lists_waveform_presets(stemzoo, preset, monkeypatch):
    monkeypatch.setattr("zoo.preset_files.presets_folder", lambda: preset.parent)
    code, out, _ = stemzoo("models")
    assert code == 0
    row = next(line for line in out.splitlines() if line.lstrip().startswith("waves"))
    assert row.split()[-4:] == ["8,192", "Hz", "not", "stated"]
    assert "waveform, 157 samples, stereo -> accompaniment, vocals" in out


def test_spectrograms_are_no_input_for_waveform_networks(stereo, preset, stemzoo, tmp_path):
    for model in (stereo, load_preset(preset)):
        assert isinstance(exportable(model, waveform=True), Separator)
        with pytest.raises(InputError, match="works on waveforms; use --input waveform"):
            exportable(model, waveform=False)
    code, _, err = stemzoo("export", preset, "-o", tmp_path / "out", "--input", "spectrogram")
    assert code == 2 and err.startswith("stemzoo: --input spectrogram") and err.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["M1", "M4"])
def test_export_takes_the_network_s_channels(stemzoo, variant, tmp_path):
    network = tiny_wave_unet(variant, levels=1)
    network.save_to_preset(tmp_path / "preset")
    options = ["-o", tmp_path / "out", "--format", "tflite", "--json"]
    code, out, err = stemzoo("export", tmp_path / "preset", *options)
    assert (code, err) == (0, "")
    (report,) = json.loads(out)
    assert report["inputs"]["waveform"]["shape"] == [None, None, network.channels]


def test_a_picture_needs_no_masks(stereo, tmp_path):
    path = separation_picture(tmp_path / "picture.png", stereo, noise(9000, 2), title="noise")
    assert path.read_bytes().startswith(b"\x89PNG")
    for rate, length in ((8192, 1024), (22050, 2048), (44100, 2048)):
        front_end = display_front_end(rate)
        assert (front_end.sample_rate, front_end.frame_length) == (rate, length)
        assert front_end.bins == front_end.spectrum_bins

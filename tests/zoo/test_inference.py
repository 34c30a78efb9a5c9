"""Whole songs: DESIGN's promises on seams, lengths, rates, channels, sums, state and memory."""

import subprocess
import sys

import numpy as np
import pytest
import soundfile

from zoo import InputError, Separator
from zoo.audio import read_audio
from zoo.inference import separate_array, separate_blocks, separate_file
from zoo.prefetch import prefetch

from .conftest import noise, tiny_network

RATE = 22050


def song(samples=40_000, channels=2, seed=0):
    """Noise plus a tone: something in the band, something above it."""
    tone = np.sin(np.arange(samples) * 2 * np.pi * 440 / RATE)[:, None]
    return (noise(samples, channels, seed=seed) + 0.3 * tone).astype("float32")


def decibels(difference, reference):
    return 20 * np.log10(np.abs(difference).max() / np.abs(reference).max() + 1e-12)


@pytest.mark.parametrize("above_band", ["residual", "discard", "extend"])
def test_the_chunk_size_does_not_change_the_output(separator, above_band):
    mixture = song()
    whole = separate_array(separator, mixture, RATE, above_band=above_band, chunk_seconds=100)
    for seconds in (0.2, 0.5, 1.1):
        chunked = separate_array(
            separator, mixture, RATE, above_band=above_band, chunk_seconds=seconds
        )
        for stem, expected in whole.items():
            assert chunked[stem].shape == mixture.shape
            assert decibels(chunked[stem] - expected, mixture) < -60


def test_how_the_stream_is_cut_does_not_change_the_output(separator):
    mixture = song()
    expected = separate_array(separator, mixture, RATE)
    for size in (1000, 7777):
        blocks = (mixture[i : i + size] for i in range(0, len(mixture), size))
        pieces = list(separate_blocks(separator, blocks, RATE, 2))
        vocals = np.concatenate([piece["vocals"] for piece in pieces])
        assert np.abs(vocals - expected["vocals"]).max() < 1e-5


@pytest.mark.parametrize("rate", [8000, 8192, 22050, 44100, 384000])
@pytest.mark.parametrize("samples", [1, 1000, 30_011])
def test_stems_add_up_to_the_mixture_at_any_rate_and_length(separator, rate, samples):
    mixture = song(samples)
    stems = separate_array(separator, mixture, rate)
    assert all(signal.shape == mixture.shape for signal in stems.values())
    assert decibels(sum(stems.values()) - mixture, mixture) < -100


@pytest.mark.parametrize("channels", [1, 8])
def test_any_channel_count(separator, channels):
    mixture = song(10_000, channels)
    stems = separate_array(separator, mixture, RATE)
    assert stems["vocals"].shape == (10_000, channels)
    assert decibels(sum(stems.values()) - mixture, mixture) < -100


def band_energy(signal, low, high):
    spectrum = np.abs(np.fft.rfft(signal[:, 0])) ** 2
    hertz = np.fft.rfftfreq(len(signal), 1 / RATE)
    return spectrum[(hertz > low) & (hertz < high)].sum()


def test_where_the_spectrum_above_the_band_goes(separator):
    mixture = song()
    above = (4600, RATE / 2)
    whole = band_energy(mixture, *above)

    kept = separate_array(separator, mixture, RATE, above_band="residual")
    assert band_energy(kept["vocals"], *above) < 1e-3 * whole
    assert band_energy(kept["accompaniment"], *above) > 0.99 * whole

    gone = separate_array(separator, mixture, RATE, above_band="discard")
    assert all(band_energy(signal, *above) < 1e-3 * whole for signal in gone.values())
    assert np.abs(gone["vocals"] - kept["vocals"]).max() < 1e-6

    shared = separate_array(separator, mixture, RATE, above_band="extend")
    assert all(band_energy(signal, *above) > 0.02 * whole for signal in shared.values())
    assert decibels(sum(shared.values()) - mixture, mixture) < -100
    with pytest.raises(ValueError, match="above_band='loud'"):
        separate_array(separator, mixture, RATE, above_band="loud")


def test_time_stays_aligned():
    """With a mask of one, the stem is the mixture's band: the same samples at the same places."""
    network = tiny_network()
    last = network.get_layer("decoder_1_conv")
    last.kernel.assign(0 * last.kernel)
    last.bias.assign([20.0])
    tone = np.sin(np.arange(30_000) * 2 * np.pi * 700 / RATE)[:, None].astype("float32")
    stems = separate_array(Separator(network), tone, RATE)
    inside = slice(1000, -1000)
    assert decibels((stems["vocals"] - tone)[inside], tone) < -60


def test_a_call_never_sees_another_one_s_data(separator):
    first = separate_array(separator, song(), RATE)
    separate_array(separator, song(9000, seed=3), RATE)
    again = separate_array(separator, song(), RATE)
    assert np.array_equal(first["vocals"], again["vocals"])


@pytest.mark.parametrize(
    "name,subtype,expected",
    [
        ("a.wav", "PCM_16", "PCM_16"),
        ("a.wav", "PCM_24", "PCM_24"),
        ("a.wav", "FLOAT", "FLOAT"),
        ("a.flac", "PCM_24", "PCM_24"),
        ("a.ogg", "VORBIS", "PCM_16"),
        ("a.mp3", "MPEG_LAYER_III", "PCM_16"),
    ],
)
def test_files_keep_length_rate_channels_and_resolution(
    separator, tmp_path, name, subtype, expected
):
    soundfile.write(tmp_path / name, 0.5 * song(), RATE, subtype=subtype)
    mixture, rate = read_audio(tmp_path / name)
    files = separate_file(tmp_path / name, tmp_path / "out", separator=separator)
    assert sorted(path.name for path in (tmp_path / "out" / "a").iterdir()) == [
        "accompaniment.wav",
        "vocals.wav",
    ]
    stems = {}
    for stem, path in files.items():
        information = soundfile.info(path)
        assert (information.samplerate, information.channels) == (rate, 2)
        assert information.subtype == expected
        stems[stem], _ = soundfile.read(path, always_2d=True)
        assert stems[stem].shape == mixture.shape
    assert decibels(sum(stems.values()) - mixture, mixture) < -60


@pytest.mark.parametrize("format", ["flac", "ogg", "mp3"])
def test_output_formats(separator, tmp_path, format):
    soundfile.write(tmp_path / "a.wav", 0.5 * song(), RATE)
    files = separate_file(tmp_path / "a.wav", tmp_path, separator=separator, format=format)
    for path in files.values():
        samples, rate = soundfile.read(path)
        assert path.suffix == f".{format}" and rate == RATE
        assert abs(len(samples) - 40_000) <= (2 * 1152 if format == "mp3" else 0)


def test_only_the_wanted_stems(separator, tmp_path):
    soundfile.write(tmp_path / "a.wav", song(), RATE)
    files = separate_file(tmp_path / "a.wav", tmp_path, separator=separator, stems=["vocals"])
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["vocals.wav"]
    assert list(files) == ["vocals"]
    with pytest.raises(InputError, match="no drums; this model has vocals, accompaniment"):
        separate_file(tmp_path / "a.wav", tmp_path, separator=separator, stems=["drums"])


def test_an_input_is_never_its_own_output(separator, tmp_path):
    (tmp_path / "vocals").mkdir()
    source = tmp_path / "vocals" / "vocals.wav"
    soundfile.write(source, song(), RATE)
    before = source.read_bytes()
    with pytest.raises(InputError, match="would be overwritten by its own stem"):
        separate_file(source, tmp_path, separator=separator)
    assert source.read_bytes() == before and len(list(source.parent.iterdir())) == 1


def test_a_song_that_breaks_off_leaves_nothing(separator, tmp_path):
    """The defect sits behind the first chunk: by then output is being written."""
    samples = song(200_000)
    samples[190_000] = np.nan
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(InputError, match=r"a\.wav: holds a NaN"):
        separate_file(
            tmp_path / "a.wav", tmp_path / "out" / "deep", separator=separator, chunk_seconds=1
        )
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_earlier_stems_survive_a_failure(separator, tmp_path):
    soundfile.write(tmp_path / "a.wav", song(), RATE)
    files = separate_file(tmp_path / "a.wav", tmp_path, separator=separator)
    before = {path: path.read_bytes() for path in files.values()}
    samples = song()
    samples[-5] = np.inf
    soundfile.write(tmp_path / "a.wav", samples, RATE, subtype="FLOAT")
    with pytest.raises(InputError):
        separate_file(tmp_path / "a.wav", tmp_path, separator=separator)
    assert {path: path.read_bytes() for path in (tmp_path / "a").iterdir()} == before


def test_prefetch_keeps_order_and_raises_in_place():
    def numbers():
        yield from range(5)
        raise OSError("broken")

    received = []
    with pytest.raises(OSError, match="broken"):
        received.extend(prefetch(numbers()))
    assert list(prefetch(range(20), depth=3)) == list(range(20))


def test_prefetch_closes_what_it_no_longer_needs():
    closed = []

    def endless():
        try:
            while True:
                yield 1
        finally:
            closed.append(True)

    ahead = prefetch(endless())
    assert next(ahead) == 1
    ahead.close()
    assert closed == [True]


MEMORY = """
import sys, numpy as np
from zoo.quiet import load_backend
load_backend()
from zoo.inference import separate_blocks
from zoo.presets import load_preset

separator = load_preset(sys.argv[1])
def peak():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) / 1024
for minutes in (1, 1, 5):
    block = np.random.default_rng(0).uniform(-1, 1, (44100, 2)).astype("float32")
    blocks = (block for _ in range(60 * minutes))
    total = sum(len(s["vocals"]) for s in separate_blocks(separator, blocks, 44100, 2))
    assert total == 44100 * 60 * minutes
    print(peak())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_five_minutes_cost_the_memory_of_one(preset):
    run = [sys.executable, "-c", MEMORY, str(preset)]
    _, one, five = map(float, subprocess.check_output(run, text=True).split())
    # Five minutes of samples are 85 MB more than one.
    assert five - one < 60, (one, five)

"""Rate conversion: exact lengths, no delay, the same result whatever the blocks."""

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from zoo.audio import Resampler, resampled, resampled_length

RATES = [1, 8000, 8192, 11025, 44100, 48000, 96000, 384_000]


def split(signal: np.ndarray, size: int) -> list[np.ndarray]:
    return [signal[i : i + size] for i in range(0, len(signal), size)]


def convert(signal: np.ndarray, from_rate: int, to_rate: int, size: int = 4096) -> np.ndarray:
    return np.concatenate(list(resampled(split(signal, size), from_rate, to_rate)))


def chirp(samples: int, rate: int, top: float) -> np.ndarray:
    time = np.arange(samples) / rate
    sweep = (top - 50) / (2 * time[-1])
    return np.sin(2 * np.pi * (50 * time + sweep * time**2)).astype(np.float32)[:, None]


@settings(deadline=None, max_examples=60)
@given(
    samples=st.integers(1, 3000),
    size=st.integers(1, 3000),
    from_rate=st.sampled_from(RATES),
    to_rate=st.sampled_from(RATES[1:]),
)
def test_length_is_exact(samples, size, from_rate, to_rate):
    samples = min(samples, 20 * from_rate)
    signal = np.ones((samples, 2), np.float32)
    output = convert(signal, from_rate, to_rate, size)
    assert output.shape == (resampled_length(samples, from_rate, to_rate), 2)
    assert output.dtype == np.float32
    assert resampled_length(len(output), to_rate, from_rate) >= samples


@pytest.mark.parametrize("size", [1, 100, 4411, 10**6])
def test_blocks_do_not_change_the_result(size):
    signal = np.random.default_rng(0).uniform(-1, 1, (10_000, 2)).astype(np.float32)
    whole = soxr.resample(signal, 44100, 8192, quality="HQ")
    output = convert(signal, 44100, 8192, size)
    assert np.abs(output[: len(whole)] - whole).max() < 1e-6


@pytest.mark.parametrize(("from_rate", "to_rate"), [(44100, 8192), (8192, 44100), (48000, 22050)])
def test_output_is_the_input_at_the_same_time(from_rate, to_rate):
    top = 0.42 * min(from_rate, to_rate)
    output = convert(chirp(3 * from_rate, from_rate, top), from_rate, to_rate)
    time = np.arange(len(output)) / to_rate
    last = (3 * from_rate - 1) / from_rate
    expected = np.sin(2 * np.pi * (50 * time + (top - 50) / (2 * last) * time**2))[:, None]
    edge = to_rate // 20
    assert np.abs(output - expected)[edge:-edge].max() < 1e-3


@pytest.mark.parametrize("rate", [22050, 44100, 48000])
def test_down_and_up_again_is_aligned(rate):
    signal = chirp(3 * rate + 17, rate, 3600)
    back = convert(convert(signal, rate, 8192), 8192, rate)
    assert len(back) >= len(signal)
    error = (back[: len(signal)] - signal)[rate // 20 : -rate // 20]
    assert 20 * np.log10(np.abs(error).max()) < -60


def test_what_lies_above_the_new_band_is_removed():
    time = np.arange(44100) / 44100
    output = convert(np.sin(2 * np.pi * 6000 * time).astype(np.float32)[:, None], 44100, 8192)
    assert np.abs(output[400:-400]).max() < 1e-5


def test_equal_rates_pass_the_blocks_through():
    blocks = split(np.ones((100, 2), np.float32), 30)
    output = list(resampled(blocks, 8192, 8192))
    assert all(a is b for a, b in zip(blocks, output, strict=True))


def test_no_blocks_give_none():
    assert list(resampled([], 44100, 8192)) == []


def test_pushing_gives_what_pulling_gives():
    signal = np.random.default_rng(1).uniform(-1, 1, (5000, 1)).astype(np.float32)
    resampler = Resampler(44100, 8192, channels=1)
    parts = [resampler.push(block) for block in split(signal, 700)]
    output = np.concatenate([*parts, resampler.finish()])
    np.testing.assert_array_equal(output, convert(signal, 44100, 8192, 700))

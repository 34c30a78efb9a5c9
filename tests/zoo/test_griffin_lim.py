"""Griffin-Lim: as good as librosa's, exact where it can be, and deaf to rounding errors."""

import librosa
import numpy as np
import pytest

from zoo import FrontEnd
from zoo.griffin_lim import griffin_lim, start_phase, with_phase

FRONT_END = FrontEnd(8000, 256, 80, 128, 0, 40, "min_max")
SMALL = FrontEnd(8000, 64, 20, 30, 1, 16, "min_max")


def voice(seed, front_end=FRONT_END):
    """A gliding voice-like tone with formants, a noisy beginning and a fading end."""
    random = np.random.default_rng(seed)
    time = np.arange(front_end.clip_samples) / front_end.sample_rate
    pitch = random.uniform(90, 200) * (1 + 0.3 * np.sin(2 * np.pi * time * random.uniform(1, 3)))
    angle = 2 * np.pi * np.cumsum(pitch) / front_end.sample_rate
    formant = random.uniform(400, 900) + 800 * time
    tone = sum(
        np.exp(-(((k * pitch - formant) / 400) ** 2)) * np.sin(k * angle) / k for k in range(1, 16)
    )
    fade = np.clip(8 * time, 0, 1) * np.exp(-3 * time)
    hiss = random.normal(0, 0.05, len(time)) * (time < 0.08)
    return (0.5 * fade * tone + hiss).astype("float32")


def spectrum(waveforms, front_end):
    real, imaginary = front_end.stft(waveforms)
    return np.asarray(real)[:, : front_end.frames], np.asarray(imaginary)[:, : front_end.frames]


def magnitude_of(waveforms, front_end):
    return np.asarray(front_end.magnitude(*spectrum(waveforms, front_end)))


def spectral_convergence(waveforms, wanted, front_end):
    """What is missing to the wanted magnitudes, in dB below them, on average."""
    error = np.linalg.norm(magnitude_of(waveforms, front_end) - wanted, axis=(1, 2))
    return np.mean(20 * np.log10(error / np.linalg.norm(wanted, axis=(1, 2))))


@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_as_good_as_librosa(momentum):
    wanted = magnitude_of(np.stack([voice(seed) for seed in range(4)]), FRONT_END)
    ours = np.asarray(griffin_lim(wanted, FRONT_END, iterations=32, momentum=momentum))
    theirs = np.stack(
        [
            librosa.griffinlim(
                np.pad(clip, ((0, 0), (0, 1))).T,
                n_iter=32,
                hop_length=80,
                n_fft=256,
                momentum=momentum,
                pad_mode="constant",
                random_state=0,
            )
            for clip in wanted
        ]
    )
    assert ours.shape == theirs.shape == (4, 39 * 80)
    reached = spectral_convergence(theirs, wanted, FRONT_END)
    assert spectral_convergence(ours, wanted, FRONT_END) < reached + 2


def test_momentum_gets_further():
    wanted = magnitude_of(voice(0)[None], FRONT_END)
    plain, fast = (griffin_lim(wanted, FRONT_END, momentum=m) for m in (0.0, 0.99))
    gain = spectral_convergence(plain, wanted, FRONT_END) - spectral_convergence(
        fast, wanted, FRONT_END
    )
    assert gain > 2


def test_the_true_phase_gives_the_signal_back():
    waveform = voice(1)[None]
    real, imaginary = spectrum(waveform, FRONT_END)
    angle = np.arctan2(imaginary, real)
    magnitude = np.asarray(FRONT_END.magnitude(real, imaginary))
    again = np.asarray(with_phase(magnitude, (np.cos(angle), np.sin(angle)), FRONT_END))
    # The highest bin is outside the band.
    assert np.abs(again - waveform[:, : 39 * 80]).max() < 0.02 * np.abs(waveform).max()


def test_without_iterations_it_is_the_start_phase():
    magnitude = magnitude_of(voice(2, SMALL)[None], SMALL)
    phase = start_phase(SMALL, 16, 7)
    expected = np.asarray(with_phase(magnitude, phase, SMALL))
    actual = np.asarray(griffin_lim(magnitude, SMALL, iterations=0, seed=7))
    assert np.abs(actual - expected).max() <= 1e-6 * np.abs(expected).max()


def test_silence_stays_exactly_silent():
    magnitude = magnitude_of(np.stack([voice(0, SMALL), np.zeros(320, "float32")]), SMALL)
    sound, silence = np.asarray(griffin_lim(magnitude, SMALL, iterations=4))
    assert np.isfinite(sound).all() and sound.any() and not silence.any()


@pytest.mark.parametrize("kind", ["noise", "smooth"])
def test_rounding_errors_stay_small(kind):
    """Spectrograms that no signal has, changed by a millionth: the sounds hardly differ."""
    random = np.random.default_rng(3)
    decibels = random.uniform(-50, 30, (6, 40, 128) if kind == "noise" else (6, 5, 8))
    if kind == "smooth":
        decibels = np.repeat(np.repeat(decibels, 8, axis=1), 16, axis=2)
    magnitude = (10 ** (decibels / 20)).astype("float32")
    changed = magnitude * random.normal(1, 1e-6, magnitude.shape).astype("float32")
    first, second = (np.asarray(griffin_lim(x, FRONT_END)) for x in (magnitude, changed))
    assert np.abs(first - second).max() <= 1e-4 * np.abs(first).max()


def test_clips_of_a_batch_do_not_mix():
    magnitude = magnitude_of(np.stack([voice(seed, SMALL) for seed in (0, 1)]), SMALL)
    together = np.asarray(griffin_lim(magnitude, SMALL, iterations=3))
    alone = np.asarray(griffin_lim(magnitude[1:], SMALL, iterations=3))
    assert np.abs(together[1] - alone[0]).max() < 1e-6


def test_seeds():
    magnitude = magnitude_of(voice(0, SMALL)[None], SMALL)
    first, again, other = (
        np.asarray(griffin_lim(magnitude, SMALL, iterations=2, seed=seed)) for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again) and not np.allclose(first, other, atol=1e-3)

"""Single notes: sums of decaying partials, frequency modulation, and a vibrating wavetable."""

import numpy as np

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.instrument import MOST_PARTIALS, Instrument


def render_note(
    dice: Dice, instrument: Instrument, clock: Clock, midi: float, duration: float
) -> np.ndarray:
    """Returns one note, float32 `(samples,)`, with an RMS of about a half.

    Args:
        dice: phases and the attack's noise.
        instrument: the timbre.
        clock: the sample rate.
        midi: the pitch.
        duration: seconds until the key is released.

    Example:
        >>> dice = Dice(np.random.SeedSequence(1))
        >>> render_note(dice, Instrument.draw(dice, "piano"), Clock(2.0, 8192), 60, 0.5).dtype
        dtype('float32')
    """
    fundamental = 440 * 2 ** ((midi - 69) / 12)
    seconds = duration + instrument.release
    if not instrument.sustained:
        seconds = min(seconds, 2.5 * instrument.decay)
    samples = max(64, int(seconds * clock.sample_rate))
    if instrument.kind == "epiano":
        note = _modulated(instrument, clock, fundamental, samples)
    else:
        note = np.zeros(samples, np.float32)
        for offset in instrument.detune:
            phases = dice.uniform(0, 2 * np.pi, MOST_PARTIALS)
            pitch = fundamental * 2 ** (offset / 12)
            voice = _vibrating if instrument.vibrato else _decaying
            note += voice(instrument, clock, pitch, phases, samples)
    time = np.arange(samples, dtype=np.float32) / clock.sample_rate
    note *= np.minimum(1, time / np.float32(instrument.attack))
    released = int(duration * clock.sample_rate)
    if released < samples:
        after = time[released:] - time[released]
        note[released:] *= np.exp(-after / np.float32(instrument.release * 0.3))
    fade = min(samples, clock.sample_rate // 100)
    note[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    if instrument.kind in ("piano", "pluck", "guitar", "distorted"):
        _knock(dice, instrument, clock, note)
    rate, depth = instrument.tremolo
    if depth:
        note *= 1 + np.float32(depth) * np.sin(np.float32(2 * np.pi * rate) * time)
    return note / np.float32(note.std() * 2 + 1e-3)


def _partials(instrument, clock, fundamental) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    partials = np.arange(1, min(MOST_PARTIALS, int(clock.top / fundamental)) + 1)
    levels = instrument.levels(fundamental, partials)
    hertz = instrument.frequencies(fundamental, partials)
    kept = (levels > 3e-3) & (hertz < clock.top)
    return partials[kept], levels[kept], hertz[kept]


def _decaying(instrument, clock, fundamental, phases, samples) -> np.ndarray:
    """Damped sinusoids, as one matrix product.

    A damped sinusoid is z^n. With n = block * length + place, z^n is a product of two short
    sequences, and the sum over partials a product of two small matrices.
    """
    partials, levels, hertz = _partials(instrument, clock, fundamental)
    damping = np.zeros(len(partials))
    if not instrument.sustained:
        speed = (0.6 + fundamental / 600) / instrument.decay
        damping = (1 + instrument.brightness_decay * partials) * speed
    amplitudes = levels * np.exp(1j * phases[partials - 1])
    if instrument.sustained and instrument.kind in ("brass", "synth") and instrument.sweep:
        # 1 - exp(-t): the same partials again, negative and damped.
        opening = 25 / (1 + instrument.sweep * partials * 0.5)
        hertz, damping = np.tile(hertz, 2), np.concatenate([damping, damping + opening])
        amplitudes = np.concatenate([amplitudes, -amplitudes])
    pole = (2j * np.pi * hertz - damping) / clock.sample_rate
    length = max(1, int(np.sqrt(samples)))
    blocks = -(-samples // length)
    coarse = amplitudes * np.exp(np.outer(np.arange(blocks) * length, pole))
    fine = np.exp(np.outer(pole, np.arange(length)))
    left = np.concatenate([coarse.imag, coarse.real], axis=1).astype(np.float32)
    right = np.concatenate([fine.real, fine.imag]).astype(np.float32)
    return (left @ right).ravel()[:samples]


def _vibrating(instrument, clock, fundamental, phases, samples) -> np.ndarray:
    """One period of the sum of partials, read at a speed that swings 5.5 times per second."""
    partials, levels, _ = _partials(instrument, clock, fundamental)
    size = 4096
    spectrum = np.zeros(size // 2 + 1, complex)
    spectrum[partials] = levels * np.exp(1j * phases[partials - 1]) * (size / 2)
    table = np.fft.irfft(spectrum, size).astype(np.float32)
    time = np.arange(samples) / clock.sample_rate
    swing = instrument.vibrato * 0.0578 / (2 * np.pi * 5.5)
    position = fundamental * (time + swing * np.sin(2 * np.pi * 5.5 * time + phases[-1]))
    position = (position % 1) * size
    whole = position.astype(np.int32)
    following = table[(whole + 1) % size]
    return table[whole] + (following - table[whole]) * (position - whole).astype(np.float32)


def _modulated(instrument, clock, fundamental, samples) -> np.ndarray:
    """Frequency modulation whose index falls, and fades with the note's height."""
    time = np.arange(samples, dtype=np.float64) / clock.sample_rate
    modulator = fundamental * instrument.ratio
    # Carson's rule keeps the sidebands below the highest allowed frequency.
    widest = max(0.0, (clock.top - fundamental) / modulator - 1)
    index = min(instrument.modulation, widest) * np.exp(-2 * time / instrument.decay)
    phase = 2 * np.pi * fundamental * time
    phase += index * np.sin(2 * np.pi * modulator * time)
    return (np.sin(phase) * np.exp(-time / instrument.decay)).astype(np.float32)


def _knock(dice, instrument, clock, note) -> None:
    length = min(len(note), int(0.024 * clock.sample_rate))
    noise = np.convolve(dice.white(length), np.ones(max(1, clock.sample_rate // 8000)), "same")
    fade = np.linspace(1, 0, length) ** 2
    level = 3 * instrument.knock * np.abs(note).max(initial=0)
    note[:length] += (noise * fade * level).astype(np.float32)

"""Voices made from real speech: its envelopes sung, or the recordings themselves."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy import fft, signal

from training.synthetic.clock import Clock
from training.synthetic.dice import Dice
from training.synthetic.melody import Syllable
from training.synthetic.song import Song
from training.synthetic.speech_bank import Utterance, extend, frames_at

Bank = Mapping[str, Sequence[Utterance]]


def speech_envelopes(
    dice: Dice, clock: Clock, syllables: list[Syllable], bank: Bank, *, breath: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns envelopes of voice and noise, each `(points, frequencies)`: digits on a melody.

    Every one or two syllables are one utterance of the same speaker, stretched where it is voiced,
    so that consonants keep about their length.

    Args:
        dice: what to draw from.
        clock: the grids.
        syllables: when there are notes.
        bank: analysed recordings of each speaker.
        breath: the least level of noise, as the voice's own.
    """
    utterances = bank[dice.pick(sorted(bank))]
    frequencies = clock.frequencies / dice.log_uniform(0.9, 1.35)
    harmonic = np.zeros((clock.points, len(frequencies)), np.float32)
    noise = np.zeros_like(harmonic)
    position = 0
    while position < len(syllables):
        syllable = syllables[position]
        duration = syllable.duration
        joined = dice.chance(0.3) and position + 1 < len(syllables) and not syllable.last
        if joined:
            duration += syllables[position + 1].duration
        position += 2 if joined else 1
        utterance = dice.pick(utterances)
        stretch, keep_tempo = dice.uniform(0.5, 4), dice.chance(0.5)
        accent = np.float32(dice.uniform(0.5, 1))
        begin = clock.point(syllable.start)
        length = min(clock.points, clock.point(syllable.start + duration)) - begin
        if length < 4:
            continue
        keep_tempo = keep_tempo and len(utterance.voicing) * 1.3 > length
        places = _time_map(utterance.voicing, length, 0.0 if keep_tempo else stretch)
        voicing = np.interp(places, np.arange(len(utterance.voicing)), utterance.voicing)
        voicing = voicing.astype(np.float32)
        heard = frames_at(utterance.envelope, places)
        envelope = np.exp(extend(heard, voicing, frequencies, utterance.known)) * accent
        harmonic[begin : begin + length] = envelope * voicing[:, None]
        hiss = 0.5 * np.maximum(1 - voicing, 0.4 * breath)
        noise[begin : begin + length] = envelope * hiss[:, None].astype(np.float32)
    return harmonic, noise


def _time_map(voicing: np.ndarray, length: int, stretch: float) -> np.ndarray:
    """Returns which frame of an utterance is heard at each of `length` points."""
    weights = 0.25 + stretch * voicing**2 if stretch else np.ones(len(voicing))
    edges = np.concatenate([[0], np.cumsum(weights)])
    moments = (np.arange(length) + 0.5) / length * edges[-1]
    return np.clip(np.interp(moments, edges, np.arange(len(edges))) - 0.5, 0, len(voicing) - 1)


def spoken_phrases(dice: Dice, song: Song, clock: Clock, bank: Bank) -> np.ndarray:
    """Returns recordings of one speaker, one after another with pauses, `(samples,)`.

    The speed differs from song to song and a little from word to word: formants and pitch move
    together, as if the speaker were smaller or larger.
    """
    utterances = bank[dice.pick(sorted(bank))]
    speed = dice.log_uniform(0.75, 1.6)
    output = np.zeros(clock.samples, np.float32)
    time = dice.uniform(0, 1)
    while time < song.duration - 0.6:
        end = min(time + dice.uniform(1, 6), song.duration - 0.6)
        while time < end:
            utterance = dice.pick(utterances)
            pace = speed * dice.log_uniform(0.94, 1.06)
            rate = utterance.rate * pace
            word = _resample(utterance.waveform, rate, clock.sample_rate)
            begin = int(time * clock.sample_rate)
            word = word[: clock.samples - begin] * np.float32(dice.uniform(0.6, 1))
            output[begin : begin + len(word)] += word
            seconds = len(utterance.waveform) / rate
            time += seconds * dice.uniform(0.75, 1.05)
        time += dice.log_uniform(0.1, 2)
    edge = 0.45 * utterances[0].rate * speed
    if clock.sample_rate / 2 > 1.1 * edge:
        output += _missing_highs(dice, clock, output, edge)
    return output


def _resample(waveform: np.ndarray, rate: float, sample_rate: int) -> np.ndarray:
    """Returns a recording of a sample rate at another one; what passes Nyquist is left out."""
    fade = np.minimum(1, np.arange(len(waveform)) * (200 / rate)).astype(np.float32)
    length = fft.next_fast_len(len(waveform), real=True)
    padded = np.pad(waveform * fade * fade[::-1], (0, length - len(waveform)))
    samples = round(length * sample_rate / rate)
    return signal.resample(padded, samples).astype(np.float32)


def _missing_highs(dice: Dice, clock: Clock, speech: np.ndarray, edge: float) -> np.ndarray:
    """Returns noise above `edge` Hz, 9 dB below the octave under it and falling further."""
    spectrum = fft.rfft(speech)
    hertz = fft.rfftfreq(len(speech), 1 / clock.sample_rate)
    octave = (hertz > edge / 2) & (hertz < edge)
    level = clock.loudness(fft.irfft(spectrum * octave, len(speech)))
    # The sharp band rings into the pauses; they must stay silent.
    level = np.maximum(level - 0.01 * level.max(), 0)
    hiss = fft.rfft(dice.white(clock.samples) * clock.upsample(level))
    octaves = np.log2(np.maximum(hertz, 1) / edge)
    slope = np.clip(4 * octaves, 0, 1) * np.exp2(-2 * np.maximum(octaves, 0))
    bandwidth = np.sqrt(clock.sample_rate / edge) * 0.35
    return fft.irfft(hiss * (slope * bandwidth).astype(np.float32), len(speech))

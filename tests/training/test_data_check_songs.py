"""`stemzoo data check` on songs of which one is spoilt, each time in another way."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.data_check.check import check_data

from .song_corpora import RATE, noise, write, write_song


def silent(folder):
    write(folder / "vocals.wav", np.zeros((2000, 2)))
    write(folder / "mixture.wav", soundfile.read(folder / "drums.wav")[0])


def clipped(folder):
    tone = 9 * np.sin(2 * np.pi * 100 * np.arange(2000) / RATE)
    drums = np.clip(np.stack([tone, tone], axis=1), -1, 1)
    write(folder / "drums.wav", drums)
    vocals = soundfile.read(folder / "vocals.wav")[0]
    write(folder / "mixture.wav", drums + vocals, subtype="FLOAT")


def offset(folder):
    vocals, drums = (soundfile.read(folder / f"{s}.wav")[0] for s in ("vocals", "drums"))
    write(folder / "vocals.wav", vocals + 0.05)
    write(folder / "mixture.wav", vocals + drums + 0.05)


def late_mixture(folder):
    mixture = soundfile.read(folder / "mixture.wav")[0]
    write(folder / "mixture.wav", np.concatenate([np.zeros((37, 2)), mixture[:-37]]))


def early_drums(folder):
    drums = soundfile.read(folder / "drums.wav")[0]
    write(folder / "drums.wav", np.concatenate([drums[12:], np.zeros((12, 2))]))


def quiet_mixture(folder):
    write(folder / "mixture.wav", 0.5 * soundfile.read(folder / "mixture.wav")[0])


def inverted(folder):
    write(folder / "mixture.wav", -soundfile.read(folder / "mixture.wav")[0])


def foreign_mixture(folder):
    write(folder / "mixture.wav", noise(99, level=0.14))


def short_stem(folder):
    write(folder / "drums.wav", soundfile.read(folder / "drums.wav")[0][:-1])


def long_mixture(folder):
    mixture = soundfile.read(folder / "mixture.wav")[0]
    write(folder / "mixture.wav", np.concatenate([mixture, np.zeros((900, 2))]))


def other_rate(folder):
    write(folder / "drums.wav", soundfile.read(folder / "drums.wav")[0], 11025)


def mono_stem(folder):
    drums = soundfile.read(folder / "drums.wav")[0].mean(axis=1, keepdims=True)
    vocals = soundfile.read(folder / "vocals.wav")[0]
    write(folder / "drums.wav", drums)
    write(folder / "mixture.wav", vocals + drums)


def same_stem(folder):
    vocals = soundfile.read(folder / "vocals.wav")[0]
    write(folder / "drums.wav", vocals)
    write(folder / "mixture.wav", 2 * vocals)


def recoded_stem(folder):
    vocals, rate = soundfile.read(folder.parent / "good" / "vocals.wav")
    write(folder / "vocals.flac", vocals, subtype="PCM_24")
    (folder / "vocals.wav").unlink()
    drums = soundfile.read(folder / "drums.wav")[0]
    write(folder / "mixture.wav", vocals + drums)


@pytest.mark.parametrize(
    ("spoil", "file", "check", "severity", "words"),
    [
        (silent, "vocals.wav", "silence", "warning", "is silent"),
        (clipped, "drums.wav", "clipping", "warning", "flat tops at full scale"),
        (clipped, "mixture.wav", "clipping", "warning", "exceeds full scale by"),
        (offset, "vocals.wav", "offset", "warning", "DC offset of +0.0"),
        (late_mixture, "mixture.wav", "misalignment", "error", "is 37 samples later than the sum"),
        (early_drums, "drums.wav", "misalignment", "error", "is 12 samples earlier than its part"),
        (quiet_mixture, "mixture.wav", "sum", "warning", "its level is -6.0 dB"),
        (inverted, "mixture.wav", "polarity", "error", "opposite polarity"),
        (foreign_mixture, "mixture.wav", "mixture", "error", "is not the mixture of its stems"),
        (short_stem, "drums.wav", "length", "error", "length, in samples 1999; other files"),
        (long_mixture, "mixture.wav", "length", "error", "has +900 samples against its stems"),
        (other_rate, "drums.wav", "rate", "error", "sample rate 11025; other files of the song"),
        (mono_stem, "drums.wav", "channels", "warning", "number of channels 1; other files"),
        (same_stem, "vocals.wav", "duplicate", "warning", "has the same audio as"),
        (recoded_stem, "vocals.flac", "duplicate", "warning", "good/vocals.wav"),
    ],
)
def test_what_is_wrong_with_a_song_is_found(tmp_path, spoil, file, check, severity, words):
    write_song(tmp_path / "good", 1)
    write_song(tmp_path / "spoilt", 2)
    assert check_data(tmp_path).findings == ()
    spoil(tmp_path / "spoilt")
    findings = check_data(tmp_path).findings
    assert all(str(tmp_path / "spoilt") in finding.where for finding in findings)
    (finding,) = [
        finding
        for finding in findings
        if Path(finding.where).name == file and finding.check == check and words in finding.message
    ]
    assert (finding.severity, finding.song) == (severity, "spoilt")
    assert len(findings) == {clipped: 3, offset: 2, short_stem: 2}.get(spoil, 1)

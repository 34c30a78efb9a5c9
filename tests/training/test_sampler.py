"""Sampled instruments: FluidSynth on a sound font that the test writes itself."""

import struct
import sys
from pathlib import Path

import numpy as np
import pytest

from training.synthetic import general_midi, synthetic_songs
from training.synthetic.arrangement import draw_gains
from training.synthetic.clock import CONTROL_RATE, Clock
from training.synthetic.comping import play_chords, voicing
from training.synthetic.dice import Dice
from training.synthetic.guitar import chord_shape
from training.synthetic.sampler import PERCUSSION_BANK, RATE, Voice, at_clock, render, spread
from training.synthetic.song import MAJOR, MAJOR_PENTATONIC, Song
from zoo.errors import InputError

pytest.importorskip("fluidsynth", exc_type=ImportError)

_PERIOD = 441
_SONG = Song(8.0, 0, MAJOR, MAJOR_PENTATONIC, 120.0, (0, 4), 4, 0.0)


def dice(seed=0) -> Dice:
    return Dice(np.random.SeedSequence(seed))


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)


def _list(kind: bytes, *chunks: bytes) -> bytes:
    return _chunk(b"LIST", kind + b"".join(chunks))


def write_sound_font(path: Path) -> Path:
    """Writes a sound font whose every program is a looped sinusoid: 100 Hz at key 36."""
    wave = np.sin(2 * np.pi * np.arange(4 * _PERIOD) / _PERIOD) * 20000
    samples = np.concatenate([wave.astype("<i2"), np.zeros(46, "<i2")]).tobytes()
    presets = [(0, program) for program in range(128)] + [(PERCUSSION_BANK, 0)]
    headers = b"".join(
        struct.pack("<20sHHHIII", b"sine", program, bank, bag, 0, 0, 0)
        for bag, (bank, program) in enumerate(presets)
    )
    headers += struct.pack("<20sHHHIII", b"EOP", 0, 0, len(presets), 0, 0, 0)
    bags = b"".join(struct.pack("<HH", number, 0) for number in range(len(presets) + 1))
    end = len(wave)
    sample = (b"sine", 0, end, _PERIOD, end - _PERIOD, RATE, 36, 0, 0, 1)
    last = (b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)
    data = _list(
        b"INFO",
        _chunk(b"ifil", struct.pack("<HH", 2, 1)),
        _chunk(b"isng", b"EMU8000\0"),
        _chunk(b"INAM", b"sine\0\0"),
    )
    data += _list(b"sdta", _chunk(b"smpl", samples))
    data += _list(
        b"pdta",
        _chunk(b"phdr", headers),
        _chunk(b"pbag", bags),
        _chunk(b"pmod", bytes(10)),
        _chunk(b"pgen", struct.pack("<HH", 41, 0) * len(presets) + bytes(4)),
        _chunk(b"inst", struct.pack("<20sH20sH", b"sine", 0, b"EOI", 1)),
        _chunk(b"ibag", struct.pack("<HHHH", 0, 0, 2, 0)),
        _chunk(b"imod", bytes(10)),
        # 54: looped; 53: the sample.
        _chunk(b"igen", struct.pack("<HHHHHH", 54, 1, 53, 0, 0, 0)),
        _chunk(b"shdr", b"".join(struct.pack("<20sIIIIIBbHH", *row) for row in (sample, last))),
    )
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(_chunk(b"RIFF", b"sfbk" + data))
    return path


@pytest.fixture(scope="module")
def font(tmp_path_factory):
    return write_sound_font(tmp_path_factory.mktemp("material") / "sound_fonts" / "sine.sf2")


def pitch(signal, rate=RATE) -> float:
    """Returns the frequency of the loudest partial in Hz."""
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal)), 1 << 18))
    return float(np.argmax(spectrum) * rate / (1 << 18))


def test_notes_sound_when_and_as_high_as_they_are_written(font):
    voice = Voice(0, 0)
    voice.play(48, 0.5, 1.0, 0.8)
    sound = render(font, [voice], 2.0)
    assert sound.shape == (2, 2 * RATE)
    loud = np.flatnonzero(np.abs(sound[0]) > 1e-3) / RATE
    assert loud[0] == pytest.approx(1.0, abs=0.005)
    assert loud[-1] == pytest.approx(1.5, abs=0.03)
    assert pitch(sound[0, RATE : 3 * RATE // 2]) == pytest.approx(200, rel=0.01)


def test_pitch_wheel_bends_by_semitones(font):
    bend = np.full(2 * CONTROL_RATE + 1, 7.0)
    voice = Voice(0, 0, bend=bend)
    voice.play(36, 2.0, 0.0, 0.8)
    sound = render(font, [voice], 2.0)[0]
    assert pitch(sound) == pytest.approx(100 * 2 ** (7 / 12), rel=0.005)


def test_volume_and_expression_are_gains(font):
    def level(**options):
        voice = Voice(0, 0, **options)
        voice.play(60, 1.0, 0.0, 0.8)
        return np.abs(render(font, [voice], 1.0)).max()

    full = level()
    assert level(volume=0.25) == pytest.approx(full / 4, rel=0.05)
    assert level(expression=np.full(CONTROL_RATE + 1, 0.5)) == pytest.approx(full / 2, rel=0.05)


def test_a_part_does_not_depend_on_the_one_before(font):
    part = Voice(0, 3, bend=np.sin(np.arange(257) / 9))
    part.play(60, 0.7, 0.1, 0.5)
    part.play(60, 0.7, 0.4, 0.9)
    first = render(font, [part], 2.0)
    # It ends while its notes ring, with the wheel up and the volume down.
    other = Voice(0, 3, volume=0.3, bend=np.full(257, 5.0))
    other.play(64, 9.0, 0.0, 1.0)
    render(font, [other, other], 1.0)
    np.testing.assert_array_equal(render(font, [part], 2.0), first)


def test_a_stroke_ends_the_one_before_on_the_same_key_only(font):
    voice = Voice(0, 0)
    voice.play(60, 1.0, 0.0, 0.8)
    voice.play(60, 1.0, 0.5, 0.8)
    sound = np.abs(render(font, [voice], 2.0)[0])
    assert sound[int(1.2 * RATE) : int(1.45 * RATE)].max() > 0.5 * sound.max()


def test_a_variation_that_is_missing_is_played_by_the_plain_program(font):
    plain, variation = Voice(0, 25), Voice(8, 25)
    for voice in (plain, variation):
        voice.play(60, 0.5, 0.0, 0.8)
    np.testing.assert_array_equal(render(font, [plain], 1.0), render(font, [variation], 1.0))


def test_resampling_keeps_tones_and_removes_what_would_alias():
    time = np.arange(2 * RATE) / RATE
    tone, above = np.sin(2 * np.pi * 1000 * time), np.sin(2 * np.pi * 7000 * time)
    low, folded = at_clock(np.stack([tone, above]).astype(np.float32), Clock(2.0, 8192))
    assert len(low) == 16384
    assert low[2000:-2000].std() == pytest.approx(np.sqrt(0.5), rel=0.01)
    assert folded[2000:-2000].std() < 1e-3


def test_spread_keeps_the_sides_of_a_stereo_sample():
    stereo = np.stack([np.ones(RATE), np.zeros(RATE)]).astype(np.float32)
    parts = spread(stereo, Clock(1.0, RATE, 2), 0.5, 0.7)
    assert [pan for _, pan in parts] == pytest.approx([-0.2, 1.0])
    assert parts[0][0].mean() == 1 and parts[1][0].mean() == 0
    ((mono, pan),) = spread(stereo, Clock(1.0, RATE, 1), 0.5, 0.7)
    assert mono.mean() == 0.5 and pan == 0.5


@pytest.mark.parametrize("chord", [[0, 4, 7], [7, 11, 14], [9, 12, 16, 19]])
@pytest.mark.parametrize("position", [0, 3, 7])
def test_guitar_chords_fit_on_the_strings(chord, position):
    keys = chord_shape(chord, position)
    assert keys[0] % 12 == chord[0] % 12
    assert keys == sorted(keys) and 4 <= len(keys) <= 6
    assert {key % 12 for key in keys} <= {note % 12 for note in chord}


def test_chords_move_within_one_octave():
    for degree in range(7):
        chord = Song(8.0, 5, MAJOR, MAJOR_PENTATONIC, 120.0, (degree,), 4, 0.0).chord(0)[:3]
        notes = voicing(chord, 50)
        assert notes[0] >= 50 and notes[-1] < 62
        assert {note % 12 for note in notes} == {note % 12 for note in chord}


@pytest.mark.parametrize("style", ["hold", "pulse", "rhythm", "broken", "hands"])
def test_every_style_plays_the_chords_notes(style):
    voice = Voice(0, 0)
    play_chords(dice(), _SONG, voice, style=style, lowest=55)
    for note in voice.notes:
        # A chord is struck up to some milliseconds early.
        chord = _SONG.chord(round(note.time / _SONG.beat - 0.4))
        assert (note.key - chord[0]) % 12 in {(tone - chord[0]) % 12 for tone in chord}
    assert len(voice.notes) >= 6


def test_no_family_holds_imitated_voices():
    families = [family for family, _ in general_midi.COMPING + general_midi.BENDING]
    families += [family for family, _ in general_midi.FIXED]
    programs = {program for family in families for program in family.programs}
    programs |= {*general_midi.STRUMMED.programs, *general_midi.AMPLIFIED.programs}
    programs |= {*general_midi.BASSES, *general_midi.SYNTH_BASSES}
    assert not programs & {(0, voice) for voice in (52, 53, 54, 85, 91)}
    assert all(0 <= program < 128 for _, program in programs)


def test_arranged_stems_stop_and_enter_with_the_sections():
    clock = Clock(60.0, 8192)
    song = Song(60.0, 0, MAJOR, MAJOR_PENTATONIC, 120.0, (0,), 4, 0.0)
    rests = 0
    for seed in range(10):
        for gain in draw_gains(dice(seed), song, clock).values():
            assert gain.min() >= 0 and 0.4 < gain.max() <= 1
            silent = gain == 0
            rests += silent.any()
            entries = clock.times[1:][silent[:-1] & ~silent[1:]]
            early = 4 * np.round(entries / 4) - entries
            assert np.all((early > 0) & (early < 0.04))
    assert rests > 10


def test_songs_of_sampled_instruments_do_not_depend_on_the_rate(font, monkeypatch):
    for module in ("bass", "drums", "harmony", "lead"):
        monkeypatch.setattr(sys.modules[f"training.synthetic.{module}"], "SAMPLED_SHARE", 1.0)

    def stems(rate):
        (track,) = synthetic_songs(
            5, duration=4.0, sample_rate=rate, channels=1, material=font.parent.parent
        )
        return {stem: track.load_stem(stem)[:, 0] for stem in ("drums", "bass", "harmony", "lead")}

    low, high = stems(8192), stems(16384)
    for stem, samples in low.items():
        powers = [(signal.reshape(64, -1) ** 2).mean(axis=1) for signal in (samples, high[stem])]
        assert np.corrcoef(np.sqrt(powers))[0, 1] > 0.9, stem
        np.testing.assert_array_equal(samples, stems(8192)[stem])


def test_errors_name_what_is_missing(font, tmp_path, monkeypatch):
    text = tmp_path / "text.sf2"
    text.write_text("no sound font")
    with pytest.raises(InputError, match="text.sf2: not a sound font"):
        render(text, [Voice(0, 0)], 0.1)
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    with pytest.raises(InputError, match=r"stemzoo\[synthesis\]"):
        render(font.parent / "other.sf2", [Voice(0, 0)], 0.1)

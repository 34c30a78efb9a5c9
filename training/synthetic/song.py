"""What the parts of a song agree on: key, tempo, chords and levels."""

from dataclasses import dataclass

from training.synthetic.dice import Dice

MAJOR = (0, 2, 4, 5, 7, 9, 11)
MINOR = (0, 2, 3, 5, 7, 8, 10)
MINOR_PENTATONIC = (0, 3, 5, 7, 10)
MAJOR_PENTATONIC = (0, 2, 4, 7, 9)


@dataclass(frozen=True)
class Song:
    """The plan that every stem of a song reads, and that no stem changes.

    Args:
        duration: in seconds.
        key: 0 (C) to 11 (B).
        scale: semitones above the key.
        pentatonic: the five-note scale that goes with `scale`.
        tempo: in beats per minute.
        progression: degrees of the scale, 0 to 6, on which the chords stand.
        beats_per_chord: how long each chord lasts.
        swing: how late every second step of a beat comes, in steps.

    Example:
        >>> song = Song(30.0, 0, MAJOR, MAJOR_PENTATONIC, 120.0, (0, 4), 4, 0.0)
        >>> song.chord(0), song.chord(4)
        ([0, 4, 7, 11], [7, 11, 14, 17])
    """

    duration: float
    key: int
    scale: tuple[int, ...]
    pentatonic: tuple[int, ...]
    tempo: float
    progression: tuple[int, ...]
    beats_per_chord: int
    swing: float

    @classmethod
    def draw(cls, dice: Dice, duration: float) -> "Song":
        key = dice.integer(0, 12)
        scale, pentatonic = dice.pick([(MAJOR, MAJOR_PENTATONIC), (MINOR, MINOR_PENTATONIC)])
        tempo = dice.uniform(62, 175)
        chords = dice.pick([1, 2, 4, 4, 4, 8])
        progression = (0, *(dice.integer(0, 7) for _ in range(chords - 1)))
        beats_per_chord = dice.pick([2, 4, 4, 4, 8])
        swing = dice.uniform(0, 0.25) if dice.chance(0.3) else 0.0
        return cls(duration, key, scale, pentatonic, tempo, progression, beats_per_chord, swing)

    @property
    def beat(self) -> float:
        """Length of a beat in seconds."""
        return 60 / self.tempo

    @property
    def beats(self) -> int:
        """Beats that begin within the song."""
        return int(self.duration / self.beat) + 1

    def chord(self, beat: int) -> list[int]:
        """Returns the four notes (root, third, fifth, seventh) of a beat's chord.

        They are semitones above a C: add the octave's MIDI number.
        """
        degree = self.progression[beat // self.beats_per_chord % len(self.progression)]
        steps = [degree + third for third in (0, 2, 4, 6)]
        return [self.key + self.scale[step % 7] + 12 * (step // 7) for step in steps]

    def step_time(self, beat: int, step: int, steps: int) -> float:
        """Returns when a beat's step begins, in seconds; every second step swings."""
        late = self.swing if step % 2 else 0.0
        return (beat + (step + late) / steps) * self.beat

"""General MIDI programs by what they do in a song, each a pair of a bank and a program.

Programs that imitate voices (52 to 54, 85, 91) are left out: in songs these are voices.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Instruments that are played alike.

    Args:
        programs: pairs of bank and program.
        lowest: MIDI key from which chords or melodies are played, drawn between these two.
        styles: ways to play, as `comping` and `guitar` know them.
    """

    programs: tuple[tuple[int, int], ...]
    lowest: tuple[int, int]
    styles: tuple[str, ...] = ()


def _plain(*programs: int) -> tuple[tuple[int, int], ...]:
    return tuple((0, program) for program in programs)


_KEY_STYLES = ("hands", "hands", "pulse", "rhythm", "hold", "broken")

STRUMMED = Family(((0, 24), (0, 25), (0, 25), (8, 25), (0, 26), (0, 27), (8, 24)), (0, 0))
AMPLIFIED = Family(((0, 25), (0, 26), (0, 27), (0, 27), (8, 28), (0, 29), (0, 30)), (0, 0))
SAMPLED_DISTORTION = ((0, 29), (0, 30))
MUTED = (0, 28)

COMPING: tuple[tuple[Family, float], ...] = (
    (Family(_plain(0, 0, 1, 2, 3), (52, 64), _KEY_STYLES), 4.0),
    (Family(_plain(4, 4, 5), (50, 62), _KEY_STYLES), 2.0),
    (Family(_plain(6, 7, 7), (48, 62), ("rhythm", "broken", "pulse")), 0.8),
    (Family(_plain(16, 17, 18, 18, 19, 20), (48, 62), ("hold", "hold", "rhythm", "pulse")), 2.0),
    (Family(_plain(21, 22, 23), (52, 64), ("hold", "rhythm", "pulse")), 0.5),
    (Family(_plain(44, 48, 48, 49, 50, 51), (48, 66), ("hold", "hold", "rhythm", "broken")), 2.0),
    (Family(_plain(45, 46, 15, 104, 105, 106, 107), (50, 64), ("broken", "rhythm")), 1.0),
    (Family(_plain(8, 9, 10, 11, 12, 13, 108, 114), (60, 74), ("broken", "pulse")), 1.0),
    (Family(_plain(61, 61, 62, 63, 57, 60), (50, 62), ("rhythm", "rhythm", "hold")), 1.5),
    (Family(_plain(65, 66, 56, 71, 68, 73), (54, 66), ("rhythm", "hold")), 0.7),
    (Family(_plain(88, 89, 90, 92, 94, 95, 97, 99), (48, 64), ("hold", "hold", "broken")), 1.5),
    (Family(_plain(80, 81, 90, 84, 87, 62), (48, 66), ("broken", "pulse", "rhythm")), 1.0),
)

BENDING: tuple[tuple[Family, float], ...] = (
    (Family(_plain(26, 27, 27, 29, 29, 30, 30), (48, 64)), 4.0),
    (Family(_plain(24, 25, 104, 105), (50, 62)), 1.0),
    (Family(_plain(64, 65, 65, 66, 66), (48, 60)), 2.0),
    (Family(_plain(56, 56, 59, 60), (50, 62)), 1.5),
    (Family(_plain(73, 73, 74, 75, 77, 72), (62, 74)), 1.2),
    (Family(_plain(68, 69, 71), (56, 62)), 0.8),
    (Family(_plain(40, 40, 41, 110), (55, 67)), 1.5),
    (Family(_plain(42, 42, 57, 67, 70), (38, 47)), 0.8),
    (Family(_plain(22, 109, 111, 78, 79), (58, 68)), 0.7),
    (Family(_plain(80, 81, 81, 82, 84, 87), (48, 70)), 2.0),
)
"""Lead instruments whose pitch glides."""

FIXED: tuple[tuple[Family, float], ...] = (
    (Family(_plain(0, 1, 2, 4, 5, 3), (55, 70)), 2.0),
    (Family(_plain(16, 17, 18, 20, 21, 22), (52, 68)), 1.0),
    (Family(_plain(8, 9, 10, 11, 12, 13, 108, 114, 46, 6, 7, 15), (60, 74)), 1.5),
)
"""Lead instruments whose pitch does not."""

BASSES = ((0, 32), (0, 33), (0, 33), (0, 33), (0, 34), (0, 34), (0, 35), (0, 36), (0, 37))
SYNTH_BASSES = ((0, 38), (0, 39), (8, 38), (8, 39), (0, 81), (0, 87))

KITS = (0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11, 12, 16, 16, 17, 18, 19)
ELECTRONIC_KITS = (24, 25)
QUIET_KITS = (32, 33, 34, 40, 41, 42)

KICKS = (35, 36)
SNARES = (38, 40)
SIDE_STICK, CLAP = 37, 39
CLOSED_HAT, PEDAL_HAT, OPEN_HAT = 42, 44, 46
RIDES = (51, 59)
RIDE_BELL = 53
CRASHES = (49, 57, 55, 52)
TOMS = (50, 48, 47, 45, 43, 41)
"""From high to low."""
SHAKEN = (54, 54, 70, 82, 69)
"""Tambourine, maracas, shaker, cabasa: they play every eighth or sixteenth."""
STRUCK = ((63, 64, 62), (60, 61), (56,), (75,), (76, 77), (65, 66), (67, 68), (80, 81), (39,))
"""Congas, bongos, cowbell, claves, wood blocks, timbales, agogo, triangle, claps."""

"""What a file's header promises, against what the file holds: how truncated files are told."""

import re
from dataclasses import dataclass
from pathlib import Path

# libsndfile takes the data that is there and notes the rest in its log. The names are those of the
# chunk with the samples: "data" of WAV and CAF, "SSND" of AIFF, and the whole file for Wave64
# ("riff") and RF64 ("Riff size"). WAV's own "RIFF" is often wrong in complete files.
_SHORT_CHUNK = re.compile(r"^ *(?:data|SSND|riff|Riff size) *: (\d+) \(should be (\d+)\)", re.M)
_OGG_CUT = re.compile("End-Of-Stream flag|lacks an end-of-stream|Junk after the last page")

# Programs that write to a pipe cannot know the length and promise (nearly) the largest one.
_UNKNOWN_LENGTH = 0x7FFF0000

_MPEG_SYNC = re.compile(rb"\xff[\xe0-\xff]")


def truncation(log: str) -> str | None:
    """What libsndfile's log of opening a file says about missing data.

    Args:
        log: `soundfile.SoundFile.extra_info`.

    Returns:
        One phrase, or `None` where the data is complete, as far as the format can tell.
    """
    for promised, present in _SHORT_CHUNK.findall(log):
        if int(present) < int(promised) < _UNKNOWN_LENGTH:
            return f"is truncated: it promises {promised} bytes of samples and holds {present}"
    if _OGG_CUT.search(log):
        return "is truncated or damaged: its last page is missing or incomplete"
    return None


@dataclass(frozen=True)
class MP3Header:
    """The start of an MP3 file, which decoders read in different ways.

    Attributes:
        plausible: whether MPEG audio can start in the first kilobytes.
        states_length: whether a Xing or Info header states the number of MPEG frames. Without it,
            a decoder's length is a guess from the bit rate.
        stated_bytes: the size of the MPEG frames that the header states, 0 where it does not.
    """

    plausible: bool
    states_length: bool
    stated_bytes: int

    @classmethod
    def read(cls, path: Path) -> "MP3Header":
        """Reads the header of the file; the tag's layout is described at
        https://www.codeproject.com/Articles/8295/MPEG-Audio-Frame-Header, section 2.3."""
        with path.open("rb") as file:
            head = file.read(10)
            offset = 0
            if len(head) == 10 and head.startswith(b"ID3"):
                a, b, c, d = head[6:]
                offset = 10 + (a << 21 | b << 14 | c << 7 | d)
            file.seek(offset)
            start = file.read(4096)
        tag = max(start.find(b"Xing", 0, 512), start.find(b"Info", 0, 512))
        flags = start[tag + 7] if tag >= 0 and len(start) >= tag + 16 else 0
        size_at = tag + 8 + 4 * (flags & 1)
        return cls(
            plausible=_MPEG_SYNC.search(start) is not None,
            states_length=bool(flags & 1),
            stated_bytes=int.from_bytes(start[size_at : size_at + 4], "big") if flags & 2 else 0,
        )

"""The formats that stems can be written in, and what each can hold."""

from dataclasses import dataclass

from zoo.errors import InputError


@dataclass(frozen=True)
class _Format:
    """What a container can hold; the first subtype is its default."""

    subtypes: tuple[str, ...]
    channels: int
    rates: range | tuple[int, ...]

    @property
    def rates_text(self) -> str:
        if isinstance(self.rates, range):
            return f"up to {self.rates[-1]} Hz"
        return f"of {', '.join(map(str, self.rates))} Hz"


_MPEG_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_LIMITS = {
    "wav": _Format(("PCM_16", "PCM_24", "FLOAT"), 1024, range(1, 2**31)),
    "flac": _Format(("PCM_16", "PCM_24"), 8, range(1, 655351)),
    # Beyond these, libsndfile's Vorbis encoder ends the process.
    "ogg": _Format(("VORBIS",), 255, range(1, 200001)),
    "mp3": _Format(("MPEG_LAYER_III",), 2, _MPEG_RATES),
}
FORMATS = tuple(_LIMITS)


def check_writable(format: str, sample_rate: int, channels: int) -> None:
    """Raises `InputError` unless files of a format can hold the rate and the channels.

    Args:
        format: "wav", "flac", "ogg" or "mp3".
        sample_rate: samples per second.
        channels: how many.
    """
    if format not in _LIMITS:
        raise InputError(f"The formats are {', '.join(FORMATS)}. Received: format={format}")
    limits = _LIMITS[format]
    if not 1 <= channels <= limits.channels:
        raise InputError(
            f"A {format} file holds 1 to {limits.channels} channels; choose another format. "
            f"Received: channels={channels}"
        )
    if sample_rate not in limits.rates:
        raise InputError(
            f"A {format} file holds sample rates {limits.rates_text}; choose another format. "
            f"Received: sample_rate={sample_rate}"
        )


def matching_subtype(format: str, subtype: str) -> str:
    """The subtype of `format` that keeps the resolution of an input.

    Float stays float where the format has it (else 24 bits), 24 and 32 bits become 24, and 16 bits
    and everything below become 16. So do MP3, Vorbis and AAC, whose noise lies far above 16 bits'.

    Args:
        format: "wav", "flac", "ogg" or "mp3".
        subtype: the input's, as `AudioReader.subtype` gives it.
    """
    choices = _LIMITS[format].subtypes
    if subtype in ("FLOAT", "DOUBLE"):
        return choices[-1]
    return "PCM_24" if subtype in ("PCM_24", "PCM_32") and "PCM_24" in choices else choices[0]


def check_subtype(format: str, subtype: str) -> None:
    """Raises `InputError` unless files of a format can have the subtype."""
    choices = _LIMITS[format].subtypes
    if subtype not in choices:
        raise InputError(f"A {format} file holds {', '.join(choices)}. Received: {subtype=}")

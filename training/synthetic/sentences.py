"""Makes recordings of spoken lines with whatever free speech synthesisers are installed."""

import argparse
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile

from training.synthetic.dice import Dice
from training.synthetic.lyrics import draw_line
from training.synthetic.voices import VOICES, SpokenVoice
from zoo.command_line import run_module
from zoo.errors import InputError

_INSTALL = {
    "flite": "apt install flite",
    "festival": "apt install festival festvox-kallpc16k",
    "espeak-ng": "apt install espeak-ng",
}
_SHORTEST = 0.4
_PATIENCE = 600


def record_sentences(output: str | Path, sentences: int = 80) -> dict[str, int]:
    """Writes `VOICE/NNN.wav` for each installed voice, and `LICENCES.md`.

    Lines and speed are fixed by the voice's name, so a second run writes the same. Voices
    that are not installed are left out.

    Args:
        output: a folder; made if it is missing.
        sentences: recordings of each voice, 1 to 999.

    Returns:
        How many recordings each voice has.

    Raises:
        InputError: `sentences` is out of its range, or no program or no voice is installed.
    """
    if not 1 <= sentences <= 999:
        raise InputError(f"--sentences: {sentences} is not between 1 and 999")
    programs = [program for program in _INSTALL if shutil.which(program)]
    if not programs:
        raise InputError(
            "no speech synthesiser is installed: apt install flite, festival or espeak-ng"
        )
    written = {}
    for voice in VOICES:
        if voice.program in programs:
            count = _record(voice, Path(output, voice.name), sentences)
            if count:
                written[voice.name] = count
    if not written:
        raise InputError(f"{', '.join(programs)}: none of the known voices is installed")
    _write_licences(Path(output, "LICENCES.md"), written)
    return written


def _record(voice: SpokenVoice, folder: Path, sentences: int) -> int:
    dice = Dice(np.random.SeedSequence(zlib.crc32(voice.name.encode())))
    lines = [
        (draw_line(dice, voice.language), dice.log_uniform(0.8, 1.25), dice.log_uniform(0.85, 1.2))
        for _ in range(sentences)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        _SPEAK[voice.program](voice, lines, Path(scratch))
        found = [path for path in sorted(Path(scratch).glob("*.wav")) if _is_speech(path)]
        if found:
            folder.mkdir(parents=True, exist_ok=True)
        for path in found:
            shutil.move(path, folder / path.name)
    return len(found)


def _is_speech(path: Path) -> bool:
    """Tells whether a program really spoke: some write empty files when a voice is missing."""
    try:
        waveform, rate = soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError:
        return False
    return len(waveform) > _SHORTEST * rate and np.abs(waveform).max() > 0.01


def _flite(voice: SpokenVoice, lines: list[tuple[str, float, float]], folder: Path) -> None:
    for number, (line, stretch, _) in enumerate(lines):
        options = ["-voice", voice.voice, "--setf", f"duration_stretch={stretch:.3f}"]
        _run(["flite", *options, "-t", line, "-o", _name(folder, number)])


def _espeak(voice: SpokenVoice, lines: list[tuple[str, float, float]], folder: Path) -> None:
    for number, (line, stretch, pitch) in enumerate(lines):
        options = ["-s", f"{165 / stretch:.0f}", "-p", f"{50 * pitch:.0f}"]
        _run(["espeak-ng", "-v", voice.voice, *options, "-w", _name(folder, number), line])


def _festival(voice: SpokenVoice, lines: list[tuple[str, float, float]], folder: Path) -> None:
    """One process speaks every line: loading a voice takes longer than speaking."""
    commands = [f"(voice_{voice.voice})"]
    for number, (line, stretch, _) in enumerate(lines):
        commands.append(f"(Parameter.set 'Duration_Stretch {stretch:.3f})")
        speak = f'(utt.synth (Utterance Text "{line}"))'
        commands.append(f'(utt.save.wave {speak} "{_name(folder, number)}" \'riff)')
    script = folder / "speak.scm"
    script.write_text("\n".join(commands) + "\n", encoding=voice.encoding)
    _run(["festival", "--batch", str(script)])


_SPEAK = {"flite": _flite, "festival": _festival, "espeak-ng": _espeak}


def _name(folder: Path, number: int) -> str:
    return str(folder / f"{number:03d}.wav")


def _run(command: list[str]) -> None:
    # A voice that is missing fails here; `_is_speech` notices that nothing was written.
    subprocess.run(command, capture_output=True, timeout=_PATIENCE, check=False)


def _write_licences(path: Path, written: dict[str, int]) -> None:
    rows = [
        f"| {voice.name} | {voice.language} | {written[voice.name]} | {voice.program} "
        f"| {voice.package} | {voice.licence} |"
        for voice in VOICES
        if voice.name in written
    ]
    head = [
        "# Where these recordings come from",
        "",
        "Made by `python -m training.synthetic.sentences`: stemzoo's own lines, spoken by free",
        "speech synthesisers. The licence is that of the Debian package which holds the voice.",
        "",
        "| voice | language | recordings | program | package | licence |",
        "|---|---|---|---|---|---|",
    ]
    path.write_text("\n".join([*head, *rows]) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line of this module."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, help="folder for VOICE/NNN.wav and LICENCES.md")
    parser.add_argument("--sentences", type=int, default=80, help="recordings of each voice")
    options = parser.parse_args(arguments)
    written = record_sentences(options.output, options.sentences)
    for program, install in _INSTALL.items():
        if not shutil.which(program):
            print(f"{program} is not installed, its voices are missing ({install})")
    print(f"{options.output}: {sum(written.values())} recordings of {len(written)} voices")


if __name__ == "__main__":
    run_module(main)

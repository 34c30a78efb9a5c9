"""`stemzoo data check` over corpora of growing size: time a file, and memory.

    python benchmarks/data_check.py [--files 100 300 1000] [--seconds 2] [--long 1800]

Each corpus is songs of five stereo files at 44.1 kHz (WAV, FLAC and MP3 in turns), and two songs of
which every file is broken in its own way; the last is one long song. Each is checked in a process
of its own; memory is what that process grew by.
"""

import argparse
import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import soundfile
from measure import print_table, resident_memory

RATE = 44100
STEMS = ("drums", "bass", "other", "vocals")
SUFFIXES = ("wav", "flac", "mp3")


def write_song(folder: Path, seed: int, seconds: float, suffix: str) -> None:
    """Four stems of filtered noise and their sum."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    stems = {}
    for stem in STEMS:
        noise = rng.normal(0, 0.02, (int(seconds * RATE), 2)).astype("float32")
        stems[stem] = noise + 0.8 * np.roll(noise, 1, axis=0)
    for name, samples in {**stems, "mixture": sum(stems.values())}.items():
        soundfile.write(folder / f"{name}.{suffix}", samples, RATE)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _overwritten(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2 :] = bytes(len(content) - len(content) // 2)
    path.write_bytes(content)


def write_broken(corpus: Path, seconds: float) -> int:
    """Two songs whose ten files are broken, each in its own way; returns how many."""
    for number, suffix in enumerate(("wav", "flac")):
        write_song(corpus / f"broken {number}", number, seconds, suffix)
    one, two = corpus / "broken 0", corpus / "broken 1"
    (one / "drums.wav").write_bytes(b"")
    (one / "bass.wav").write_text("a text that was renamed\n" * 100)
    (one / "other.wav").write_bytes(np.random.default_rng(0).bytes(5000))
    _cut(one / "vocals.wav")
    soundfile.write(one / "mixture.wav", np.full((RATE, 2), np.nan), RATE, subtype="FLOAT")
    (two / "drums.flac").unlink()
    (two / "drums.flac").mkdir()
    (two / "bass.flac").unlink()
    (two / "bass.flac").symlink_to("nowhere")
    _cut(two / "other.flac")
    _overwritten(two / "vocals.flac")
    (two / "mixture.flac").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(1000))
    return 10


def measure(corpus: Path) -> tuple[float, int, int, int]:
    """Seconds, files, errors and peak memory of one check, in a process of its own."""
    from training.data_check.check import check_data

    before = resident_memory()[0]
    start = time.perf_counter()
    report = check_data(corpus)
    return time.perf_counter() - start, report.files, report.errors, resident_memory()[1] - before


def in_a_process(corpus: Path) -> tuple[float, int, int, int]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, corpus).result()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument("--seconds", type=float, default=2.0, help="of each file")
    parser.add_argument("--long", type=float, default=1800.0, help="seconds of one long song")
    arguments = parser.parse_args()
    rows = []

    def add(name: str, corpus: Path, audio: float) -> None:
        seconds, files, errors, memory = in_a_process(corpus)
        each = f"{seconds / files * 1000:.1f}"
        rows.append(
            (name, files, errors, f"{seconds:.1f}", each, f"{audio / seconds:.0f}")
            + (f"{memory / 2**20:.0f}",)
        )

    with tempfile.TemporaryDirectory() as temporary:
        for count in arguments.files:
            corpus = Path(temporary) / str(count)
            broken = write_broken(corpus, arguments.seconds)
            songs = max(1, (count - broken) // 5)
            for number in range(songs):
                suffix = SUFFIXES[number % len(SUFFIXES)]
                write_song(corpus / f"song {number}", 10 + number, arguments.seconds, suffix)
            add(f"{songs} songs, 10 broken files", corpus, songs * 5 * arguments.seconds)
        corpus = Path(temporary) / "long"
        write_song(corpus / "song", 0, arguments.long, "wav")
        add(f"one song of {arguments.long / 60:.0f} minutes", corpus, 5 * arguments.long)
    columns = ("", "files", "errors", "s", "ms a file", "x real time", "memory, MiB")
    print_table(f"stemzoo data check, {os.cpu_count()} processors", columns, rows)


if __name__ == "__main__":
    main()

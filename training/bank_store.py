"""Where decoded songs are kept: in memory, or in files that outlive the process."""

import json
import os
from pathlib import Path

import numpy as np

from training.decode import Song
from zoo.errors import InputError


class BankStore:
    """A growing array of int16 samples and the list of songs in it, in memory or in two files.

    With a folder, `<key>.int16` holds the samples and `<key>.jsonl` a line for each song, written
    after its samples: what a killed process leaves is a shorter bank, and the next one goes on.
    """

    def __init__(self, folder: Path | None, key: str):
        self.songs: list[Song] = []
        self._arrays: list[np.ndarray] = []
        self._folder = folder
        if folder is None:
            return
        folder.mkdir(parents=True, exist_ok=True)
        self._audio, self._index = folder / f"{key}.int16", folder / f"{key}.jsonl"
        if self._audio.exists() and self._index.exists():
            self._reopen()
        else:
            self._audio.write_bytes(b"")
            self._index.write_text("")

    def _reopen(self) -> None:
        """Takes over the songs that are whole and cuts off what a kill left of the next one."""
        whole = []
        size = 0
        for line in self._index.read_text().splitlines(keepends=True):
            if not line.endswith("\n"):
                break
            song = Song(**json.loads(line))
            end = size + 2 * song.size
            if end > self._audio.stat().st_size:
                break
            size = end
            whole.append(line)
            self.songs.append(song)
        os.truncate(self._audio, size)
        self._index.write_text("".join(whole))

    def append(self, song: Song, audio: np.ndarray) -> None:
        """Adds one song; `audio` is int16 `(rows, samples, channels)`."""
        self.songs.append(song)
        if self._folder is None:
            self._arrays.append(audio.reshape(-1))
            return
        with self._audio.open("ab") as file:
            file.write(audio.tobytes())
        with self._index.open("a") as file:
            file.write(json.dumps(vars(song)) + "\n")

    def path(self) -> Path:
        """The file of samples.

        Raises:
            InputError: if they are kept in memory.
        """
        if self._folder is None:
            raise InputError("songs decoded into memory cannot be shared: name a cache_dir")
        return self._audio

    def array(self) -> np.ndarray:
        """All samples, `(total,)`, aligned as TensorFlow wants it; a file is mapped, not read."""
        if self._folder is not None:
            return np.memmap(self._audio, dtype="int16", mode="c")
        total = sum(array.size for array in self._arrays)
        raw = np.empty(2 * total + 64, "uint8")
        offset = -raw.ctypes.data % 64
        samples = raw[offset : offset + 2 * total].view("int16")
        start = 0
        for array in self._arrays:
            samples[start : start + array.size] = array
            start += array.size
        self._arrays.clear()
        return samples

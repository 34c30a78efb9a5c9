"""Tasks of plain numpy, in a module that worker processes import by its name."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.errors import InputError
from zoo.files import atomic_path, remove_leftovers
from zoo.jobs import Item


@dataclass(frozen=True)
class Halve:
    """Writes half of each number of an item's file, and a line in `log` for each attempt.

    An item's `inputs` may say how it goes wrong: "bad", a bug, the death of its worker the first
    times, or a first time that hangs.
    """

    output: str
    log: str
    gain: float = 0.5

    def open(self):
        if self.gain == 0:
            raise InputError("gain: must not be 0")
        if self.gain < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return self.work

    def describe(self):
        return {"gain": self.gain, "output": self.output}

    def work(self, item: Item):
        log = Path(self.log) / item.name
        before = len(log.read_text().split()) if log.exists() else 0
        with log.open("a") as file:
            file.write(f"{os.getpid()}\n")
        if item.inputs.get("bad"):
            raise InputError(f"{item.name}: is bad")
        if item.inputs.get("bug"):
            return {"result": object()}
        time.sleep(item.inputs.get("seconds", 0.0))
        path = Path(self.output) / f"{item.name}.npy"
        remove_leftovers(path)
        with atomic_path(path) as temporary:
            np.save(temporary, self.gain * np.loadtxt(item.files[0]))
            if before < item.inputs.get("deaths", 0):
                os.kill(os.getpid(), signal.SIGKILL)
            if before == 0 and item.inputs.get("hangs"):
                time.sleep(60)
        return {"path": str(path), "threads": os.environ.get("OMP_NUM_THREADS")}


def items(folder: Path, count: int, **special) -> list[Item]:
    """Items and their files; `special` are the inputs of items by name."""
    made = []
    for number in range(count):
        path = folder / f"{number}.txt"
        if not path.exists():
            np.savetxt(path, np.random.default_rng(number).normal(size=50))
        name = f"item{number}"
        made.append(Item(name, special.get(name, {}), (str(path),)))
    return made

"""What the benchmarks share: interleaved timing, the machine's matrix rate, memory, tables."""

import resource
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

FULL_SIZE = (16, 32, 64, 128, 256, 512)
HALF_SIZE = (8, 16, 32, 64, 128, 256)
_PAUSE = 0.1


def interleaved(
    runs: Mapping[str, Callable[[], object]], repetitions: int, *, warm_ups: int = 2
) -> dict[str, list[float]]:
    """Seconds of every repetition of every run.

    The runs take turns, so that they share what else the machine does meanwhile, with a pause in
    which the threads of the run before stop spinning.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        for _ in range(warm_ups):
            run()
    for _ in range(repetitions):
        for name, run in runs.items():
            time.sleep(_PAUSE)
            start = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - start)
    return times


class MatrixProduct:
    """A float32 product of two square matrices: what the machine can do at best."""

    def __init__(self, size: int = 2048):
        random = np.random.default_rng(0)
        self._left, self._right = random.uniform(size=(2, size, size)).astype("float32")
        self.multiply_adds = size**3

    def __call__(self) -> np.ndarray:
        return self._left @ self._right


def default_separator(name: str | None):
    """A preset's separator, or that of a Wave-U-Net variant with random weights.

    Without a name the shipped preset's; where there is none, a random one's of half size.
    """
    import keras

    from zoo import JanssonUNet, Separator, WaveUNet, list_presets
    from zoo.inference import DEFAULT_PRESET
    from zoo.wave_unet.variants import VARIANTS

    keras.utils.set_random_seed(0)
    if name in VARIANTS:
        return Separator(WaveUNet(name))
    if name is None and DEFAULT_PRESET not in list_presets():
        return Separator(JanssonUNet(filters=HALF_SIZE))
    return Separator.from_preset(name or DEFAULT_PRESET)


def resident_memory() -> tuple[int, int]:
    """This process's memory now and at its peak, in bytes; only the peak where there is no /proc,
    given twice."""
    status = Path("/proc/self/status")
    if not status.exists():
        unit = 1 if sys.platform == "darwin" else 1024
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,) * 2
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
    return tuple(int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a table: the first column to the left, figures to the right."""
    from rich.console import Console
    from rich.table import Column, Table

    first, *others = columns
    table = Table(first, *(Column(name, justify="right") for name in others), title=title)
    for row in rows:
        table.add_row(*map(str, row))
    Console(width=110, highlight=False).print(table)

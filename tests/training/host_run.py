"""A recipe trained by one or two processes on loopback, for `test_hosts.py`."""

import os
import socket
import subprocess
import sys
from pathlib import Path

from .runs import TINY

ROOT = Path(__file__).resolve().parents[2]
RECIPE = f"""
{TINY}
[training]
epochs = 3
learning_rate = 0.01
clip_norm = 1.0
accumulate_steps = 2
ema_momentum = 0.9
"""


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def start(recipe, songs, output, *options, log):
    """`stemzoo train` on the JAX backend, in a process of its own."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "PYTHONPATH": str(ROOT),
        # What takes longer to compile than to run.
        "XLA_FLAGS": "--xla_backend_optimization_level=0",
        # What one of these processes compiled, the next ones read.
        "JAX_COMPILATION_CACHE_DIR": str(Path(log).parent / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    command = ["train", recipe, "--data", songs, "--output", output, *options]
    with Path(log).open("w") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "zoo.cli", *map(str, command)],
            env=environment,
            stdout=file,
            stderr=file,
        )


def start_hosts(recipe, songs, output, *options, logs):
    """Two of them, one run."""
    address = f"127.0.0.1:{free_port()}"
    return [
        start(
            recipe,
            songs,
            output,
            *("--hosts", address, "--host-count", 2, "--host-index", index),
            *options,
            log=logs / f"host-{index}.txt",
        )
        for index in (0, 1)
    ]

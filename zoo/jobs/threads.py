"""How many threads a worker's numerical libraries may start."""

import os


def thread_settings(threads: int) -> dict[str, str]:
    """Environment of a process that shares the processors with others."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    tensorflow = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
    settings = {name: str(threads) for name in (*names, *tensorflow)}
    # By default a process takes all of a GPU's memory.
    return {**settings, "TF_FORCE_GPU_ALLOW_GROWTH": "true"}


def thread_limit() -> int | None:
    """What this process's environment says; None where it says nothing."""
    number = os.environ.get("OMP_NUM_THREADS", "")
    return int(number) if number.isdecimal() and int(number) else None

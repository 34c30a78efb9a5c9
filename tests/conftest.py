"""Fixtures that every room's tests share."""

import gc
import os
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("MPLBACKEND", "Agg")
# What the tests compute on JAX takes longer to compile than to run.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
if "PYTEST_XDIST_WORKER" in os.environ:
    # The workers share the processors; threads of each would get in the others' way.
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")

import pytest
from hypothesis import settings

# The same examples in every run: what fails here fails everywhere.
settings.register_profile("stemzoo", derandomize=True, deadline=None)
settings.load_profile("stemzoo")

ROOT = Path(__file__).resolve().parents[1]


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """Keeps the objects of the packages, a million, out of what Python's collector goes over."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


# Of the longest files, and of those that wait for other processes: what starts last of them would
# be waited for when everything else is done.
FIRST = (
    "zoo/test_cluster.py",
    "training/test_hosts.py",
    "test_every_preset.py",
    "training/test_sound_release.py",
    "test_readme.py",
    "training/test_run.py",
    "training/test_overfit.py",
    "test_docstrings.py",
    "export/test_signatures.py",
    "training/test_release.py",
    "zoo/test_commands.py",
    "export/test_preset_quantization.py",
    "export/test_wave_unet.py",
    "examples/test_spleeter.py",
    "export/test_file_separator.py",
    "training/test_feature_run.py",
    "examples/test_fine_tuning.py",
    "zoo/test_other_backends.py",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Puts the longest files first, for the workers of `make test`."""
    places = {ROOT / "tests" / file: place for place, file in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(FIRST)))


@pytest.fixture(scope="session", autouse=True)
def files_timed_once():
    """A report tells a file's speed, the median of several runs: more than tests need."""
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr("export.parity.TIMED_RUNS", 1)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The development data's folder; the test is skipped where it is absent."""
    folder = Path(os.environ.get("STEMZOO_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no development data at {folder}; set STEMZOO_DATA")
    return folder


@pytest.fixture(scope="session")
def open_to_all():
    """Function: lets every user reach a temporary folder, which pytest keeps to its own."""

    def function(folder: Path) -> None:
        temporary = Path(tempfile.gettempdir())
        for part in (folder, *folder.parents):
            if temporary in part.parents:
                part.chmod(0o755)

    return function

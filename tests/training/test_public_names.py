"""The package's names, and that it starts without TensorFlow."""

import subprocess
import sys
from pathlib import Path

import training


def test_every_public_name_is_what_its_module_defines():
    for name in training.__all__:
        assert getattr(training, name).__name__ == name
    assert callable(training.fit)
    assert callable(training.evaluate)


def test_the_package_is_light():
    code = "import sys, training; print({'tensorflow', 'keras', 'scipy'} & set(sys.modules))"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.check_output([sys.executable, "-c", code], cwd=root, text=True) == "set()\n"

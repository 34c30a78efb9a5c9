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
    code = "import sys, training; assert not {'tensorflow', 'keras', 'scipy'} & set(sys.modules)"
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code], check=True, cwd=root)

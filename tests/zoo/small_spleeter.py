"""Spleeter's networks for tests: tiny ones, and those of the original program's fixtures."""

import os
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from zoo import FrontEnd, SpleeterUNet
from zoo.checkpoints.spleeter import variables_by_name
from zoo.spleeter_unet import spleeter_front_end

from .original_weights import weight

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = Path(os.environ.get("STEMZOO_FIXTURES", ROOT.parent / "shared" / "fixtures"))
SMALL = ROOT / "tests" / "fixtures" / "spleeter"
TINY = replace(
    spleeter_front_end(), sample_rate=8000, frame_length=64, frame_step=16, bins=16, frames=12
)


def tiny_spleeter(variant: str = "2stems", *, front_end: FrontEnd = TINY, **arguments):
    """A network whose masks vary over time, frequency and channels, unlike fresh weights'."""
    keras.utils.set_random_seed(0)
    network = SpleeterUNet(variant, **{"filters": (3, 4), "front_end": front_end, **arguments})
    generator = np.random.default_rng(0)
    for variable in network.trainable_variables:
        fan_in = np.prod(variable.shape[:-1]) if len(variable.shape) > 1 else 25
        variable.assign(generator.normal(0, 1.5 / np.sqrt(fan_in), variable.shape))
    return network


def original_spleeter(variant: str, *, bins: int = 1024) -> SpleeterUNet:
    """The full size with the fixtures' weights."""
    network = SpleeterUNet(variant, front_end=replace(spleeter_front_end(), bins=bins))
    for name, variable in variables_by_name(network).items():
        variable.assign(weight(name, tuple(variable.shape)))
    return network


def fixture(name: str) -> dict[str, np.ndarray]:
    """A file of the original program's outputs; the test is skipped where there is none."""
    if not FIXTURES.is_dir():
        pytest.skip(f"no fixtures at {FIXTURES}; set STEMZOO_FIXTURES")
    with np.load(FIXTURES / name) as arrays:
        return dict(arrays)

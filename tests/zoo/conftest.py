"""A separator so small that its tests are about mechanics, and its preset."""

import sys
from unittest.mock import patch

import keras
import numpy as np
import pytest

from zoo import FrontEnd, JanssonUNet, Separator, WaveUNet
from zoo.cli import main

TINY = FrontEnd(frame_length=128, frame_step=96, bins=64, frames=16)


def tiny_network(seed: int = 0) -> JanssonUNet:
    """A network whose masks vary over time and frequency, unlike those of fresh weights."""
    keras.utils.set_random_seed(seed)
    network = JanssonUNet(filters=(3, 4), front_end=TINY)
    generator = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        variable.assign(generator.normal(0, 0.6, variable.shape))
    return network


def tiny_wave_unet(variant: str = "M4", *, seed: int = 0, **arguments) -> WaveUNet:
    """A Wave-U-Net of three levels whose outputs are large and differ, unlike fresh weights'."""
    keras.utils.set_random_seed(seed)
    sizes = {"levels": 3, "initial_filters": 3, "kernel_size": 5, "segment_samples": 64}
    network = WaveUNet(variant, **{**sizes, **arguments})
    generator = np.random.default_rng(seed)
    for variable in network.trainable_variables:
        fan_in = np.prod(variable.shape[:-1]) if len(variable.shape) > 1 else 25
        variable.assign(generator.normal(0, 1.5 / np.sqrt(fan_in), variable.shape))
    return network


@pytest.fixture(scope="session")
def separator() -> Separator:
    return Separator(tiny_network())


@pytest.fixture(scope="session")
def preset(separator, tmp_path_factory):
    """The separator's preset folder."""
    folder = tmp_path_factory.mktemp("presets") / "tiny"
    separator.save_to_preset(folder)
    return folder


@pytest.fixture(scope="session")
def exported(separator, tmp_path_factory):
    """The separator as a TFLite file, which other processes open without TensorFlow."""
    from export import to_tflite

    path = tmp_path_factory.mktemp("exported") / "tiny.tflite"
    # The tests of exporters compare such a file with its model.
    with patch("export.exporter.measure"):
        to_tflite(separator, path)
    return path


def noise(*shape, seed=0, level=0.3):
    return np.random.default_rng(seed).uniform(-level, level, shape).astype("float32")


@pytest.fixture
def stemzoo(monkeypatch, capfd):
    """Runs a command in this process; returns exit code, standard output and error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["stemzoo", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
            raise SystemExit(0)
        printed = capfd.readouterr()
        return ended.value.code or 0, printed.out, printed.err

    return run

"""The examples in the docstrings do what they show."""

import doctest
import pkgutil
from importlib import import_module
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import export
import training
import zoo
from export.sharing import shared_graphs


def modules():
    for package in (zoo, training, export):
        prefix = f"{package.__name__}."
        for module in pkgutil.walk_packages([str(Path(package.__file__).parent)], prefix):
            yield module.name


@pytest.fixture(scope="module")
def model():
    """What examples of exporters call a model; they trace it once."""
    front_end = zoo.FrontEnd(frame_length=64, frame_step=48, bins=32, frames=16)
    with shared_graphs():
        yield zoo.Separator(zoo.JanssonUNet(filters=(2,), front_end=front_end))


@pytest.mark.parametrize("name", sorted(modules()))
def test_examples(name, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    public = {n: getattr(p, n) for p in (zoo, training, export) for n in p.__all__}
    waveform = np.zeros((1, 98304, 2), "float32")
    names = {**public, "np": np, "keras": keras, "tf": tf, "model": model, "waveform": waveform}
    module = import_module(name)
    names = {known: value for known, value in names.items() if known not in vars(module)}
    result = doctest.testmod(module, extraglobs=names, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0

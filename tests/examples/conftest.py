"""A small separator, and its file as a phone gets it."""

from unittest.mock import patch

import pytest

import export
import zoo


@pytest.fixture(scope="session")
def separator():
    front_end = zoo.FrontEnd(sample_rate=8192, frame_length=256, frame_step=64, bins=128, frames=32)
    return zoo.Separator(zoo.JanssonUNet(filters=(4, 8), front_end=front_end))


@pytest.fixture(scope="session")
def phone_model(separator, tmp_path_factory):
    """A `.tflite` file of a fixed length, with the signature `stream`."""
    path = tmp_path_factory.mktemp("model") / "model.tflite"
    # What comes out of it is compared where it is used.
    with patch("export.exporter.measure"):
        export.to_tflite(separator, path, inputs=(1, separator.lookahead_samples + 2000, 2))
    return path

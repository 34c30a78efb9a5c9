from pathlib import Path

import numpy as np
import pytest

from export.errors import ParityError
from export.quantization import Material, Plan, Quantization
from export.quantized_check import Comparison, below_floor, is_state

SIGNAL = np.linspace(-1, 1, 50, dtype="float32")


def stream(state_gain=1.0, noise=0.0):
    """Hears a signal and a quarter of what it heard before; a file may hand on something else."""

    def run(inputs):
        stem = inputs["waveform"] + 0.25 * inputs["memory"] + np.float32(noise)
        return {"stem": stem, "next_memory": np.float32(state_gain) * inputs["waveform"]}

    return run


def compare(file):
    inputs = [{"waveform": gain * SIGNAL, "memory": 0 * SIGNAL} for gain in (1, 0.5)]
    return Comparison(file, stream(), inputs, label=Path("stream.onnx"))


def test_a_state_is_judged_by_what_is_heard_of_it_in_the_next_buffer():
    plan = Plan(Quantization("dynamic"), Material((), ()), False)
    exact = compare(stream())
    assert len(exact.expected) == len(exact.got) == 4
    np.testing.assert_allclose(exact.expected[2]["stem"], 1.25 * SIGNAL)
    assert below_floor(Path("x"), exact.snr(), plan) is None

    # Off by a third, of which a quarter is heard, in every second buffer.
    found = compare(stream(state_gain=4 / 3)).snr()
    assert found["next_memory"] == pytest.approx(20 * np.log10(3), abs=1e-3)
    error = 2 * (0.25 / 3) ** 2 / 2 / (1 + 1.25**2)
    assert found["stem"] == pytest.approx(-10 * np.log10(error), abs=1e-3)
    assert found["next_memory"] < 20 < found["stem"]
    assert below_floor(Path("x"), found, plan) is None

    # A state that is wrong altogether is heard.
    found = compare(stream(state_gain=-1)).snr()
    assert "output 'stem' has a signal-to-noise ratio" in below_floor(Path("x"), found, plan)


def test_targets_are_those_of_first_calls():
    targets = [{"stem": gain * SIGNAL + 0.1} for gain in (1, 0.5)]
    assert compare(stream()).sdr_change(targets) == {"stem": 0}
    assert compare(stream(noise=0.1)).sdr_change(targets)["stem"] > 40


def test_what_is_heard_can_be_another_thing_than_outputs():
    def heard(inputs, outputs):
        return {"heard": inputs["waveform"] * outputs["mask"]}

    quiet = np.abs(SIGNAL) < 0.1

    def masks(value):
        return lambda inputs: {"mask": np.where(quiet, value, 1).astype("float32")}

    inputs = [{"waveform": np.where(quiet, 1e-4, SIGNAL).astype("float32")}]
    files = {"label": Path("model.tflite"), "heard": heard}
    assert Comparison(masks(0.0), masks(1.0), inputs, **files).snr()["heard"] > 80
    assert Comparison(masks(0.0), masks(1.0), inputs, label=Path("m")).snr()["mask"] < 11


def test_states_are_checked_as_all_outputs_are():
    with pytest.raises(ParityError, match="'next_memory' has values that are not finite"):
        compare(stream(state_gain=np.nan))
    assert is_state("next_masks") and is_state("stream/next_masks")
    assert not is_state("stream/vocals") and not is_state("vocals")

"""Copies in TFLite files: none joins LiteRT's values to those between a delegate's operators."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from export.specs import signatures
from export.tflite.copies import COPIES, with_separate_copies
from export.tflite.writer import _converted

from .small_separators import context_separator, crossfade_separator, mask_separator

SEPARATORS = {
    "mask": mask_separator,
    "context": context_separator,
    "crossfade": crossfade_separator,
}


def file_of(separator, signature, inputs=None) -> bytes:
    """One signature alone: LiteRT tells of a file's first one only."""
    return _converted({signature: signatures(separator, inputs)[signature]})


def mixed_copies(data: bytes) -> list[str]:
    """Copies, in the delegate, between LiteRT's values and those of the delegate's own.

    What the delegate's memory grows over while the file runs may be the former place of such a
    value of LiteRT's: the delegate then takes the copy for one onto itself, for good.
    """
    interpreter = Interpreter(model_content=data)
    interpreter.allocate_tensors()
    details = interpreter._get_ops_details()
    operators = [detail for detail in details if detail["op_name"] != "DELEGATE"]
    maker = {int(tensor): operator for operator in operators for tensor in operator["outputs"]}
    found = []
    for delegate in (detail for detail in details if detail["op_name"] == "DELEGATE"):
        given, returned = set(map(int, delegate["inputs"])), set(map(int, delegate["outputs"]))
        inside, pending = {}, list(returned)
        while pending:
            tensor = pending.pop()
            if tensor not in given and tensor in maker and tensor not in inside:
                inside[tensor] = maker[tensor]
                pending.extend(map(int, maker[tensor]["inputs"]))
        own = set(inside) - returned
        for operator in inside.values():
            values = {*map(int, operator["inputs"]), *map(int, operator["outputs"])}
            if operator["op_name"] in COPIES and values & own and values & (given | returned):
                found.append(operator["op_name"])
    return found


@pytest.mark.parametrize("name", SEPARATORS)
def test_no_copy_is_mixed(name):
    separator = SEPARATORS[name]()
    for signature in signatures(separator, None):
        data = with_separate_copies(file_of(separator, signature))
        assert not mixed_copies(data), signature


def test_files_as_converted_have_mixed_copies():
    assert "CONCATENATION" in mixed_copies(file_of(context_separator(), "separate"))


def test_nothing_else_changes():
    separator = context_separator()
    data = file_of(separator, "separate")
    # As converted, only LiteRT's own kernels are sure to be right.
    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    before, after = (
        Interpreter(
            model_content=file, experimental_op_resolver_type=kernels
        ).get_signature_runner()
        for file in (data, with_separate_copies(data))
    )
    assert before.get_input_details().keys() == after.get_input_details().keys()
    for samples in (1, 200):
        waveform = np.random.default_rng(0).uniform(-1, 1, (1, samples, 2)).astype("float32")
        wanted, got = before(waveform=waveform), after(waveform=waveform)
        assert wanted.keys() == got.keys()
        assert all(np.array_equal(wanted[stem], got[stem]) for stem in wanted)


def test_fixed_sizes_stay_as_they_are():
    data = file_of(mask_separator(), "separate", (1, 4000, 2))
    assert with_separate_copies(data) is data


def test_dynamic_sizes_without_copies_stay_as_they_are():
    mixture = keras.Input((None, 2), name="mixture")
    model = keras.Model(mixture, {"loud": keras.ops.tanh(mixture)})
    data = _converted(signatures(model, None))
    assert with_separate_copies(data) is data

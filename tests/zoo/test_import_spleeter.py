"""Checkpoints of Spleeter's program as presets: compared, or refused whole."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from zoo import InputError, SpleeterUNet, load_preset
from zoo.checkpoints import spleeter_preset
from zoo.checkpoints.spleeter import load_spleeter, variables_by_name
from zoo.checkpoints.spleeter_preset import import_spleeter, parity_report
from zoo.checkpoints.tensorflow1 import Checkpoint
from zoo.spleeter_unet import spleeter_front_end

from .original_spleeter import shapes, weights, write_checkpoint
from .small_spleeter import FIXTURES

FILTERS = (2, 3)
# In place of 1024 bins and six levels.
TINY = {"filters": FILTERS, "front_end": replace(spleeter_front_end(64), frames=8)}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with a checkpoint for two stems."""
    return write_checkpoint(tmp_path_factory.mktemp("spleeter") / "2stems", weights(2, FILTERS))


@pytest.fixture
def copy(written, tmp_path):
    """The same, to be damaged."""
    return shutil.copytree(written, tmp_path / "2stems")


def test_names_shapes_and_order_are_the_programs():
    network = SpleeterUNet("4stems", filters=(2, 3, 4))
    variables = {n: tuple(v.shape) for n, v in variables_by_name(network).items()}
    assert variables == shapes(4, (2, 3, 4)) and len(variables) == len(network.weights)
    published = shapes(2)
    assert len(published) == 148
    assert sum(int(np.prod(shape)) for shape in published.values()) == 2 * 9_826_759


@pytest.mark.parametrize("stems", [2, 5])
def test_published_variables_are_the_fixtures(stems):
    listed = FIXTURES / f"spleeter-{stems}stems" / "variables.json"
    if not listed.is_file():
        pytest.skip(f"no fixtures at {FIXTURES}; set STEMZOO_FIXTURES")
    rows = json.loads(listed.read_text())
    assert [(row["name"], tuple(row["shape"])) for row in rows[1:]] == list(shapes(stems).items())


def test_a_checkpoint_of_the_released_size(stemzoo, tmp_path):
    folder = write_checkpoint(tmp_path / "2stems", weights(2))
    code, out, err = stemzoo("import", "spleeter", folder, "-o", tmp_path / "preset")
    assert (code, err) == (0, "") and out.startswith("148 variables, error at most ")
    facts = json.loads((tmp_path / "preset" / "metadata.json").read_text())
    assert facts["parameters"] == 2 * 9_826_759
    assert load_preset(tmp_path / "preset").front_end == spleeter_front_end()


@pytest.mark.parametrize(("stems", "variant"), [(4, None), (5, "5stems-16kHz")])
def test_presets_compute_what_the_checkpoint_does(stems, variant, tmp_path):
    given = weights(stems, FILTERS)
    folder = write_checkpoint(tmp_path / "made", given, training=stems == 4)
    report = import_spleeter(folder, tmp_path / "preset", variant=variant, **TINY)
    network = load_preset(tmp_path / "preset")
    assert network.variant == (variant or "4stems") and len(network.stems) == stems
    assert list(report["error_over_peak"]) == list(network.stems)
    assert 0 < max(report["error_over_peak"].values()) <= 1e-5
    assert report["variables"] == report["equal_variables"] == len(given)
    assert report["values"] == sum(value.size for value in given.values())
    for name, variable in variables_by_name(network).items():
        assert np.array_equal(variable, given[name]), name
    assert json.loads((tmp_path / "preset" / "parity.json").read_text()) == report

    facts = json.loads((tmp_path / "preset" / "metadata.json").read_text())
    card = (tmp_path / "preset" / "README.md").read_text()
    # Published are scores of the 4-stem networks alone.
    assert ("published_scores" in facts) == ("| drums | 5.93 | 6.71 |" in card) == (stems == 4)
    if stems == 4:
        scores = facts["published_scores"]
        assert scores["SDR"]["vocals"] == {"ratio_mask": 6.55, "wiener": 6.86}
        assert scores["measured_here"] is False
    else:
        assert "none is known" in card


def test_the_report_sees_what_differs(written):
    network, checkpoint = load_spleeter(written, **TINY), Checkpoint(written)
    bias = network.get_layer("accompaniment_decoder_1_norm").beta
    bias.assign(bias + 0.2)
    with pytest.raises(InputError, match=r"accompaniment of the imported network differs from the"):
        parity_report(network, checkpoint)
    bias.assign(bias + np.nan)
    with pytest.raises(InputError, match="by nan of the peak, more than 0.0001; nothing was writt"):
        parity_report(network, checkpoint)
    # A softmax over the stems has no variables: what the network says of itself is compared, too.
    other = load_spleeter(written, **TINY, softmax=True)
    assert max(parity_report(other, checkpoint)["error_over_peak"].values()) <= 1e-5
    other.softmax = False
    with pytest.raises(InputError, match="vocals of the imported network differs"):
        parity_report(other, checkpoint)


def test_nothing_appears_where_outputs_differ(written, tmp_path, monkeypatch):
    monkeypatch.setattr(spleeter_preset, "LIMIT", 0.0)
    with pytest.raises(InputError, match="differs from the checkpoint's"):
        import_spleeter(written, tmp_path / "new" / "preset", **TINY)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("output", ["/proc/preset", "x" * 300])
def test_presets_that_cannot_be_written_are_named(written, output, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=f"^{output}: cannot be written: "):
        import_spleeter(written, output, **TINY)
    assert list(tmp_path.iterdir()) == []


def test_half_precision_is_compared_with_rounded_weights(written, tmp_path):
    report = import_spleeter(written, tmp_path / "preset", half_precision=True, **TINY)
    assert report["precision"] == "float16" and report["equal_variables"] == report["variables"]
    name, given = "conv2d_transpose/kernel", weights(2, FILTERS)["conv2d_transpose/kernel"]
    stored = np.asarray(variables_by_name(load_preset(tmp_path / "preset"))[name])
    assert np.array_equal(stored, given.astype("float16")) and not np.array_equal(stored, given)
    assert "stored in float16" in (tmp_path / "preset" / "README.md").read_text()


def spoil(kind, folder):
    index, data = folder / "model.index", folder / "model.data-00000-of-00001"
    given = weights(2, FILTERS)
    if kind == "no index":
        index.unlink()
    elif kind == "no data":
        data.unlink()
    elif kind == "cut data":
        data.write_bytes(data.read_bytes()[:-1])
    elif kind == "half the data":
        data.write_bytes(data.read_bytes()[: data.stat().st_size // 2])
    elif kind == "cut index":
        index.write_bytes(index.read_bytes()[:-100])
    elif kind == "changed":
        changed = bytearray(data.read_bytes())
        changed[100] ^= 1
        data.write_bytes(changed)
    elif kind == "missing":
        del given["conv2d_3/bias"]
    elif kind == "shape":
        given["conv2d_transpose_2/kernel"] = np.zeros((5, 5, 2, 4), "float32")
    elif kind == "type":
        given["conv2d_1/bias"] = given["conv2d_1/bias"].astype("float64")
    elif kind == "not finite":
        given["batch_normalization_3/moving_variance"][0] = np.inf
    elif kind == "more":
        given["dense/kernel"] = np.zeros((3, 3), "float32")
    elif kind == "other":
        given = {"separator/conv1d/kernel": np.zeros((15, 2, 4), "float32")}
    elif kind == "three stems":
        given = weights(3, FILTERS)
    if kind in ("missing", "shape", "type", "not finite", "more", "other", "three stems"):
        write_checkpoint(folder, given)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("no index", "holds no TensorFlow checkpoint, no file ends in .index"),
        ("no data", "model: cannot read conv2d/kernel: "),
        ("cut data", "model: cannot read global_step: "),
        ("half the data", "model: cannot read "),
        ("cut index", "model.index: not a TensorFlow checkpoint, or damaged"),
        ("changed", "model: cannot read batch_normalization.*: .*Checksum"),
        ("missing", r"model: has no conv2d_3/bias, which the network has with shape \(2,\)"),
        ("shape", r"conv2d_transpose_2/kernel has the shape \(5, 5, 2, 4\), in .* \(5, 5, 2, 3\)"),
        ("type", "conv2d_1/bias is of type float64, not float32"),
        ("not finite", "batch_normalization_3/moving_variance holds values that are not finite"),
        ("more", r"has dense/kernel with shape \(3, 3\), which the network lacks"),
        ("other", "not a checkpoint of Spleeter: it has no conv2d/kernel; .* separator/conv1d/ker"),
        ("three stems", "holds networks for 3 stems; those of the published models have 2, 4, 5"),
    ],
)
def test_what_is_no_released_checkpoint_is_refused_in_one_line(kind, message, copy, tmp_path):
    spoil(kind, copy)
    with pytest.raises(InputError, match=message) as caught:
        import_spleeter(copy, tmp_path / "preset", **TINY)
    assert "\n" not in str(caught.value) and str(copy) in str(caught.value)
    assert list(tmp_path.iterdir()) == [copy]


def test_variants_that_do_not_fit(written):
    with pytest.raises(InputError, match="holds networks for 2 stems, 4stems has 4"):
        load_spleeter(written, "4stems", **TINY)
    with pytest.raises(InputError, match="^3stems: no variant of Spleeter's; those are 2stems, 4s"):
        load_spleeter(written, "3stems", **TINY)


def test_the_folder_above_is_no_checkpoint(copy):
    with pytest.raises(InputError, match="holds no .* name one of the folders in it: 2stems$"):
        load_spleeter(copy.parent, **TINY)


def test_archives_as_released_are_to_be_unpacked(copy, tmp_path):
    archive = shutil.make_archive(tmp_path / "2stems", "gztar", copy)
    with pytest.raises(InputError, match="2stems.tar.gz: an archive; unpack it and name the"):
        load_spleeter(archive, **TINY)
    # As they come out of an archive that was made on a Mac.
    (copy / "checkpoint").unlink()
    (copy / "._model.index").write_bytes(b"Mac OS X")
    assert load_spleeter(copy, **TINY).variant == "2stems"


def test_command(stemzoo, written, tmp_path, monkeypatch):
    actual = spleeter_preset.load_spleeter
    monkeypatch.setattr(
        spleeter_preset, "load_spleeter", lambda *given, **more: actual(*given, **TINY, **more)
    )
    preset = tmp_path / "new" / "spleeter"
    command = ("import", "spleeter", written, "--variant", "2stems-16kHz", "-o")
    code, out, err = stemzoo(*command, preset, "--mask-extension", "average")
    assert (code, err) == (0, "")
    assert out.startswith("52 variables, error at most ") and out.endswith(f"the peak: {preset}\n")
    names = ["README.md", "config.json", "metadata.json", "model.weights.h5", "parity.json"]
    assert sorted(path.name for path in preset.iterdir()) == names
    facts = json.loads((preset / "metadata.json").read_text())
    assert (facts["licence"], facts["variant"]) == ("MIT", "2stems-16kHz")
    assert facts["checkpoint"] == "2stems/model" and "published_scores" not in facts
    card = (preset / "README.md").read_text()
    assert "Licence of the weights: MIT. Copyright (c) 2019-present, Deezer SA." in card
    assert "Above, a stem gets its mean share" in card and "none is known" in card
    assert load_preset(preset).mask_extension == "average"

    kept = (preset / "metadata.json").stat().st_mtime_ns
    code, out, err = stemzoo(*command[:3], "--variant", "5stems", "-o", preset)
    assert (code, out) == (2, "") and "holds networks for 2 stems, 5stems has 5" in err
    assert err.count("\n") == 1 and (preset / "metadata.json").stat().st_mtime_ns == kept
    code, out, err = stemzoo(*command, written)
    assert (code, out) == (2, "") and "2stems: exists and is not a preset" in err

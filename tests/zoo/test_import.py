"""Checkpoints of TensorFlow 1 programs, and the Wave-U-Net's outputs against its authors'."""

import json
import shutil

import keras
import numpy as np
import pytest

from zoo import InputError, WaveUNet, load_model, separate_as_published
from zoo.checkpoints.tensorflow1 import Checkpoint
from zoo.checkpoints.wave_unet import load_wave_unet, variables_by_name

from .original_wave_unet import (
    PUBLISHED,
    REDUCED,
    SMALL,
    arguments,
    arrays,
    weights,
    write_checkpoint,
)
from .original_weights import weight

INDEX, DATA = "model-123.index", "model-123.data-00000-of-00001"


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A folder with a checkpoint of the reduced M1."""
    return write_checkpoint(tmp_path_factory.mktemp("m1") / "model-123", weights("m1")).parent


@pytest.fixture
def copy(written, tmp_path):
    """The same, to be damaged."""
    return shutil.copytree(written, tmp_path / "copy")


@pytest.mark.parametrize("name", ["m1", "m2", "m3", "m4", "m5", "m6"])
def test_outputs_are_the_original_programs(name, tmp_path):
    write_checkpoint(tmp_path / "model-123", weights(name))
    network = load_wave_unet(tmp_path, name.upper(), **SMALL)
    assert {k: getattr(network, k) for k in SMALL} == SMALL
    expected = arrays(name)
    mixture = expected.pop("mix_int8")
    outputs = network(mixture)
    assert list(outputs) == list(network.sources) and set(outputs) == set(expected)
    for source, stem in outputs.items():
        peak = np.abs(expected[source]).max()
        assert stem.shape == expected[source].shape
        assert np.abs(stem - expected[source]).max() <= 1e-5 * peak, source


@pytest.mark.parametrize("name", REDUCED)
def test_arguments_of_the_variant_are_the_programs_settings(name):
    wanted = arguments(REDUCED[name]["config"])
    network = WaveUNet(name[:2].upper(), **SMALL)
    assert {k: getattr(network, k) for k in wanted} == {
        **wanted,
        "sources": tuple(wanted["sources"]),
    }


def test_whole_tracks_are_the_original_programs(written):
    network = load_wave_unet(written, "M1", **SMALL)
    fixture = arrays("m1-track")
    tracks = [key for key in fixture if "/" not in key]
    assert sorted(tracks) == ["n1500_ch2", "n2500_ch1", "n3072_ch2", "n5000_ch2"]
    for track in tracks:
        stems = separate_as_published(network, fixture[track])
        for source, stem in stems.items():
            expected = fixture[f"{track}/{source}"]
            assert stem.dtype == "float32" and stem.shape == expected.shape
            assert np.abs(stem - expected).max() <= 1e-5, (track, source)


@pytest.mark.parametrize("downsampling", ["decimate", "max_pool"])
@pytest.mark.parametrize(
    ("samples", "starts"), [(1, [0]), (53, [0]), (54, [0, 1]), (106, [0, 53]), (150, [0, 53, 97])]
)
def test_published_windows_of_a_context_network(samples, starts, downsampling):
    keras.utils.set_random_seed(0)
    network = WaveUNet(
        "M4", levels=2, initial_filters=2, segment_samples=50, downsampling=downsampling
    )
    given = network.input_samples(50)
    made = network.output_samples(given)
    waveform = np.random.default_rng(0).uniform(-1, 1, (samples, 1)).astype("float32")
    stems = separate_as_published(network, waveform)
    assert made == 53 and all(stem.shape == (samples, 2) for stem in stems.values())
    track = np.pad(waveform.repeat(2, 1), ((given, given), (0, 0)))
    for start, following in zip(starts, [*starts[1:], samples], strict=True):
        first = given + start - (given - made) // 2
        for source, stem in network(track[None, first : first + given]).items():
            part = stems[source][start:following]
            assert np.abs(part - stem[0, : len(part)]).max() <= 1e-6


def test_published_loop_refuses_what_it_cannot_separate():
    network = WaveUNet("M4", levels=1, initial_filters=1)
    with pytest.raises(ValueError, match=r"Received: waveform.shape=\(100, 3\)"):
        separate_as_published(network, np.zeros((100, 3)))
    for shape in ((100,), (0, 2)):
        with pytest.raises(ValueError, match="one sample or more"):
            separate_as_published(network, np.zeros(shape))


@pytest.mark.parametrize("name", PUBLISHED)
def test_names_and_shapes_of_all_published_configurations(name):
    network = WaveUNet(**arguments(PUBLISHED[name]["config"]))
    variables = {n: list(v.shape) for n, v in variables_by_name(network).items()}
    assert list(variables.items()) == [tuple(pair) for pair in PUBLISHED[name]["variables"]]
    assert len(variables) == len(network.weights)
    assert network.count_params() == PUBLISHED[name]["n_params"]


def test_every_way_to_name_a_checkpoint(copy):
    value = weight("separator/conv1d/bias", (8,))
    (copy / "model-123.meta").write_bytes(b"graph")
    for path in (copy, copy / "model-123", *copy.iterdir(), str(copy / INDEX)):
        checkpoint = Checkpoint(path)
        assert checkpoint.path == copy / "model-123"
        assert np.array_equal(checkpoint.read("separator/conv1d/bias"), value)
    assert checkpoint.shapes["global_step"] == ()
    assert checkpoint.read("global_step") == 123_000


@pytest.mark.parametrize(
    "latest", ["model-123", "/home/anna/run 1/model-123", "C:\\\\run\\\\model-123"]
)
def test_the_latest_of_several(copy, latest):
    for path in (copy / INDEX, copy / DATA):
        shutil.copy(path, path.with_name(path.name.replace("123", "99")))
    with pytest.raises(InputError, match="several checkpoints; name one of model-123, model-99"):
        Checkpoint(copy)
    (copy / "checkpoint").write_text(f'model_checkpoint_path: "{latest}"\n')
    assert Checkpoint(copy).path == copy / "model-123"
    (copy / "checkpoint").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="several checkpoints"):
        Checkpoint(copy)


def damage(kind, folder):
    index, data = folder / INDEX, folder / DATA
    if kind == "text":
        index.write_text("hello " * 100)
    elif kind == "empty":
        index.write_bytes(b"")
    elif kind == "cut index":
        index.write_bytes(index.read_bytes()[:300])
    elif kind == "no shard":
        data.unlink()
    elif kind == "cut shard":
        data.write_bytes(data.read_bytes()[:1000])
    elif kind == "overwritten shard":
        data.write_bytes(bytes(data.stat().st_size))
    elif kind == "no index":
        index.unlink()


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("text", f"{INDEX}: not a TensorFlow checkpoint, or damaged"),
        ("empty", f"{INDEX}: not a TensorFlow checkpoint, or damaged"),
        ("cut index", f"{INDEX}: not a TensorFlow checkpoint, or damaged"),
        ("no shard", f"model-123: cannot read separator/conv1d/kernel: .*{DATA}"),
        ("cut shard", "model-123: cannot read separator/conv1d/bias"),
        ("overwritten shard", "model-123: cannot read separator/conv1d/kernel: .*Checksum"),
        ("no index", "model-123: no such checkpoint: there is no .*model-123.index"),
    ],
)
def test_damaged_checkpoints_are_refused_in_one_line(kind, message, copy):
    damage(kind, copy)
    with pytest.raises(InputError, match=message) as caught:
        load_wave_unet(copy / "model-123", "M1", **SMALL)
    assert "\n" not in str(caught.value)


def test_paths_without_a_checkpoint(tmp_path):
    (tmp_path / "notes.txt").write_text("no checkpoint")
    with pytest.raises(InputError, match="notes.txt: not a checkpoint of TensorFlow 1"):
        Checkpoint(tmp_path / "notes.txt")
    with pytest.raises(InputError, match="holds no TensorFlow checkpoint"):
        Checkpoint(tmp_path)
    with pytest.raises(InputError, match="absent/model: no such checkpoint"):
        Checkpoint(tmp_path / "absent" / "model")


@pytest.mark.parametrize(
    ("variant", "changed", "message"),
    [
        (
            "M4",
            {},
            r"conv1d/kernel has the shape \(15, 1, 8\), in the network it is \(15, 2, 8\)",
        ),
        (
            "M1",
            {"levels": 4},
            r"conv1d_5/kernel has the shape \(15, 40, 48\), in the network it is \(5, 72, 32\)",
        ),
        (
            "M1",
            {"upsampling": "learned"},
            r"has no separator/interp_0, which the network has with shape \(48,\)",
        ),
        ("M2", {}, r"has separator/conv1d_12/bias with shape \(1,\), which the network lacks"),
        ("M9", {}, "WaveUNet: variant must be one of M1, .*Received: variant='M9'"),
        ("M1", {"level": 3}, "level: unknown argument of WaveUNet; known are sample_rate, "),
        ("M1", {"levels": "five"}, "an argument is of a wrong type: {'levels': 'five', "),
        ("M1", {"levels": 0}, "levels must be positive. Received: levels=0"),
        ("M1", {"downsampling": "strided"}, "the authors' program has only 'decimate'"),
        ("M1", {"scales": 2}, "scales=2: the authors' program has only 1"),
    ],
)
def test_a_checkpoint_that_does_not_fit_is_refused(variant, changed, message, written):
    with pytest.raises(InputError, match=message) as caught:
        load_wave_unet(written, variant, **{**SMALL, **changed})
    assert "\n" not in str(caught.value)


def test_values_that_are_not_finite_are_refused(tmp_path):
    spoilt = weights("m1")
    spoilt["separator/conv1d_7/bias"][3] = np.nan
    write_checkpoint(tmp_path / "model-123", spoilt)
    with pytest.raises(InputError, match="separator/conv1d_7/bias holds values that are not fin"):
        load_wave_unet(tmp_path, "M1", **SMALL)


def test_command(stemzoo, tmp_path):
    prefix = write_checkpoint(tmp_path / "run" / "full-44-9", weights("m5"))
    settings = [part for k, v in SMALL.items() for part in ("--set", f"{k}={v}")]
    command = ("import", "wave-unet", prefix, "--variant", "M5-HighSR", *settings)
    code, out, err = stemzoo(*command, "-o", tmp_path / "new" / "preset")
    assert (code, out, err) == (0, f"{tmp_path / 'new' / 'preset'}\n", "")
    network = load_model(tmp_path / "new" / "preset")
    assert (network.variant, network.sample_rate, network.levels) == ("M5-HighSR", 44100, 5)
    facts = json.loads((tmp_path / "new" / "preset" / "metadata.json").read_text())
    assert facts["class"] == "WaveUNet" and facts["variant"] == "M5-HighSR"
    assert "full-44-9, a checkpoint of the Wave-U-Net authors'" in facts["origin"]
    expected = arrays("m5")
    for source, stem in network(expected.pop("mix_int8")).items():
        assert np.abs(stem - expected[source]).max() <= 1e-5

    code, out, err = stemzoo(*command, "-o", tmp_path / "run")
    assert (code, out) == (2, "") and "exists and is not a preset" in err
    code, out, err = stemzoo(*command, "--set", "levels", "-o", tmp_path / "other")
    assert (code, err) == (2, "stemzoo: levels: is not of the form argument=value\n")
    code, out, err = stemzoo(*command, "--set", "levels=6", "-o", tmp_path / "other")
    assert (code, out) == (2, "") and "in the network it is (15, 48, 56)" in err
    assert err.startswith(f"stemzoo: {prefix}: separator/conv1d_6/kernel has the shape (5, 88, 40)")
    assert err.count("\n") == 1 and not (tmp_path / "other").exists()

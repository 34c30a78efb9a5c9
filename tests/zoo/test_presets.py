"""Presets: written whole, found by name or folder, refused when damaged."""

import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

import zoo
from zoo import InputError, JanssonUNet, Separator
from zoo.model_facts import model_facts
from zoo.preset_files import preset_metadata
from zoo.presets import load_model, load_preset

from .conftest import TINY, noise, tiny_network


@pytest.mark.parametrize("half_precision", [False, True])
def test_a_preset_holds_model_and_front_end(tmp_path, half_precision):
    network = tiny_network()
    network.save_to_preset(
        tmp_path / "p", metadata={"licence": "MIT"}, card="# p\n", half_precision=half_precision
    )
    loaded = JanssonUNet.from_preset(tmp_path / "p")
    assert loaded.front_end == TINY
    assert all(weight.dtype == "float32" for weight in loaded.get_weights())
    tolerance = 5e-4 if half_precision else 0
    for expected, actual in zip(network.get_weights(), loaded.get_weights(), strict=True):
        assert np.allclose(actual, expected, rtol=tolerance, atol=1e-6 * half_precision)
    facts = preset_metadata(tmp_path / "p")
    assert facts["licence"] == "MIT" and facts["class"] == "JanssonUNet"
    assert facts["parameters"] == network.count_params()
    assert {path.name for path in (tmp_path / "p").iterdir()} == {
        "config.json",
        "metadata.json",
        "model.weights.h5",
        "README.md",
    }


def test_half_precision_halves_the_file_and_keeps_what_does_not_fit(tmp_path):
    network = JanssonUNet(filters=(16, 32, 64), front_end=TINY)
    network.save_to_preset(tmp_path / "single")
    network.get_layer("encoder_1_norm").moving_variance.assign(np.full(16, 1e6))
    network.save_to_preset(tmp_path / "half", half_precision=True)
    sizes = {n: (tmp_path / n / "model.weights.h5").stat().st_size for n in ("single", "half")}
    assert sizes["half"] < 0.65 * sizes["single"]
    loaded = load_preset(tmp_path / "half")
    assert np.all(np.asarray(loaded.get_layer("encoder_1_norm").moving_variance) == 1e6)


def test_a_separator_from_a_network_s_preset_or_its_own(tmp_path, separator, preset):
    network = tiny_network()
    network.save_to_preset(tmp_path / "network")
    mixture = noise(1, 3000, 2)
    expected = np.asarray(separator(mixture)["vocals"])
    for folder in (tmp_path / "network", preset):
        loaded = Separator.from_preset(folder)
        assert np.abs(np.asarray(loaded(mixture)["vocals"]) - expected).max() < 1e-6
    with pytest.raises(InputError, match="holds a Separator, not a JanssonUNet"):
        JanssonUNet.from_preset(preset)


def test_shipped_presets_load_by_name():
    names = zoo.list_presets()
    assert "jansson_unet_vocals" in names
    for name in names:
        facts = preset_metadata(name)
        model = load_preset(name)
        assert facts["licence"] and facts["trained_on"]
        now = model_facts(model)
        for figure in ("class", "parameters", "input", "multiply_adds_per_second"):
            assert facts[figure] == now[figure]


def test_unknown_presets_name_the_known_ones(tmp_path):
    with pytest.raises(InputError, match="nonsense: .*jansson_unet_vocals"):
        load_preset("nonsense")
    with pytest.raises(InputError, match="not a preset folder"):
        load_preset(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "garbage"])
def test_damaged_presets_are_named(tmp_path, preset, name, damage):
    folder = tmp_path / "damaged"
    folder.mkdir()
    for file in preset.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    file = folder / name
    if damage == "missing":
        file.unlink()
    else:
        content = file.read_bytes()
        file.write_bytes(content[: len(content) // 2] if damage == "truncated" else b"garbage")
    with pytest.raises(InputError) as caught:
        load_preset(folder)
    assert str(folder) in str(caught.value) and "\n" not in str(caught.value)


def test_weights_of_another_model_are_refused(tmp_path, preset):
    folder = tmp_path / "other"
    JanssonUNet(filters=(5, 6), front_end=TINY).save_to_preset(folder)
    weights = (preset / "model.weights.h5").read_bytes()
    (folder / "model.weights.h5").write_bytes(weights)
    with pytest.raises(InputError, match=r"model.weights.h5: does not fit"):
        load_preset(folder)


def test_other_folders_are_never_replaced(tmp_path, separator):
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "song.wav").write_bytes(b"x")
    with pytest.raises(InputError, match="exists and is not a preset"):
        separator.save_to_preset(precious)
    assert [path.name for path in precious.iterdir()] == ["song.wav"]
    with pytest.raises(InputError, match="is a file"):
        separator.save_to_preset(precious / "song.wav")


def test_folders_that_cannot_be_written_are_named(tmp_path, separator):
    (tmp_path / "file").write_text("")
    for folder, problem in (("/proc/p", "written: no such"), (tmp_path / "file" / "p", "created")):
        with pytest.raises(InputError, match=f"cannot be {problem}"):
            separator.save_to_preset(folder)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failed_save_leaves_the_old_preset(tmp_path, monkeypatch):
    tiny_network().save_to_preset(tmp_path / "p", card="old")
    monkeypatch.setattr("zoo.presets._store_half_precision", lambda path: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        tiny_network(1).save_to_preset(tmp_path / "p", card="new", half_precision=True)
    assert (tmp_path / "p" / "README.md").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["p"]


def test_keras_files_load_in_safe_mode(tmp_path, separator):
    separator.save(tmp_path / "model.keras")
    assert load_model(tmp_path / "model.keras").stems == separator.stems
    code = keras.Sequential([keras.Input((1,)), keras.layers.Lambda(lambda x: x + 1)])
    code.save(tmp_path / "code.keras")
    with pytest.raises(InputError, match=r"code.keras: not a loadable"):
        load_model(tmp_path / "code.keras")
    (tmp_path / "text.keras").write_text("hello")
    with pytest.raises(InputError, match=r"text.keras: not a loadable"):
        load_model(tmp_path / "text.keras")
    with pytest.raises(InputError, match="no such file"):
        load_model(tmp_path / "absent.keras")


def test_nothing_in_a_preset_is_code(preset):
    assert not zipfile.is_zipfile(preset / "model.weights.h5")
    assert h5py.is_hdf5(preset / "model.weights.h5")
    assert json.loads((preset / "config.json").read_text())["class_name"] == "Separator"


def test_what_a_model_was_compiled_with_is_left_out(tmp_path):
    network = tiny_network()
    network.save_to_preset(tmp_path / "new")
    network.get_layer("encoder_1_conv").trainable = False
    network.compile("adam", "mean_squared_error", jit_compile=False)
    mixture = np.random.default_rng(0).uniform(size=(2, *TINY.network_shape))
    network.fit(mixture, mixture / 2, verbose=0)
    network.save_to_preset(tmp_path / "trained")
    new, trained = (tmp_path / name / "model.weights.h5" for name in ("new", "trained"))
    assert trained.stat().st_size < 1.1 * new.stat().st_size
    loaded = load_preset(tmp_path / "trained")
    assert network.compiled and not loaded.compiled
    for expected, actual in zip(network.get_weights(), loaded.get_weights(), strict=True):
        assert np.array_equal(actual, expected)

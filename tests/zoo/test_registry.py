"""The registry: its figures are those of the models it names, and it needs no Keras."""

import json
import subprocess
import sys

import keras
import pytest

import zoo
from training.models import build_model
from training.recipe import load_recipe
from zoo import Separator
from zoo.architectures import ARCHITECTURES
from zoo.model_facts import model_facts
from zoo.multiply_adds import multiply_adds, multiply_adds_per_second
from zoo.registry import KINDS
from zoo.settings import parse_setting

from .conftest import TINY, tiny_network, tiny_wave_unet

FIGURES = (
    "class",
    "parameters",
    "input",
    "sample_rate",
    "multiply_adds_per_second",
    "multiply_adds_per_pixel",
)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_figures_are_those_of_the_model(name):
    # Full size, but no weight gets memory, now or when another scope ends.
    with keras.StatelessScope(initialize_variables=False):
        model = zoo.create_model(name)
        facts = model_facts(model)
        separates = facts.get("stems") or hasattr(model, "mask")
        stems = Separator(model).stems if separates else ()
    keras.utils.clear_session(free_memory=False)
    listed = zoo.model_info(name)
    assert {key: facts.get(key) for key in FIGURES} == {key: listed.get(key) for key in FIGURES}
    assert set(listed["stems"]) == set(stems)
    assert listed["size"] == 4 * facts["parameters"]


@pytest.mark.parametrize("name", [name for name, known in ARCHITECTURES.items() if known.training])
def test_recipes_train_the_architecture(name):
    known = ARCHITECTURES[name]
    recipe, *settings = known.training.replace(" --set", "").split()
    model = load_recipe(recipe, overrides=dict(map(parse_setting, settings))).model
    assert model.network == known.network
    for argument in ("variant", "upsampling"):
        assert model.arguments.get(argument) == known.arguments.get(argument)
    with keras.StatelessScope(initialize_variables=False):
        parameters = build_model(model).count_params()
    # Of the course's autoencoder there is a recipe in another size only.
    assert (parameters == known.parameters) == (name != "conv_autoencoder")
    keras.utils.clear_session(free_memory=False)


@pytest.mark.parametrize(
    "name", sorted({known.fine_tuning for known in ARCHITECTURES.values()} - {None})
)
def test_recipes_fine_tune_a_preset(name):
    assert load_recipe(name.split()[0]).model.start


def test_names_are_told_apart_by_more_than_case():
    names = [*ARCHITECTURES, *zoo.list_presets()]
    assert len({name.lower() for name in names}) == len(names)


def test_multiply_adds_by_hand():
    x = keras.Input((8, 6, 2))
    y = keras.layers.Conv2D(3, (5, 1), strides=2, padding="same")(x)  # (4, 3, 3)
    y = keras.layers.BatchNormalization()(y)
    y = keras.layers.Conv2DTranspose(4, 2, strides=2)(y)  # (8, 6, 4)
    y = keras.layers.Conv2D(5, 3, dilation_rate=2, use_bias=False)(y)  # (4, 2, 5)
    y = keras.layers.Dense(7)(keras.layers.Flatten()(y))
    convolution = 4 * 3 * 3 * (5 * 1 * 2)
    transposed = 4 * 3 * 3 * (2 * 2 * 4)
    dilated = 4 * 2 * 5 * (3 * 3 * 4)
    dense = 40 * 7
    counted = multiply_adds(keras.Model(x, y), (10, 8, 6, 2))
    assert counted == 10 * (convolution + transposed + dilated + dense)


def test_cost_of_a_second_by_hand():
    network = tiny_network()
    # 64 bins and 16 frames, halved twice; 5x5 taps; widths 3 and 4.
    sizes = [64 * 16 // 4 * 1 * 3, 64 * 16 // 16 * 3 * 4, 64 * 16 // 16 * 4 * 3]
    sizes.append(64 * 16 // 4 * (3 + 3) * 1)
    seconds = 16 * TINY.frame_step / TINY.sample_rate
    assert multiply_adds_per_second(network) == round(sum(sizes) * 25 / seconds)
    pair = Separator({"vocals": network, "drums": tiny_network(1)})
    assert multiply_adds_per_second(pair) == 2 * multiply_adds_per_second(network)


def test_context_costs_nothing_in_the_long_run():
    costs = {v: multiply_adds_per_second(tiny_wave_unet(v)) for v in ("M2", "M3")}
    assert costs["M2"] == costs["M3"]
    same = tiny_wave_unet("M2")
    assert costs["M2"] == round(multiply_adds(same, (1, 64, 1)) / 64 * same.sample_rate)


def test_lists_need_no_keras():
    code = (
        "import sys, zoo\n"
        "names = zoo.list_models()\n"
        "assert len(names) > 20 and all(zoo.model_info(name) for name in names)\n"
        "print(sorted({'keras', 'numpy', 'rich'} & set(sys.modules)))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "[]\n"


def test_lists_are_chosen_by_pattern_kind_and_stems():
    everything = zoo.list_models()
    assert everything == sorted([*ARCHITECTURES, *zoo.list_presets()])
    assert sum((zoo.list_models(kind=kind) for kind in KINDS), []) == [
        *sorted(ARCHITECTURES),
        *zoo.list_presets(),
    ]
    assert zoo.list_models("Wave_UNet_M?") == [f"wave_unet_m{n}" for n in range(1, 8)]
    assert zoo.list_models(["unet", "*_fsdd"]) == ["autoencoder_fsdd", "unet", "vae_fsdd"]
    assert zoo.list_models("wave*", stems=["drums", "vocals"]) == ["wave_unet_m6"]
    assert zoo.list_models("nonsense*") == []
    with pytest.raises(ValueError, match="Received: kind='network'"):
        zoo.list_models(kind="network")


def test_shipped_presets_say_all_that_is_listed():
    for name in zoo.list_presets():
        facts = zoo.model_info(name)
        assert facts["licence"] and facts["trained_on"] and facts["input"]
        assert facts["sample_rate"] >= 8000
        assert facts["multiply_adds_per_second"] > 1e6 and facts["size"] < 20e6


def test_models_are_created_by_name(preset):
    network = zoo.create_model("spleeter_2stems", filters=(2, 3), stems=("vocals", "piano"))
    assert isinstance(network, zoo.SpleeterUNet) and network.stems == ("vocals", "piano")
    assert zoo.create_model("unet_vocals", features=(2, 3)).front_end == zoo.FrontEnd()
    assert zoo.create_model(preset).stems == ("vocals", "accompaniment")
    with pytest.raises(ValueError, match=r"fit its own .* Received: filters=\(2,\)"):
        zoo.create_model("jansson_unet_vocals", filters=(2,))
    for unknown in ("nonsense", preset.parent / "absent"):
        with pytest.raises(zoo.InputError, match=f"{unknown}: no architecture, preset"):
            zoo.create_model(unknown)


def rows(text):
    """First line of each model: what stands in its columns."""
    lines = (line.split() for line in text.splitlines() if line[:1].strip())
    return {line[0]: line[1:] for line in lines}


def test_the_command_lists_everything_in_80_columns(stemzoo):
    code, out, err = stemzoo("models")
    assert (code, err) == (0, "") and max(map(len, out.splitlines())) <= 80
    listed = rows(out)
    assert set(listed) == {"preset", "architecture", *zoo.list_models()}
    size = zoo.model_info("jansson_unet_vocals")["size"] / 1e6
    assert listed["jansson_unet_vocals"] == [
        *("2,458,761", f"{size:.3g}", "MB", "24.2", "MMAC/s", "8,192", "Hz", "CC-BY-SA-4.0")
    ]
    assert listed["spleeter_4stems"][-3:] == ["44,100", "Hz", "MIT"]
    assert listed["unet"] == ["31,048,257", "124", "MB", "734", "kMAC/px"]
    assert "magnitude, 512 frames x 1536 bins, stereo -> vocals, accompaniment" in out
    assert "latent, 64 values -> 0, 1, 2," in out


def test_the_command_filters(stemzoo, preset):
    chosen = ["wave*", "spleeter*", "--stems", "drums, bass", "--kind", "architecture"]
    code, out, _ = stemzoo("models", *chosen, "--json")
    facts = json.loads(out)
    assert code == 0 and list(facts)[0] == "wave_unet_m6" and len(facts) == 5
    assert facts["spleeter_5stems"]["weights"]["licence"] == "MIT"
    assert facts["spleeter_5stems"]["arguments"] == {"variant": "5stems"}
    code, out, _ = stemzoo("models", "jansson*", "--json")
    assert json.loads(out)["jansson_unet_vocals"]["front_end"]["sample_rate"] == 8192
    code, out, _ = stemzoo("models", preset, "vae*")
    assert list(rows(out)) == ["preset", str(preset), "vae_fsdd"]
    assert rows(out)[str(preset)][-2:] == ["not", "stated"]


def test_a_single_model_is_told_in_full(stemzoo):
    _, out, _ = stemzoo("models", "wave_unet_m4")
    for text in (
        "class: zoo.WaveUNet",
        "arxiv.org/abs/1806.03185",
        "stemzoo import wave-unet PATH --variant M4",
        "stemzoo train wave_unet_m4",
    ):
        assert text in out
    _, out, _ = stemzoo("models", "jansson_unet_vocals")
    assert f"trained on: {zoo.model_info('jansson_unet_vocals')['trained_on']}" in out


@pytest.mark.parametrize(
    "arguments,problem",
    [
        (["nonsense*"], "nonsense*: no model matches; `stemzoo models` lists them all"),
        (["vae*", "nonsense*"], "nonsense*: no model matches; `stemzoo models` lists them all"),
        (["unet*", "--stems", "harp"], "unet*: no model of that name fits --stems harp"),
        (
            ["vae*", "--kind", "architecture", "--stems", "a,b"],
            "vae*: no model of that name fits --kind architecture --stems a,b",
        ),
        (["."], ".: not a preset folder, it has no config.json"),
    ],
)
def test_mistakes_are_one_line(stemzoo, tmp_path, monkeypatch, arguments, problem):
    monkeypatch.chdir(tmp_path)
    assert stemzoo("models", *arguments) == (2, "", f"stemzoo: {problem}\n")


def test_a_preset_without_metadata_is_listed(stemzoo, preset, tmp_path):
    folder = tmp_path / "bare"
    folder.mkdir()
    (folder / "config.json").write_bytes((preset / "config.json").read_bytes())
    _, out, _ = stemzoo("models", folder)
    assert rows(out)[str(folder)] == ["?", "?", "?", "not", "stated"]
    (folder / "metadata.json").write_text("[]")
    code, _, err = stemzoo("models", folder)
    assert code == 2 and err.startswith(f"stemzoo: {folder / 'metadata.json'}: must hold an object")

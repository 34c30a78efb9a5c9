import re
from pathlib import Path

import pytest

from training.models import build_model
from training.recipe import list_recipes, load_recipe, parse_override
from zoo.errors import InputError

RECIPE = """
[model]
network = "JanssonUNet"
filters = [2, 4]

[training]
epochs = 3
"""


@pytest.mark.parametrize("name", list_recipes())
def test_shipped_recipes_are_valid(name):
    recipe = load_recipe(name)
    assert recipe.training.epochs > 0
    assert recipe.settings()["training"]["loss"] == recipe.training.loss


def test_the_papers_recipe_is_the_papers():
    recipe = load_recipe("jansson_unet")
    assert recipe.training.loss == "mean_absolute_error"
    assert recipe.remix is None
    model = build_model(recipe.model, recipe.front_end)
    assert model.count_params() == 9_826_321
    assert model.front_end.sample_rate == 8192


@pytest.mark.parametrize(
    ("name", "sources", "rate", "parameters"),
    [
        ("wave_unet_m1", ["accompaniment", "vocals"], 22050, 10_263_028),
        ("wave_unet_m2", ["accompaniment", "vocals"], 22050, 10_263_002),
        ("wave_unet_m3", ["accompaniment", "vocals"], 22050, 10_263_002),
        ("wave_unet_m4", ["accompaniment", "vocals"], 22050, 10_263_390),
        ("wave_unet_m5", ["accompaniment", "vocals"], 22050, 10_265_550),
        ("wave_unet_m5_highsr", ["accompaniment", "vocals"], 44100, 10_265_550),
        ("wave_unet_m6", ["bass", "drums", "other", "vocals"], 22050, 10_263_498),
        ("wave_unet_m7", ["accompaniment", "vocals"], 8192, 20_594_652),
    ],
)
def test_the_wave_unet_papers_recipes_are_the_papers(name, sources, rate, parameters):
    recipe = load_recipe(name)
    (first, songs), (second, songs_again) = recipe.stages()
    assert first.loss == second.loss == "mean_squared_error"
    assert (first.learning_rate, second.learning_rate) == (1e-4, 1e-5)
    assert first.stop_patience == second.stop_patience == 20
    assert (songs.batch_size, songs_again.batch_size) == (16, 32)
    assert songs.steps_per_epoch == songs_again.steps_per_epoch == 2000
    assert round(100 * songs.validation_share) == 25
    assert (recipe.source_gains.low, recipe.source_gains.high) == (0.7, 1.0)
    model = build_model(recipe.model, recipe.front_end)
    assert list(model.sources) == sources
    assert (model.sample_rate, model.count_params()) == (rate, parameters)


@pytest.mark.parametrize("corpus", ["ikala", "medleydb", "musdb18"])
def test_recipes_for_each_corpus_are_the_papers(corpus):
    paper, ours = (
        load_recipe(name).settings() for name in ("jansson_unet", f"jansson_unet_{corpus}")
    )
    for table in ("model", "front_end", "training", "remix", "augment"):
        assert ours[table] == paper[table]
    assert ours["data"]["stems"] == ["vocals"]


AUGMENTED = """
[[augment]]
transform = "gain"
probability = 0.5
gain_db = [-6, 3]
stems = ["vocals"]

[[augment]]
transform = "low_pass"
cutoff_hz = [1000.0, 8000.0]

[offline]
copies = 2
"""


def test_augmentation_is_read_in_its_order(write_recipe):
    recipe = load_recipe(write_recipe(RECIPE + AUGMENTED))
    gain, low_pass = recipe.augment
    assert (gain.name, gain.probability, gain.gain_db) == ("gain", 0.5, (-6.0, 3.0))
    assert gain.stems == ("vocals",)
    assert (low_pass.name, low_pass.cutoff_hz) == ("low_pass", (1000.0, 8000.0))
    assert recipe.offline.copies == 2
    plain = load_recipe(write_recipe(RECIPE))
    assert plain.augment == ()
    assert plain.offline is None


def test_augmentation_belongs_to_a_run(write_recipe):
    plain = load_recipe(write_recipe(RECIPE))
    recipe = load_recipe(write_recipe(RECIPE + AUGMENTED))
    settings = recipe.settings()
    assert settings["augment"][0]["transform"] == "gain"
    assert settings["offline"]["semitones"] == [-2.0, 2.0]
    assert recipe.difference(settings) is None
    assert plain.difference(settings)[0] in ("augment", "offline")
    assert recipe.difference(plain.settings())[0] in ("augment", "offline")
    older = {table: values for table, values in plain.settings().items() if table != "augment"}
    assert plain.difference(older) is None
    del settings["augment"][0]["together"]
    assert recipe.difference(settings) is None
    settings["augment"][0]["probability"] = 0.4
    assert recipe.difference(settings)[0] == "augment"


def test_single_transforms_cannot_be_set_from_outside(write_recipe):
    path = write_recipe(RECIPE + AUGMENTED)
    with pytest.raises(
        InputError, match=r"augment.probability: .* write a recipe that extends mine"
    ):
        load_recipe(path, overrides={"augment.probability": 0.1})
    assert load_recipe(path, overrides={"offline.copies": 3}).offline.copies == 3


def test_a_recipe_extends_others(write_recipe, tmp_path):
    write_recipe(
        RECIPE + "[remix]\ncoherent = 0.5\n[data]\nstems = ['vocals', 'drums']" + AUGMENTED
    )
    (tmp_path / "sub").mkdir()
    middle = tmp_path / "sub" / "middle.toml"
    middle.write_text("extends = '../mine.toml'\n[training]\nlearning_rate = 3e-4\n")
    last = tmp_path / "sub" / "last.toml"
    last.write_text(
        "extends = 'middle.toml'\nremix = false\n[source_gains]\nlow = 0.5\n"
        "[data]\nstems = ['bass']\n[[augment]]\ntransform = 'polarity'\n"
    )
    recipe = load_recipe(last)
    assert recipe.name == "last"
    assert (recipe.training.epochs, recipe.training.learning_rate) == (3, 3e-4)
    assert recipe.model.arguments == {"filters": [2, 4]}
    assert recipe.remix is None
    assert recipe.source_gains.low == 0.5
    assert recipe.data.stems == ["bass"]
    assert [transform.name for transform in recipe.augment] == ["polarity"]
    assert recipe.offline.copies == 2


def test_a_run_is_repeated_from_the_text_of_an_extended_recipe(write_recipe, tmp_path):
    write_recipe(RECIPE + AUGMENTED)
    child = tmp_path / "child.toml"
    child.write_text("extends = 'mine.toml'\n[data]\nmaterial = 'Ton \\\\ \"\u00e4\"'\n")
    recipe = load_recipe(child)
    assert recipe.text.startswith("# The tables of child, which extends mine.\n")
    (tmp_path / "elsewhere").mkdir()
    again = tmp_path / "elsewhere" / "recipe.toml"
    again.write_text(recipe.text, "utf-8")
    assert load_recipe(again).settings() == recipe.settings()
    assert load_recipe(write_recipe(RECIPE)).text == RECIPE


def test_a_file_may_extend_the_shipped_recipe_of_its_name(tmp_path):
    path = tmp_path / "wave_unet_m4.toml"
    path.write_text("extends = 'wave_unet_m4'\n[data]\nbatch_size = 4\n")
    recipe = load_recipe(path)
    assert recipe.data.batch_size == 4
    assert recipe.model.arguments == {"variant": "M4"}
    assert "wave_unet_m4, which extends wave_unet_m4, which extends wave_unet_m1." in recipe.text


def test_circles_are_refused(write_recipe, tmp_path):
    path = write_recipe("extends = 'other.toml'\n" + RECIPE)
    (tmp_path / "other.toml").write_text("extends = 'mine.toml'")
    with pytest.raises(InputError, match="mine.toml extends other.toml extends mine.toml"):
        load_recipe(path)


@pytest.mark.parametrize("page", ["data.md", "recipes.md", "segmentation.md"])
def test_recipes_in_the_docs_are_valid(page, write_recipe):
    text = (Path(__file__).parents[2] / "docs" / page).read_text("utf-8")
    examples = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert examples
    for example in examples:
        load_recipe(write_recipe(example))


def test_every_recipe_is_in_the_docs():
    text = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text("utf-8")
    assert [name for name in list_recipes() if f"`{name}`" not in text] == []


def test_settings_of_runs_are_compared(write_recipe):
    recipe = load_recipe(write_recipe(RECIPE))
    before = recipe.settings()
    assert recipe.difference(before) is None
    older = {**before, "training": {**before["training"]}}
    del older["training"]["scale_weight"], older["second_stage"]
    assert recipe.difference(older) is None
    before["run"]["threads"], before["data"]["threads"] = 7, 8
    assert recipe.difference(before) is None
    before["training"]["epochs"] = 4
    assert recipe.difference(before) == ("training", "epochs", 3, 4)
    staged = load_recipe(write_recipe(RECIPE), overrides={"second_stage.epochs": 2})
    assert staged.difference(older)[0] == "second_stage"
    assert recipe.difference(staged.settings())[0] == "second_stage"


def test_defaults_and_overrides(write_recipe):
    path = write_recipe(RECIPE)
    recipe = load_recipe(path)
    assert recipe.name == "mine"
    assert recipe.training.epochs == 3
    assert recipe.data.batch_size == 16
    assert recipe.model.arguments == {"filters": [2, 4]}
    changed = load_recipe(path, overrides={"training.epochs": 5, "remix.coherent": 0.5})
    assert changed.training.epochs == 5
    assert changed.remix.coherent == 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[model", "mine.toml: cannot be read as TOML"),
        (RECIPE + "[extra]", "mine.toml: unknown table 'extra'; known are model, front_end"),
        (RECIPE + "epoch = 3", r"mine.toml: \[training\]: unknown key 'epoch'; known are epochs"),
        (RECIPE + "[data]\nbatch = 1", r"\[data\]: unknown key 'batch'"),
        (RECIPE + "[remix]\nshare = 1", r"\[remix\]: unknown key 'share'"),
        (RECIPE + "[front_end]\nhop = 1", r"\[front_end\]: unknown key 'hop'"),
        (RECIPE + "learning_rate = '1e-3'", "learning_rate='1e-3' is not of type float"),
        (RECIPE + "warmup_steps = true", "warmup_steps=True is not of type int"),
        (RECIPE + "loss = 'L3'", r"\[training\]: loss='L3' is none of mean_absolute_error"),
        (RECIPE.replace("= 3", "= 0"), "epochs=0 would train nothing"),
        (RECIPE + "schedule = 'cosine'\nreduce_patience = 2", "reduce_patience needs"),
        (RECIPE + "[remix]\ncoherent = 2.0", "coherent is a share"),
        (RECIPE.replace("filters", "filter"), r"\[model\]: unknown key 'filter'; .*filters"),
        (RECIPE.replace("JanssonUNet", "Separators"), "zoo has no network 'Separators'"),
        ("[model]\n", "name either a network or what to start from"),
        ("[model]\nstart = 'a'\nweights = 'b'", r"\[model\]: weights are for a new network"),
        (RECIPE + "[model.x]\ny = 1", r"\[model\]: unknown key 'x'"),
        (RECIPE + "[second_stage]\nloss = 'x'", r"\[second_stage\]: unknown key 'loss'"),
        (RECIPE + "[second_stage]\nepochs = 0", r"\[second_stage\]: epochs=0 would train"),
        (RECIPE + "[second_stage]\nbatch_size = 0", r"\[second_stage\]: batch_size=0 must be"),
        (RECIPE + "[data]\nsteps_per_epoch = 0", r"\[data\]: steps_per_epoch=0 must be"),
        (RECIPE + "[source_gains]\nlow = 2.0", r"\[source_gains\]: gains go from"),
        (RECIPE + "[source_gains]\nmean = 2.0", r"\[source_gains\]: unknown key 'mean'"),
        (RECIPE + "[source_gains]\n[remix]", r"\[remix\] and \[source_gains\] exclude"),
        (RECIPE + "[augment]\ntransform = 'gain'", r"\[\[augment\]\]: must be an array of tables"),
        (RECIPE + "[[augment]]", r"\[\[augment\]\] 1: transform=None is none of gain, polarity, "),
        (RECIPE + "[[augment]]\ntransform = 'echo'", r"transform='echo' is none of gain"),
        (
            RECIPE + "[[augment]]\ntransform = 'gain'\n[[augment]]\ntransform = 'noise'\nsnr = 3",
            r"\[\[augment\]\] 2, noise: unknown key 'snr'; known are probability, stems",
        ),
        (
            RECIPE + "[[augment]]\ntransform = 'gain'\ngain_db = [3, -3]",
            r"\[\[augment\]\] 1, gain: a range goes from low to high",
        ),
        (RECIPE + "[[augment]]\ntransform = 'gain'\nstems = 'bass'", "stems='bass' is not of type"),
        (RECIPE + "[offline]\ncopies = 0", r"\[offline\]: copies must be at least 1"),
        (RECIPE + "[data]\nkind = 'features'\n[offline]\ncopies = 2", r"\[offline\] is for songs"),
        (RECIPE + "[offline]\nspeed = 2", r"\[offline\]: unknown key 'speed'"),
        ("extends = 3\n" + RECIPE, "mine.toml: extends must be the name or path of a recipe"),
        ("extends = 'nobody'\n" + RECIPE, "mine.toml: extends: nobody: neither a file nor one of"),
        ("extends = 'mine.toml'\n" + RECIPE, "extends in a circle: mine.toml extends mine.toml"),
        ("data = false\n" + RECIPE, r"\[data\]: must be a table"),
        ("model = 3", r"\[model\]: must be a table"),
    ],
)
def test_mistakes_are_named(write_recipe, text, message):
    with pytest.raises(InputError, match=message):
        load_recipe(write_recipe(text))


def test_an_unknown_recipe_lists_the_known():
    with pytest.raises(InputError, match="absent.toml: neither a file nor one of .*jansson_unet"):
        load_recipe("absent.toml")


def test_a_network_that_cannot_be_built_is_a_mistake(write_recipe):
    recipe = load_recipe(write_recipe(RECIPE.replace("[2, 4]", "[]")))
    with pytest.raises(InputError, match="filters must name at least one level"):
        build_model(recipe.model)


def test_overrides_are_toml_or_plain_text():
    assert parse_override("training.epochs=3") == ("training.epochs", 3)
    assert parse_override("data.stems=['vocals', 'drums']")[1] == ["vocals", "drums"]
    assert parse_override("data.material = /some/path") == ("data.material", "/some/path")
    for text in ("epochs=3", "training.epochs", "a.b.c=1"):
        with pytest.raises(InputError, match="not of the form table.key=value"):
            parse_override(text)

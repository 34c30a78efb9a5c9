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


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "mine.toml"
        path.write_text(text)
        return path

    return write


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
        ("wave_unet_m4", ["accompaniment", "vocals"], 22050, 10_263_390),
        ("wave_unet_m5_highsr", ["accompaniment", "vocals"], 44100, 10_265_550),
        ("wave_unet_m6", ["bass", "drums", "other", "vocals"], 22050, 10_263_498),
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


def test_settings_of_runs_are_compared(write):
    recipe = load_recipe(write(RECIPE))
    before = recipe.settings()
    assert recipe.difference(before) is None
    older = {**before, "training": {**before["training"]}}
    del older["training"]["scale_weight"], older["second_stage"]
    assert recipe.difference(older) is None
    before["training"]["epochs"] = 4
    assert recipe.difference(before) == ("training", "epochs", 3, 4)
    staged = load_recipe(write(RECIPE), overrides={"second_stage.epochs": 2})
    assert staged.difference(older)[0] == "second_stage"
    assert recipe.difference(staged.settings())[0] == "second_stage"


def test_defaults_and_overrides(write):
    path = write(RECIPE)
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
        (RECIPE + "[model.x]\ny = 1", r"\[model\]: unknown key 'x'"),
        (RECIPE + "[second_stage]\nloss = 'x'", r"\[second_stage\]: unknown key 'loss'"),
        (RECIPE + "[second_stage]\nepochs = 0", r"\[second_stage\]: epochs=0 would train"),
        (RECIPE + "[second_stage]\nbatch_size = 0", r"\[second_stage\]: batch_size=0 must be"),
        (RECIPE + "[data]\nsteps_per_epoch = 0", r"\[data\]: steps_per_epoch=0 must be"),
        (RECIPE + "[source_gains]\nlow = 2.0", r"\[source_gains\]: gains go from"),
        (RECIPE + "[source_gains]\nmean = 2.0", r"\[source_gains\]: unknown key 'mean'"),
        (RECIPE + "[source_gains]\n[remix]", r"\[remix\] and \[source_gains\] exclude"),
        ("model = 3", r"\[model\]: must be a table"),
    ],
)
def test_mistakes_are_named(write, text, message):
    with pytest.raises(InputError, match=message):
        load_recipe(write(text))


def test_an_unknown_recipe_lists_the_known():
    with pytest.raises(InputError, match="absent.toml: neither a file nor one of .*jansson_unet"):
        load_recipe("absent.toml")


def test_a_network_that_cannot_be_built_is_a_mistake(write):
    recipe = load_recipe(write(RECIPE.replace("[2, 4]", "[]")))
    with pytest.raises(InputError, match="filters must name at least one level"):
        build_model(recipe.model)


def test_overrides_are_toml_or_plain_text():
    assert parse_override("training.epochs=3") == ("training.epochs", 3)
    assert parse_override("data.stems=['vocals', 'drums']")[1] == ["vocals", "drums"]
    assert parse_override("data.speech = /some/path") == ("data.speech", "/some/path")
    for text in ("epochs=3", "training.epochs", "a.b.c=1"):
        with pytest.raises(InputError, match="not of the form table.key=value"):
            parse_override(text)

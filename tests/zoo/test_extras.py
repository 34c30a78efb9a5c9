"""What the distribution asks for, and what is said when it is not there."""

import tomllib
from pathlib import Path

import pytest

from zoo import InputError
from zoo.extras import _TENSORFLOW, missing_extra

# Of a distribution whose module is called otherwise.
MODULES = {"pillow": "PIL"}
PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def names(requirements):
    distributions = (requirement.partition(">=")[0] for requirement in requirements)
    return {MODULES.get(name, name.replace("-", "_")) for name in distributions}


def test_the_hint_knows_all_of_the_extra():
    project = tomllib.loads(PROJECT.read_text("utf-8"))["project"]
    assert names(project["optional-dependencies"]["tensorflow"]) == _TENSORFLOW
    assert not names(project["dependencies"]) & _TENSORFLOW
    assert "stemzoo[tensorflow]" in project["optional-dependencies"]["dev"]


def test_a_missing_module_of_ours_is_no_user_s_mistake():
    assert isinstance(missing_extra(ModuleNotFoundError(name="keras.src")), InputError)
    for error in (ModuleNotFoundError("broken"), ModuleNotFoundError(name="zoo.keras")):
        with pytest.raises(ModuleNotFoundError) as raised:
            missing_extra(error)
        assert raised.value is error

import pytest

from zoo.command_line import run_module
from zoo.errors import InputError


def test_a_mistake_of_the_users_is_one_line_and_exit_code_2(capsys):
    def main():
        raise InputError("--songs x: is not of the form synthetic:SEED:COUNT")

    with pytest.raises(SystemExit) as stopped:
        run_module(main)
    assert stopped.value.code == 2
    assert (
        capsys.readouterr().err == "stemzoo: --songs x: is not of the form synthetic:SEED:COUNT\n"
    )
    run_module(lambda: None)

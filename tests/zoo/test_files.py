"""Files and folders that appear whole or not at all."""

import pytest

from zoo.errors import InputError
from zoo.files import atomic_path, created_folder


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_when_it_is_complete(tmp_path):
    with atomic_path(tmp_path / "a.txt") as temporary:
        assert temporary.suffix == ".txt" and temporary.parent == tmp_path
        temporary.write_text("new")
        assert not (tmp_path / "a.txt").exists()
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
@pytest.mark.parametrize("kind", ["file", "folder"])
def test_on_failure_the_old_one_stays(tmp_path, error, kind):
    path = tmp_path / "a"
    write = {
        "file": lambda target, text: target.write_text(text),
        "folder": lambda target, text: (target.mkdir(), (target / text).touch()),
    }[kind]
    write(path, "old")
    with pytest.raises(error), atomic_path(path) as temporary:
        write(temporary, "new")
        raise error
    assert names(tmp_path) == ["a"]
    assert (names(path) if kind == "folder" else [path.read_text()]) == ["old"]


def test_a_folder_replaces_a_folder(tmp_path):
    for name in ("old", "new"):
        with atomic_path(tmp_path / "preset") as temporary:
            temporary.mkdir()
            (temporary / name).touch()
    assert names(tmp_path) == ["preset"] and names(tmp_path / "preset") == ["new"]


def test_created_folders_go_again_on_failure(tmp_path):
    (tmp_path / "old").mkdir()
    with pytest.raises(ValueError), created_folder(tmp_path / "old" / "new" / "newer") as folder:
        assert folder.is_dir()
        raise ValueError
    assert names(tmp_path) == ["old"] and not names(tmp_path / "old")
    with created_folder(tmp_path / "kept" / "deep"):
        pass
    assert (tmp_path / "kept" / "deep").is_dir()


def test_a_folder_with_something_in_it_is_kept_on_failure(tmp_path):
    with pytest.raises(ValueError), created_folder(tmp_path / "new") as folder:
        (folder / "song.wav").touch()
        raise ValueError
    assert names(tmp_path / "new") == ["song.wav"]


def test_a_folder_that_cannot_be_is_named(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(InputError, match="file/new: cannot be created"),
        created_folder(tmp_path / "file" / "new"),
    ):
        pass

import pytest

from training.targets import target_rows
from zoo.errors import InputError

BAND = ("vocals", "drums", "bass", "harmony", "lead")


def test_stems_are_found_by_name():
    assert target_rows(("bass", "vocals"), BAND) == {"bass": [2], "vocals": [0]}


def test_accompaniment_is_all_but_vocals_unless_there_is_one():
    assert target_rows(("accompaniment",), BAND) == {"accompaniment": [1, 2, 3, 4]}
    assert target_rows(("accompaniment",), (*BAND, "accompaniment")) == {"accompaniment": [5]}


def test_other_is_what_no_other_target_names():
    rows = target_rows(("bass", "drums", "other", "vocals"), BAND)
    assert list(rows) == ["bass", "drums", "other", "vocals"]
    assert rows["other"] == [3, 4]
    assert target_rows(("other", "vocals"), BAND)["other"] == [1, 2, 3, 4]
    assert target_rows(("other", "vocals"), (*BAND, "other"))["other"] == [5]


@pytest.mark.parametrize(
    ("targets", "stems", "name"),
    [
        (("piano",), BAND, "piano"),
        (("other",), BAND, "other"),
        (("other", "accompaniment", "vocals"), BAND, "other"),
        (("accompaniment",), ("vocals",), "accompaniment"),
        (("accompaniment",), ("bass", "drums"), "accompaniment"),
    ],
)
def test_targets_that_no_stems_add_up_to_are_refused(targets, stems, name):
    message = f"the songs have no stem '{name}', they have {', '.join(stems)}"
    with pytest.raises(InputError, match=message):
        target_rows(targets, stems)

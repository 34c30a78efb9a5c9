"""Which stems of the songs add up to what a network is trained to return."""

from collections.abc import Sequence

from zoo.errors import InputError

VOCALS, ACCOMPANIMENT, OTHER = "vocals", "accompaniment", "other"


def target_rows(targets: Sequence[str], stems: Sequence[str]) -> dict[str, list[int]]:
    """Finds which of the songs' stems add up to each target.

    Args:
        targets: names of stems. Where no stem has that name, `"accompaniment"` stands for all but
            `"vocals"`, and `"other"` for all that belong to no other target.
        stems: what the songs have.

    Raises:
        InputError: if a target is none of the stems.

    Example:
        >>> target_rows(("bass", "other"), ("vocals", "bass", "strings"))
        {'bass': [1], 'other': [0, 2]}
    """
    rows = {}
    for target in targets:
        if target in stems:
            rows[target] = [stems.index(target)]
        elif target == ACCOMPANIMENT and VOCALS in stems and len(stems) > 1:
            rows[target] = [row for row, stem in enumerate(stems) if stem != VOCALS]
        elif target == OTHER and len(targets) > 1:
            # Known once all others are; the place keeps the targets' order.
            rows[target] = []
        else:
            raise InputError(f"the songs have no stem {target!r}, they have {', '.join(stems)}")
    if rows.get(OTHER) == []:
        named = {row for of in rows.values() for row in of}
        rows[OTHER] = [row for row in range(len(stems)) if row not in named]
        if not rows[OTHER]:
            raise InputError(f"the songs have no stem {OTHER!r}, they have {', '.join(stems)}")
    return rows

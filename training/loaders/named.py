"""Songs by what a command line calls them."""

import os

from training.tracks import Track
from zoo.errors import InputError


def named_tracks(data: str | os.PathLike) -> list[Track]:
    """Returns the songs of a stem folder, or of `synthetic:SEED:COUNT`."""
    kind, *numbers = str(data).split(":")
    if kind != "synthetic":
        from training.loaders.stem_folder import stem_folder

        return stem_folder(data)
    from training.synthetic import synthetic_songs

    if len(numbers) != 2 or not all(number.isdigit() for number in numbers):
        raise InputError(f"{data}: is not of the form synthetic:SEED:COUNT")
    return synthetic_songs(int(numbers[0]), int(numbers[1]))

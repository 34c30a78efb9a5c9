"""Settings as a command line gives them: a name and a TOML value."""

import tomllib
from typing import Any

from zoo.errors import InputError


def parse_setting(text: str, form: str = "name=value") -> tuple[str, Any]:
    """Splits `name=value`.

    The value is TOML; what is not, a path without quotes for one, is taken as a string.

    Args:
        text: as given by the user.
        form: what the message calls the form that is wanted.

    Raises:
        InputError: if the text is of another form.

    Example:
        >>> parse_setting("levels=5"), parse_setting("material=digits/wav")
        (('levels', 5), ('material', 'digits/wav'))
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not name:
        raise InputError(f"{text}: is not of the form {form}")
    try:
        return name, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return name, value

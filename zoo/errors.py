"""The one exception that stands for a user's mistake, and the system's words for others."""


class InputError(ValueError):
    """A file or argument that cannot be used.

    The message is one line: it names the file or argument, says what is wrong with it and, where
    that helps, what to do. The command line prints it and exits with code 2; library users can
    catch it as a `ValueError`.
    """


def system_reason(error: OSError) -> str:
    """The operating system's own words for an error, such as "permission denied"."""
    return (error.strerror or str(error)).lower()

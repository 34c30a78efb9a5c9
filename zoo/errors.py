"""The one exception that stands for a user's mistake."""


class InputError(ValueError):
    """A file or argument that cannot be used.

    The message is one line: it names the file or argument, says what is wrong with it and, where
    that helps, what to do. The command line prints it and exits with code 2; library users can
    catch it as a `ValueError`.
    """

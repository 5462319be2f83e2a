"""The one exception for bad input: what was given, what was wanted, and how to repair it."""


class InputError(ValueError):
    """Input that marketic refuses at the door. The command line prints its one line and exits with status 2."""


class CorruptFile(InputError):
    """A file that is not what its name promises: truncated, tampered with, or of another format version."""

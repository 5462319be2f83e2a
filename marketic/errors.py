"""The one exception for bad input: what was given, what was wanted, and how to repair it."""


class InputError(ValueError):
    """Input that marketic refuses at the door. The command line prints its one line and exits with status 2."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(message.split()))  # arrays and spaces print over many lines


class CorruptFile(InputError):
    """A file that is not what its name promises: truncated, tampered with, or of another format version."""


class NewerFormat(CorruptFile):
    """A sound file that a later version of marketic wrote: upgrading reads it."""

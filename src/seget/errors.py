"""The errors of the package that are meant for people.

what was found -> one sentence

It never hides a fault of ours: any other exception is a bug and keeps its traceback.
"""


class InputError(Exception):
    """An input or a command line is wrong (exit code 2).

    The message is one sentence that names the file, what was found, what was wanted and the mend.
    """


class FormatError(InputError):
    """The bytes of a file are not what its format demands: damaged, cut short, of another kind."""


class RunError(Exception):
    """A run that began well has failed (exit code 1); the message says why and what to do."""

"""The errors of the package that are meant for people.

what was found -> one sentence

It never hides a bug: any other exception keeps its traceback. It never prints control characters,
which a name in somebody's file could use to command the terminal.
"""

from __future__ import annotations

import difflib
import errno
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path

# Longer than any path; a key in a hostile file may have megabytes.
MOST_CHARACTERS = 8000
# Of a wrong name, and of a folder, that are compared with what is there.
SHOWN, MOST_BESIDE = 80, 2000
# Share of two names that must agree: one letter of five may differ.
CLOSE = 0.75

MENDS = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again: what is "
    "finished is kept",
    errno.EDQUOT: "your share of the disk is used up; free some space and run the same command "
    "again: what is finished is kept",
    errno.EROFS: "nothing can be written there; give another -o",
    errno.EACCES: "you may not read or write there; change its permissions, or give another path",
    errno.EEXIST: "a file is there and a folder is wanted; give another path, or move the file",
    errno.ENOTDIR: "a part of this path is a file and no folder; give another path",
    errno.EISDIR: "a folder is there and a file is wanted; give another path",
    errno.ENAMETOOLONG: "the name is longer than the disk takes; give a shorter one",
    errno.EIO: "the disk reports a fault; copy the file to another one",
}


# An OSError of these is a mistake in the command line.
OF_A_PATH = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG})


class _ForPeople(Exception):
    """An exception whose message is one line that can be printed anywhere."""

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))


class InputError(_ForPeople):
    """An input or a command line is wrong (exit code 2).

    The message is one sentence that names the file, what was found, what was wanted and the mend.
    """


class FormatError(InputError):
    """A file violates its format: it is damaged, truncated or of another kind."""


class RunError(_ForPeople):
    """A run with valid input has failed (exit code 1); the message says why and what to do."""


def printable(text: str) -> str:
    r"""Return `text` as one line; control characters and surrogates are escaped.

    >>> printable("\x1b[2Jcell.mrc:\nempty")
    '\\x1b[2Jcell.mrc:\\nempty'
    """
    if len(text) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2
        text = f"{text[:half]} ... {text[-half:]}"
    return "".join(character if _is_shown(character) else _escaped(character) for character in text)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean golgi?)" if a known name is close to `name`, else nothing.

    Case counts for nothing. It goes behind the name in a sentence.

    >>> did_you_mean("Gogli", ["granules", "golgi"])
    ' (did you mean golgi?)'
    >>> did_you_mean("cleft", ["granules", "golgi"])
    ''
    """
    return _proposed(name, {one: one for one in known})


def did_you_mean_file(path: Path) -> str:
    """Return the same for a path at which nothing is, of what lies in its folder.

    The suffix counts for nothing: alike suffixes would make any two names alike.
    """
    try:
        beside = [one for one in path.parent.iterdir() if not one.name.startswith(".")]
    except OSError:
        return ""
    places = {one.stem: str(one) for one in beside[:MOST_BESIDE]}
    return _proposed(path.stem, places)


def _proposed(name: str, known: Mapping[str, str]) -> str:
    folded = {one.casefold(): shown for one, shown in known.items()}
    close = difflib.get_close_matches(name[:SHOWN].casefold(), folded, n=1, cutoff=CLOSE)
    return f" (did you mean {folded[close[0]]}?)" if close else ""


def _is_shown(character: str) -> bool:
    # C: control characters, marks that change the direction of text, surrogates.
    category = unicodedata.category(character)
    return not category.startswith("C") and category not in ("Zl", "Zp")


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def in_words(error: BaseException) -> str:
    """Return an error as one sentence that names the file and, for what is known, the mend."""
    if not isinstance(error, OSError) or error.errno is None:
        return printable(str(error))
    place = f"{error.filename}: " if error.filename else ""
    return printable(f"{place}{MENDS.get(error.errno, (error.strerror or str(error)).lower())}.")

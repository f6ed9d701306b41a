"""The structures of a session: their labels, names and colours.

names -> Structures

It never knows where one is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from seget.errors import InputError
from seget.fusion import LARGEST_BYTE_ID, OTHER_COLOURS, colour
from seget.recipes import STRUCTURE_NAME


@dataclass(frozen=True)
class Structure:
    """A structure that is drawn.

    Attributes
    ----------
    value
        Its label in the drawn slices, 1 to 127; it never changes. 1 to 9 are its number key, too.
    name
        Also that of its masks' folder.
    colour
        `#rrggbb`.
    locked
        Painting neither adds to it nor takes from it.
    """

    value: int
    name: str
    colour: str
    locked: bool = False


def new_structure(others: Sequence[Structure], name: str) -> Structure:
    """Return a structure with the smallest free label, and a colour that no other one has.

    Raises
    ------
    InputError
        The name is taken or cannot name a folder, or there are 127 already.
    """
    check_name(name, (one.name for one in others))
    taken = {one.value for one in others}
    value = next((v for v in range(1, LARGEST_BYTE_ID + 1) if v not in taken), None)
    if value is None:
        raise InputError(f"{name}: there are {LARGEST_BYTE_ID} structures already; remove one.")
    used = {one.colour for one in others}
    wished = colour(name, value - 1)
    free = [shade for shade in (wished, *OTHER_COLOURS) if shade not in used]
    return Structure(value, name, free[0] if free else wished)


def check_name(name: str, others: Iterable[str]) -> None:
    """Raise InputError if a name cannot name a structure, or is that of another one."""
    if not STRUCTURE_NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot name a structure, since folders are named after it; use letters, "
            "digits, spaces, dots, _ and -, beginning with a letter or a digit."
        )
    # Folders of names that differ in case only are one on some disks.
    if name.casefold() in {other.casefold() for other in others}:
        raise InputError(f"{name}: there is a structure of this name; give another.")

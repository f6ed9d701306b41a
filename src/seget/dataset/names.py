"""Gives tomograms names that differ, since outputs are named after them.

paths of tomograms -> a name each

It never opens a file and never renames one. Labs keep a folder a tomogram with the same file name
in each (day1/rec.mrc, day2/rec.mrc): such names get the folder's in front.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from seget import files


def tomogram_names(paths: Sequence[Path], given: Sequence[str | None] | None = None) -> list[str]:
    """Return a name for each path; no two are equal, capital letters aside.

    A tomogram is named after its file. Where names are equal, that of the folder is joined by "-",
    and that of the folder above it, until they differ. Files of one folder that differ only in
    their suffix take it into their name; a file that stands there again gets a number.

    Parameters
    ----------
    given
        Names that were chosen for some of them, all different; these are kept.

    >>> tomogram_names([Path("day1/rec.mrc"), Path("day2/rec.mrc"), Path("day2/b.mrc")])
    ['day1-rec', 'day2-rec', 'b']
    """
    names = list(given or [None] * len(paths))
    taken = {_folded(name) for name in names if name is not None}
    files_named = {_place(p): p for p, name in zip(paths, names, strict=True) if name is None}
    found = dict(zip(files_named, _names_of_files(list(files_named.values()), taken), strict=True))
    unique: list[str] = []
    for path, name in zip(paths, names, strict=True):
        wanted = name or found[_place(path)]
        if name is None:
            numbered = (f"{wanted}-{number}" for number in range(2, len(paths) + 2))
            while _folded(wanted) in taken:
                wanted = next(numbered)
        taken.add(_folded(wanted))
        unique.append(wanted)
    return unique


def _names_of_files(paths: Sequence[Path], taken: set[str]) -> list[str]:
    """Name different files; equal names get the folder's in front as long as there is a folder."""
    names = [files.title(path) for path in paths]
    folders = [_place(files.location(path)).parent for path in paths]
    times = Counter(zip(map(_folded, folders), map(_folded, names), strict=True))
    for i, path in enumerate(paths):
        if times[_folded(folders[i]), _folded(names[i])] > 1:
            names[i] = files.location(path).name.replace(".", "-")
    above = [[part for p in folder.parts[1:] if (part := p.strip(". "))] for folder in folders]
    while True:
        times_named = Counter(map(_folded, names))
        equal = [
            i for i, n in enumerate(names) if times_named[_folded(n)] > 1 or _folded(n) in taken
        ]
        longer = [i for i in equal if above[i]]
        if not longer:
            return names
        for i in longer:
            names[i] = f"{above[i].pop()}-{names[i]}"


def _place(path: Path) -> Path:
    # Not Path.resolve: where a folder is a link, it is the link's name that people know.
    return Path(os.path.abspath(path))


def _folded(name: str | Path) -> str:
    # Some file systems do not tell capital letters from small ones.
    return str(name).casefold()

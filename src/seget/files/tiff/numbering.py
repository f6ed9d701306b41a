"""The numbers in the names of slices: their order, their series, and what is missing.

names of slices -> order | one series, or a refusal | missing numbers in words

It never opens a file.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise, zip_longest
from pathlib import Path

from seget.errors import InputError

SHOWN = 8  # stems, or missing numbers, that a sentence lists
# With more missing numbers for each one that is there, they do not count slices: times, say.
MOST_MISSING = 20


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Sort key that counts: slice_9 comes before slice_10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]


def series(files: Sequence[Path]) -> dict[str, list[int]]:
    """Return the number of each slice by stem: its name with # for the number that counts.

    Where no two names share that number, other numbers that differ (times) tell no series apart.

    >>> series([Path("a_1.png"), Path("a_2.png"), Path("a_1_mask.png")])
    {'a_#.png': [1, 2], 'a_1_mask.png': [1]}
    """
    alike: dict[tuple[str, ...], list[list[str]]] = {}
    for file in files:
        suffix = file.suffix.lower().replace(".tiff", ".tif")
        parts = re.split(r"(\d+)", file.stem)
        texts = tuple(part.lower() for part in parts[::2])
        alike.setdefault((*texts, suffix), []).append(parts)
    found: dict[str, list[int]] = {}
    for (*_, suffix), names in alike.items():
        numbers = [[int(part) for part in parts[1::2]] for parts in names]
        place = _counting(numbers)
        columns = list(zip(*numbers, strict=True))
        alone = place is not None and len(set(columns[place])) == len(names)
        for one in numbers:
            shown = list(names[0])
            for i, column in enumerate(columns):
                if len(set(column)) > 1:  # a number that all share is shown as it is written
                    shown[2 * i + 1] = "#" if i == place or alone else str(one[i])
            number = one[place] if place is not None else 0
            found.setdefault("".join(shown) + suffix, []).append(number)
    return found


def _counting(numbers: list[list[int]]) -> int | None:
    """Return which of the numbers in names of one form counts slices; None without a number.

    One that no two names share, of several that with the smallest range; else the one that differs
    most.
    """
    columns = list(zip(*numbers, strict=True))
    if not columns:
        return None
    differ = [i for i, column in enumerate(columns) if len(set(column)) > 1]
    single = [i for i in differ if len(set(columns[i])) == len(numbers)]
    if single:
        return min(single, key=lambda i: max(columns[i]) - min(columns[i]))
    return max(differ or range(len(columns)), key=lambda i: (len(set(columns[i])), i))


def demand_one_series(folder: Path, files: Sequence[Path]) -> None:
    """Refuse slices whose names are of several series, or of which two have one number.

    Raises
    ------
    InputError
        If they are.
    """
    found = series(files)
    if _lettered(files):
        return
    if len(found) > 1:
        listed = [f"{stem} ({len(numbers)})" for stem, numbers in found.items()]
        more = ", ..." if len(listed) > SHOWN else ""
        raise InputError(
            f"{folder}: the names of the slices have {len(found)} stems, "
            f"{', '.join(listed[:SHOWN])}{more}, wanted one stem and a number; move each series "
            "into a folder of its own."
        )
    ((stem, numbers),) = found.items()
    number, times = Counter(numbers).most_common(1)[0]
    if times > 1:
        raise InputError(
            f"{folder}: {times} slices of {stem} have the number {number}, wanted one; move the "
            "others out of the folder."
        )


def _lettered(files: Sequence[Path]) -> bool:
    """Whether names differ in one letter alone: slice_a, slice_b, ..."""
    columns = list(zip_longest(*(file.stem for file in files)))
    differing = [column for column in columns if len(set(column)) > 1]
    return len(differing) == 1 and all(letter and letter.isalpha() for letter in differing[0])


def gaps(files: Sequence[Path]) -> str:
    """Say which numbers of one series are missing; empty if none is, or if they do not count.

    Every second or every tenth number is none that is missing.
    """
    numbers = sorted(next(iter(series(files).values()), []))
    steps = [high - low for low, high in pairwise(numbers)]
    step = math.gcd(*steps)
    count = sum(width // step - 1 for width in steps) if step else 0
    if not 0 < count <= MOST_MISSING * len(numbers):
        return ""
    present = set(numbers)
    missing = [n for n in range(numbers[0], numbers[-1], step) if n not in present]
    listed = ", ".join(map(str, missing[:SHOWN])) + (", ..." if count > SHOWN else "")
    return (
        f"of the slices numbered {numbers[0]} to {numbers[-1]} {count} "
        f"{'is' if count == 1 else 'are'} missing ({listed}), and those beside a gap are taken for "
        "neighbours; add what is missing, or leave it so if nothing was there."
    )

"""Which numbers of a label volume are which structure.

label volume + legend or NAME=VALUE -> Structures: value -> structure

It never holds more than a slice, and never guesses what scores are: they are refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seget import files
from seget.errors import InputError
from seget.fusion import colour
from seget.volume import Volume

ANY = "any"
MOST_UNNAMED = 20  # values that labels without a legend may have: more are scores or instances


@dataclass(frozen=True)
class Structures:
    """What the numbers of a label volume are.

    Attributes
    ----------
    values
        Number -> name of the structure; several numbers may be one structure.
    colours
        Structure -> `#rrggbb`, in the order of the structures.
    instances
        Whether each number is one object: its parts need not touch, and two that touch are two.
    """

    values: Mapping[int, str]
    colours: Mapping[str, str]
    instances: bool = False
    _sorted: npt.NDArray[np.int64] = field(init=False, repr=False, compare=False)
    _codes: npt.NDArray[np.uint32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        numbers = np.array(sorted(self.values), dtype=np.int64)
        if self.instances:
            codes = np.arange(1, numbers.size + 1)
        else:
            codes = np.array([self.names.index(self.values[int(n)]) + 1 for n in numbers])
        object.__setattr__(self, "_sorted", numbers)
        object.__setattr__(self, "_codes", codes.astype(np.uint32))

    @property
    def names(self) -> list[str]:
        """Names of the structures, in their order."""
        return list(self.colours)

    def codes(self, labels: npt.NDArray[Any]) -> npt.NDArray[np.uint32]:
        """Return an array of the same shape: 0 for what is not measured, else 1, 2, ...

        Equal codes are the same structure or, of instances, the same object.
        """
        if not self._sorted.size:
            return np.zeros(labels.shape, np.uint32)
        if labels.dtype.itemsize <= 2 and labels.dtype.kind in "iu":
            limits = np.iinfo(labels.dtype)
            table = np.zeros(int(limits.max) - int(limits.min) + 1, np.uint32)
            table[self._sorted - limits.min] = self._codes
            return table[labels.astype(np.int64) - limits.min]
        at = np.searchsorted(self._sorted, labels).clip(0, self._sorted.size - 1)
        return np.where(self._sorted[at] == labels, self._codes[at], np.uint32(0))

    def structure_of_code(self, code: int) -> str:
        """Return the structure that a code stands for."""
        return self.values[int(self._sorted[code - 1])] if self.instances else self.names[code - 1]


def find_structures(
    volume: Volume, given: Sequence[str] = (), instances: bool = False
) -> Structures:
    """Return which numbers of `volume` are which structure.

    Parameters
    ----------
    volume
        Labels: whole numbers, 0 the background.
    given
        Texts `NAME=VALUE`, VALUE a number or "any" for all but 0. Without any, the legend inside or
        beside the file says it, else the numbers are named: by the file if it is one, else label-N.
    instances
        Whether each number is one object.

    Raises
    ------
    InputError
        The numbers are scores, `given` is something else, or too many have no name.
    """
    _refuse_score_map(volume)
    present = _present(volume)
    values = _given(given, present) if given else _named(volume, present, instances)
    names = list(dict.fromkeys(values.values()))
    return Structures(values, _colours(volume, names), instances)


def _refuse_score_map(volume: Volume) -> None:
    """Refuse a score map of `seget predict`, which its sidecar tells."""
    if volume.path is None:
        return
    said = files.read_json(volume.path.with_suffix(".json"))
    if isinstance(said, dict) and "scale" in said and "threshold" in said:
        raise InputError(
            f"{volume.path}: this is a score map, and labels are wanted; run seget fuse on its "
            "folder and measure the labels.mrc that it writes."
        )


def _present(volume: Volume) -> list[int]:
    """Return the numbers other than 0 in a label volume, in order; read slice by slice."""
    where = volume.path or volume.name
    found: set[int] = set()
    for z in range(volume.shape[0]):
        plane = volume.slice(z)
        numbers = np.unique(plane)
        if numbers.dtype.kind == "f" and not (numbers == np.round(numbers)).all():
            raise InputError(
                f"{where}: slice {z} holds numbers with fractions, as scores and grey values have, "
                "and labels are wanted, whole numbers; fuse scores with seget fuse first."
            )
        if numbers.dtype.kind not in "fiub":
            raise InputError(f"{where}: holds {numbers.dtype}, wanted whole numbers; convert it.")
        found.update(numbers.astype(np.int64).tolist())
    return sorted(found - {0})


def _given(texts: Sequence[str], present: Sequence[int]) -> dict[int, str]:
    values: dict[int, str] = {}
    for text in texts:
        name, _, number = (part.strip() for part in text.partition("="))
        if name and number == ANY:
            values |= dict.fromkeys(present, name)
            continue
        try:
            value = int(number)
        except ValueError:
            value = 0
        if not name or value == 0:
            raise InputError(
                f"--structure {text}: wanted NAME=VALUE, VALUE a whole number other than 0, or "
                "any for all of them."
            )
        values[value] = name
    return values


def _named(volume: Volume, present: Sequence[int], instances: bool) -> dict[int, str]:
    """Return the names of a legend; without one those of the file or of the numbers."""
    legend = None if volume.path is None else files.legend_of(volume.path)
    if legend is not None and legend.names:
        return {number: name for number, name in legend.names.items() if number != 0}
    where = volume.path or volume.name
    alone = files.title(volume.path) if volume.path else volume.name
    if instances or len(present) == 1:
        return dict.fromkeys(present, alone)
    if len(present) > MOST_UNNAMED:
        raise InputError(
            f"{where}: holds {len(present)} different numbers and nothing says what they are; of "
            "scores or grey values make labels first, and where each number is an object give "
            "--instances and --structure NAME=any."
        )
    return {number: f"label-{number}" for number in present}


def _colours(volume: Volume, names: Sequence[str]) -> dict[str, str]:
    legend = None if volume.path is None else files.legend_of(volume.path)
    of_legend = {}
    if legend is not None:
        of_legend = {legend.names[n]: c for n, c in legend.colours.items() if n in legend.names}
    return {name: of_legend.get(name, colour(name, i)) for i, name in enumerate(names)}

"""Which objects are too small to be measured, and what is said of those left out.

nm3 a structure, or nothing + voxel size -> the fewest voxels of each structure; LeftOut

It never looks at voxels. Predicted labels have specks of a few voxels, which would make up most
of the objects of a structure and its medians.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seget.errors import InputError
from seget.measurement.structures import ANY, Structures

# By default what is smaller than a cube of 3 voxels is left out: it has no shape.
FEWEST_VOXELS = 27
# Small objects are worth a sentence if they are this share of the objects, and of the volume.
MANY, LITTLE = 0.3, 0.02


@dataclass(frozen=True)
class LeftOut:
    """Objects of a structure that were too small.

    Attributes
    ----------
    objects, voxels
        How many, and how many voxels they have together.
    """

    objects: int = 0
    voxels: int = 0

    @classmethod
    def of(cls, name: str, small: Sequence[tuple[str, int]]) -> LeftOut:
        """Count those of a structure among the structures and voxels of small objects."""
        mine = [voxels for structure, voxels in small if structure == name]
        return cls(len(mine), sum(mine))


def smallest_nm3(
    given: Mapping[str, float], structures: Structures, voxel_nm3: float
) -> dict[str, float]:
    """Return from which volume on an object of each structure is measured.

    Parameters
    ----------
    given
        Structure -> nm3; "any" stands for those without one of their own.
    structures
        Those of the labels. Where each number is an object, nothing is left out by default.
    voxel_nm3
        Volume of a voxel.

    Raises
    ------
    InputError
        A name is not that of a structure.
    """
    unknown = sorted(set(given) - {*structures.names, ANY})
    if unknown:
        raise InputError(
            f"--smallest-nm3 {unknown[0]}: is none of the structures of the labels, which are "
            f"{', '.join(structures.names) or 'none'}; name one of them, or give a number alone."
        )
    default = 0.0 if structures.instances else FEWEST_VOXELS * voxel_nm3
    return {name: float(given.get(name, given.get(ANY, default))) for name in structures.names}


def fewest_voxels(smallest: Mapping[str, float], voxel_nm3: float) -> dict[str, int]:
    """Return how many voxels an object of each structure must have, from nm3."""
    # A volume given as a whole number of voxels is that number, whatever the rounding.
    return {name: math.ceil(nm3 / voxel_nm3 * (1 - 1e-9)) for name, nm3 in smallest.items()}


def specks_nm3(volumes_nm3: Sequence[float]) -> float | None:
    """Return a volume below which many objects hold little of a structure; None if there is none.

    Of the objects, from the smallest on, those that hold 2 % of the volume together are specks
    if they are 30 % of the objects or more. The volume is rounded up to two digits.

    >>> specks_nm3([1000.0, 1230.0, 500000.0, 600000.0])
    1300.0
    """
    ordered = np.sort(np.asarray(volumes_nm3, dtype=np.float64))
    count = int(np.searchsorted(np.cumsum(ordered), LITTLE * ordered.sum(), side="right"))
    if not count or count < MANY * ordered.size:
        return None
    unit = 10.0 ** (math.floor(math.log10(ordered[count - 1])) - 1)
    rounded = (math.floor(ordered[count - 1] / unit) + 1) * unit
    return rounded if rounded < ordered[count] else None

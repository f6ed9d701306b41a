"""Keeps other structures away from one: nothing within so many nm of it.

slices of labels + distance of each structure -> slices of labels

Distances are those in 3-D from middle to middle of voxels, exactly; only the slices that are near
enough are held.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import lru_cache, partial

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from seget.fusion.pixelwise import Labels
from seget.volume import Triple

# A distance of 20 nm over voxels of 5 nm is four of them, whatever the rounding.
SLACK = 1 + 1e-6

Distances = npt.NDArray[np.float32]


class Cleared:
    """Labels without what is too near to a structure that wants to be clear.

    Parameters
    ----------
    read
        Slice number -> labels `(y, x)` before.
    depth
        Number of slices.
    voxel_size_nm
        `(z, y, x)`.
    clear_nm
        Label id -> distance within which all other labels are removed.
    """

    def __init__(
        self,
        read: Callable[[int], Labels],
        depth: int,
        voxel_size_nm: Triple,
        clear_nm: Mapping[int, float],
    ) -> None:
        self._read = read
        self._depth = depth
        self._z_nm = voxel_size_nm[0]
        self._clear_nm = clear_nm
        self._reach = {own: math.floor(SLACK * nm / self._z_nm) for own, nm in clear_nm.items()}
        held = sum(2 * slices + 3 for slices in self._reach.values())
        # Not of a method: that were a circle, and files would stay open until it is found.
        self._distances = lru_cache(maxsize=held)(
            partial(_measured, read, clear_nm, voxel_size_nm[1:])
        )

    def labels(self, z: int) -> Labels:
        """Return the labels `(y, x)` of a slice."""
        before = self._read(z)
        removed = np.zeros(before.shape, np.bool_)
        for own, nm in self._clear_nm.items():
            near = np.zeros(before.shape, np.bool_)
            for other in range(z - self._reach[own], z + self._reach[own] + 1):
                found = self._distances(own, other) if 0 <= other < self._depth else None
                if found is not None:
                    box, distances = found
                    apart = self._z_nm * (other - z)
                    near[box] |= distances <= math.sqrt(max(0.0, (nm * SLACK) ** 2 - apart**2))
            removed |= near & (before != own)
        return np.where(removed, before.dtype.type(0), before)


def _measured(
    read: Callable[[int], Labels],
    clear_nm: Mapping[int, float],
    plane_nm: tuple[float, float],
    own: int,
    z: int,
) -> tuple[tuple[slice, slice], Distances] | None:
    """Return the distance in its plane from a label on a slice, in a box around; or None."""
    mask = read(z) == own
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not rows.size:
        return None
    box = tuple(
        slice(max(0, int(at[0]) - margin), int(at[-1]) + margin + 1)
        for at, nm in zip((rows, columns), plane_nm, strict=True)
        for margin in [math.floor(SLACK * clear_nm[own] / nm)]
    )
    distances = ndimage.distance_transform_edt(~mask[box], sampling=plane_nm)
    return (box[0], box[1]), distances.astype(np.float32)

"""An image, shapes drawn in it, and models of them, for the tests of IMOD models."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.files import imod
from seget.files.imod import Contour, ImodObject
from seget.volume import Volume

SIZE_NM = (0.8, 0.8, 0.8)
ORIGIN_NM = (4.0, -8.0, 1.6)
SHAPE = (6, 20, 30)
LIKE = Volume(np.zeros(SHAPE, np.uint8), SIZE_NM, ORIGIN_NM, "cell")
BOX = (slice(2, 4), slice(4, 10), slice(6, 20))


def square(z: float, y: tuple[float, float], x: tuple[float, float]) -> Contour:
    corners = [(z, y[0], x[0]), (z, y[0], x[1]), (z, y[1], x[1]), (z, y[1], x[0])]
    return Contour(np.array(corners, np.float32))


def box(shape: tuple[int, int, int] = SHAPE, at: tuple[slice, ...] = BOX) -> npt.NDArray[np.uint8]:
    data = np.zeros(shape, np.uint8)
    data[at] = 1
    return data


def one_object(folder: Path, like: Volume, one: ImodObject, **changes: Any) -> Path:
    path = folder / "cell.mod"
    imod.write(path, replace(imod.model_on(like, (one,)), **changes))
    return path


def mask(path: Path, like: Volume) -> npt.NDArray[Any]:
    (volume,) = imod.read_masks(path, like).values()
    assert volume.data.dtype == np.uint8
    assert (volume.shape, volume.voxel_size_nm, volume.origin_nm) == (
        *(like.shape, like.voxel_size_nm, like.origin_nm),
    )
    return np.asarray(volume.data)


def ball(centre: tuple[float, float, float], radius: float, heights: float = 1) -> Any:
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    away = (
        ((z - centre[0]) * heights) ** 2 + (y + 0.5 - centre[1]) ** 2 + (x + 0.5 - centre[2]) ** 2
    )
    return away <= radius**2

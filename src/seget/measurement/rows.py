"""One object in numbers, and all of them as a table.

moments + mesh + centre line -> Measured -> rows of objects.csv, distances.csv

It never measures; units stand in the names of the columns. A cell is empty where there is no
number: the sphericity of an object that is cut by the border, the length of what is no tube.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.measurement.centre_line import CentreLine
from seget.measurement.distances import Nearest
from seget.measurement.mesh import Mesh

OBJECT_COLUMNS = (
    "id", "structure", "voxels", "volume_nm3", "surface_nm2", "equivalent_diameter_nm",
    "sphericity", "length_nm", "centroid_z_nm", "centroid_y_nm", "centroid_x_nm",
    "touches_border", "thin",
    "centroid_z_px", "centroid_y_px", "centroid_x_px",
    "low_z_px", "low_y_px", "low_x_px", "high_z_px", "high_y_px", "high_x_px",
    "axis_1_nm", "axis_2_nm", "axis_3_nm",
    "axis_1_z", "axis_1_y", "axis_1_x", "axis_3_z", "axis_3_y", "axis_3_x",
    "width_nm", "width_sd_nm", "diameter_nm", "curvature_per_um", "free_ends", "beside_line",
    "surface_closed",
)  # fmt: skip
DISTANCE_COLUMNS = ("structure_a", "id_a", "structure_b", "id_b", "distance_nm", "contact_nm2")
LINE_COLUMNS = (
    "structure", "id", "point", "along_nm", "z_nm", "y_nm", "x_nm",
    "direction_z", "direction_y", "direction_x", "curvature_per_um",
)  # fmt: skip

MEASURED_RAYS = 0.8  # share of the rays that must end for a width to stand for an object
THIN_VOXELS, THIN_SHARE = 4.0, 0.25


@dataclass(frozen=True)
class Measured:
    """One object.

    Attributes
    ----------
    number, structure
        Its id in labels.measured.mrc, and what it is.
    voxels, volume_nm3
        How many it has, and their volume.
    centroid_px
        `(z, y, x)` mean index of its voxels: the middle of the first voxel is 0.
    centroid_nm
        `(z, y, x)` in the file's own frame: origin + index * voxel size.
    low_px, high_px
        First index, and last index + 1, along z, y, x.
    axes_nm, axes
        `(3,)` full lengths of the ellipsoid with the same moments, and `(3, 3)` their directions.
    touches_border
        Whether it goes on beyond the volume: volume and surface are then lower bounds.
    mesh
        Its surface, see `Mesh`.
    line
        Its middle line if it is a tube.
    """

    number: int
    structure: str
    voxels: int
    volume_nm3: float
    centroid_px: npt.NDArray[np.float64]
    centroid_nm: npt.NDArray[np.float64]
    low_px: npt.NDArray[np.int64]
    high_px: npt.NDArray[np.int64]
    axes_nm: npt.NDArray[np.float64]
    axes: npt.NDArray[np.float64]
    touches_border: bool
    mesh: Mesh
    line: CentreLine | None = None

    @property
    def equivalent_diameter_nm(self) -> float:
        """Diameter of the ball of the same volume."""
        return float((6 * self.volume_nm3 / math.pi) ** (1 / 3))

    @property
    def sphericity(self) -> float | None:
        """Surface of the ball of the same volume, divided by the object's; None if it is cut."""
        area = self.mesh.surface_nm2
        if self.touches_border or area <= 0:
            return None
        return float(math.pi ** (1 / 3) * (6 * self.volume_nm3) ** (2 / 3) / area)

    @property
    def width_nm(self) -> float | None:
        """Mean of the middle half of the distances to the opposite surface along the normals.

        None where more than a fifth of them are too long to be measured.
        """
        return width_of(self.mesh)[0]

    @property
    def width_sd_nm(self) -> float | None:
        """Standard deviation of these distances, without the outer tenth on either side."""
        return width_of(self.mesh)[1]

    @property
    def thin(self) -> bool:
        """Whether under a quarter of its surface it is thinner than 4 voxels: a guess, then."""
        found = self.mesh.widths_voxels
        if not len(found) or (self.high_px - self.low_px).min() < THIN_VOXELS:
            return True
        return bool(np.count_nonzero(found < THIN_VOXELS) >= THIN_SHARE * len(found))

    def row(self) -> list[Any]:
        """Return its line of objects.csv."""
        line = self.line
        curvature = None if line is None else float(line.curvature_per_um.mean())
        return [
            self.number, self.structure, self.voxels, self.volume_nm3, self.mesh.surface_nm2,
            self.equivalent_diameter_nm, self.sphericity, line and line.length_nm,
            *self.centroid_nm, self.touches_border, self.thin,
            *self.centroid_px, *self.low_px, *self.high_px,
            *self.axes_nm, *self.axes[0], *self.axes[2],
            self.width_nm, self.width_sd_nm, line and line.diameter_nm, curvature,
            line and line.free_ends, line and line.beside, self.mesh.is_closed,
        ]  # fmt: skip


def width_of(mesh: Mesh) -> tuple[float | None, float | None]:
    """Return mean and spread of the widths below a surface in nm; None where it is too wide.

    The mean is of the middle half: the rim of a sheet does not count, and a sheet along the voxels,
    that is 4 of them here and 5 there, has the width between. The spread is without the outer
    tenth on either side.
    """
    found = mesh.widths_nm[np.isfinite(mesh.widths_nm)]
    if not len(found) or len(found) < MEASURED_RAYS * len(mesh.widths_nm):
        return None, None
    low, first, third, high = np.quantile(found, [0.1, 0.25, 0.75, 0.9])
    middle = found[(found >= first) & (found <= third)]
    return float(middle.mean()), float(found[(found >= low) & (found <= high)].std())


def objects_csv(objects: Iterable[Measured]) -> str:
    """Return the text of objects.csv."""
    return _csv(OBJECT_COLUMNS, (one.row() for one in objects))


def distances_csv(objects: Sequence[Measured], found: Iterable[Nearest]) -> str:
    """Return the text of distances.csv."""
    return _csv(
        DISTANCE_COLUMNS,
        (
            [
                objects[pair.a].structure, objects[pair.a].number,
                objects[pair.b].structure, objects[pair.b].number,
                pair.distance_nm, pair.contact_nm2,
            ]
            for pair in found
        ),
    )  # fmt: skip


def lines_csv(objects: Iterable[Measured], origin_nm: npt.ArrayLike) -> str:
    """Return the text of centre_lines.csv: the points of every tube, from end to end."""
    rows: list[list[Any]] = []
    for one in objects:
        if one.line is None:
            continue
        points = one.line.points_nm
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        along = np.concatenate([[0.0], np.cumsum(steps)])
        values = np.column_stack(
            [along, points + np.asarray(origin_nm), one.line.directions, one.line.curvature_per_um]
        )
        rows += [[one.structure, one.number, i, *line] for i, line in enumerate(values.tolist())]
    return _csv(LINE_COLUMNS, rows)


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool | np.bool_):
        return "true" if value else "false"
    if isinstance(value, float | np.floating):
        return f"{float(value):.7g}" if math.isfinite(value) else ""
    return str(value)

"""Positions for subtomogram averaging: centroids, and points along tubes with their angles.

Measurement -> particles/<structure>_relion5.star, particles/<structure>_relion4.star

It never extracts anything. RELION counts pixels of the tilt series: `unbinned_nm` is their edge.
The middle of pixel i is at i, that of a tomogram of n pixels at n / 2, as in RELION's code.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from seget import files
from seget.measurement.measure import Measurement
from seget.measurement.outputs.naming import names_of_files
from seget.measurement.rows import Measured

FOLDER = "particles"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Particles:
    """Positions of one structure.

    Attributes
    ----------
    index_px
        `(n, 3)` z, y, x in voxels of the labels, the middle of the first at 0.
    angles_deg
        `(n, 3)` RELION's rot, tilt and psi: tilt and psi turn the reference's z axis along the
        tube, rot around it is not known and 0. Zeros for a centroid.
    tube
        `(n,)` the object's number if it is a tube, else 0.
    along_nm
        `(n,)` length along the tube.
    """

    index_px: Floats
    angles_deg: Floats
    tube: npt.NDArray[np.int64]
    along_nm: Floats


def write_particles(
    out: Path, found: Measurement, spacing_nm: float, unbinned_nm: float | None
) -> None:
    """Write two STAR files a structure.

    Parameters
    ----------
    out
        The folder of the measurement.
    spacing_nm
        Distance of points along tubes.
    unbinned_nm
        Edge of a pixel of the tilt series; None: that of the labels along x.
    """
    size = np.asarray(found.voxel_size_nm)
    unbinned = unbinned_nm or found.voxel_size_nm[2]
    binning = size / unbinned
    tomogram = found.volume.path.stem if found.volume.path else found.volume.name
    file_names = names_of_files(found.structures.names)
    for name in found.structures.names:
        mine = [one for one in found.objects if one.structure == name]
        if not mine:
            continue
        at = particles(mine, found.voxel_size_nm, spacing_nm)
        pixels = (at.index_px + 0.5) * binning - 0.5
        centre = np.asarray(found.volume.shape) * binning / 2
        stem = file_names[name]
        centred = (pixels - centre) * unbinned * 10
        for version, columns, places in (
            (5, [f"rlnCenteredCoordinate{axis}Angst" for axis in "XYZ"], centred),
            (4, [f"rlnCoordinate{axis}" for axis in "XYZ"], pixels),
        ):
            text = _star(tomogram, columns, places, at)
            files.write_text(out / FOLDER / f"{stem}_relion{version}.star", text)


def particles(
    objects: Sequence[Measured], voxel_size_nm: npt.ArrayLike, spacing_nm: float
) -> Particles:
    """Return a point for each object, of tubes one every `spacing_nm` along them."""
    size = np.asarray(voxel_size_nm)
    places, tubes, along = [], [], []
    for one in objects:
        if one.line is None:
            places.append(one.centroid_px[None])
            tubes.append([0])
            along.append([0.0])
            continue
        at, lengths = _steps(one.line.points_nm, spacing_nm)
        places.append(_at(at, lengths, one.line.points_nm) / size)
        tubes.append([one.number] * len(at))
        along.append(at.tolist())
    return Particles(
        np.concatenate(places),
        angles(np.concatenate([directions_of(one, spacing_nm) for one in objects])),
        np.array([number for some in tubes for number in some]),
        np.array([length for some in along for length in some]),
    )


def directions_of(one: Measured, spacing_nm: float) -> Floats:
    """Return the direction `(n, 3)` z, y, x at each point of an object; along z for a centroid."""
    if one.line is None:
        return np.array([[1.0, 0.0, 0.0]])
    at, lengths = _steps(one.line.points_nm, spacing_nm)
    return _at(at, lengths, one.line.directions)


def angles(directions: Floats) -> Floats:
    """Return RELION's rot, tilt and psi in degrees of directions `(n, 3)` z, y, x.

    RELION turns a reference by the transpose of the rotation that Euler angles of the kind ZYZ
    make: its z axis then points along (-sin tilt cos psi, sin tilt sin psi, cos tilt), x, y, z.
    """
    z, y, x = (directions / np.linalg.norm(directions, axis=1)[:, None]).T
    tilt = np.degrees(np.arccos(np.clip(z, -1, 1)))
    psi = np.where(np.hypot(x, y) > 1e-9, np.degrees(np.arctan2(y, -x)), 0.0)
    return np.stack([np.zeros_like(tilt), tilt, psi], axis=1)


def _steps(points_nm: npt.NDArray[np.floating], spacing_nm: float) -> tuple[Floats, Floats]:
    """Return the lengths along a line at which points are wanted, and those of its own points."""
    steps = np.linalg.norm(np.diff(points_nm, axis=0), axis=1)
    lengths = np.concatenate([[0.0], np.cumsum(steps)])
    return np.arange(0, lengths[-1] + 1e-6, spacing_nm), lengths


def _at(at: Floats, lengths: Floats, values: npt.NDArray[np.floating]) -> Floats:
    return np.stack([np.interp(at, lengths, values[:, i]) for i in range(3)], axis=1)


def _star(tomogram: str, columns: list[str], places: Floats, at: Particles) -> str:
    """Return the text of a STAR file with one block, data_particles."""
    names = [
        "rlnTomoName", *columns, "rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi",
        "rlnHelicalTubeID", "rlnHelicalTrackLengthAngst",
    ]  # fmt: skip
    lines = ["", "data_particles", "", "loop_"]
    lines += [f"_{name} #{i}" for i, name in enumerate(names, start=1)]
    name = re.sub(r"\s+", "_", tomogram) or "tomogram"  # a blank would end the word
    for place, turn, tube, along in zip(
        places[:, ::-1], at.angles_deg, at.tube, at.along_nm, strict=True
    ):
        numbers = " ".join(f"{value:.3f}" for value in (*place, *turn))
        lines.append(f"{name} {numbers} {tube} {10 * along:.3f}")
    return "\n".join([*lines, ""])

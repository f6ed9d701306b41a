"""Positions as copick keeps them: centroids, and points along tubes with their directions.

Measurement -> copick/seget_0_<object>.json, one a structure

It never opens a project: `seget.copick` puts the files into one. Lengths are in angstrom, x, y, z,
from the middle of the first voxel; session 0 is copick's mark of what a program picked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget import files
from seget.measurement.measure import Measurement
from seget.measurement.outputs.naming import names_of_files
from seget.measurement.outputs.particles import directions_of, particles
from seget.measurement.rows import Measured

FOLDER = "copick"


def write_picks(out: Path, found: Measurement, spacing_nm: float) -> None:
    """Write a file of picks for each structure that has objects; `spacing_nm` is along tubes."""
    names = names_of_files(found.structures.names)
    tomogram = found.volume.path.stem if found.volume.path else found.volume.name
    for name in found.structures.names:
        mine = [one for one in found.objects if one.structure == name]
        if not mine:
            continue
        picked = names[name].replace("_", "-")  # copick's files are named by parts between _
        said = {
            "pickable_object_name": picked,
            "user_id": "seget",
            "session_id": "0",
            "run_name": tomogram,
            "voxel_spacing": 10 * found.voxel_size_nm[2],
            "unit": "angstrom",
            "points": [p for one in mine for p in _points(one, found.voxel_size_nm, spacing_nm)],
            "trust_orientation": all(one.line is not None for one in mine),
        }
        files.write_json(out / FOLDER / f"seget_0_{picked}.json", said)


def _points(one: Measured, voxel_size_nm: npt.ArrayLike, spacing_nm: float) -> list[dict[str, Any]]:
    at = particles([one], voxel_size_nm, spacing_nm)
    places = 10 * (at.index_px * np.asarray(voxel_size_nm))[:, ::-1]
    turns = [_turn(way[::-1]) for way in directions_of(one, spacing_nm)]
    return [
        {
            "location": dict(zip("xyz", place.round(3).tolist(), strict=True)),
            "transformation_": turn.round(6).tolist(),
            "instance_id": one.number,
            "score": 1.0,
        }
        for place, turn in zip(places, turns, strict=True)
    ]


def _turn(way: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the matrix `(4, 4)` that turns the z axis along a direction x, y, z."""
    z = way / np.linalg.norm(way)
    beside = np.array([1.0, 0, 0]) if abs(z[0]) < 0.9 else np.array([0, 1.0, 0])
    y = np.cross(z, beside)
    y /= np.linalg.norm(y)
    turn = np.eye(4)
    turn[:3, :3] = np.stack([np.cross(y, z), y, z], axis=1)
    return turn

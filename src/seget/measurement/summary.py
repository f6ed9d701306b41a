"""What a measurement says of each structure, and what a reader must know of it.

Measurement -> what JSON can hold: counts, sums, medians; notes in words

It never measures. Units stand in the names.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from seget.measurement.measure import Measurement
from seget.measurement.rows import Measured
from seget.measurement.smallest import specks_nm3
from seget.volume import UNKNOWN_NM


def summary(found: Measurement) -> dict[str, Any]:
    """Return the numbers of each structure, and notes."""
    structures = {}
    for name in found.structures.names:
        mine = [one for one in found.objects if one.structure == name]
        structures[name] = {
            "colour": found.structures.colours[name],
            **_of(mine),
            **_left_out(found, name),
            "nearest": _nearest(found, name),
        }
    return {
        "labels": str(found.volume.path or found.volume.name),
        "shape_px": list(found.volume.shape),
        "voxel_size_nm": list(found.voxel_size_nm),
        "origin_nm": list(found.origin_nm),
        "structures": structures,
        "notes": notes(found),
    }


def _of(objects: Sequence[Measured]) -> dict[str, Any]:
    tubes = [one for one in objects if one.line is not None]
    closed = [one for one in objects if not one.touches_border]
    widths = [one.mesh.widths_nm for one in objects if one.width_nm is not None]
    return {
        "objects": len(objects),
        "touching_border": len(objects) - len(closed),
        "thin": sum(one.thin for one in objects),
        "volume_nm3": sum(one.volume_nm3 for one in objects),
        "surface_nm2": sum(one.mesh.surface_nm2 for one in objects),
        "median_volume_nm3": _median(one.volume_nm3 for one in objects),
        "median_equivalent_diameter_nm": _median(one.equivalent_diameter_nm for one in objects),
        "median_equivalent_diameter_of_whole_nm": _median(
            one.equivalent_diameter_nm for one in closed
        ),
        "median_sphericity": _median(one.sphericity for one in closed),
        "tubes": len(tubes),
        "length_nm": sum(one.line.length_nm for one in tubes if one.line),
        "median_length_nm": _median(one.line.length_nm for one in tubes if one.line),
        "width": _spread(np.concatenate(widths)) if widths else None,
    }


def _left_out(found: Measurement, name: str) -> dict[str, Any]:
    """Return from which size on objects of a structure were measured, and what is smaller."""
    out = found.left_out[name]
    return {
        "smallest_nm3": found.smallest_nm3[name],
        "left_out": {
            "objects": out.objects,
            "voxels": out.voxels,
            "volume_nm3": out.voxels * float(np.prod(found.voxel_size_nm)),
        },
    }


def _nearest(found: Measurement, name: str) -> dict[str, Any]:
    """Return how far the objects of a structure are from the nearest ones of each structure."""
    apart: dict[str, list[float]] = {}
    contact: dict[str, float] = {}
    for pair in found.nearest:
        if found.objects[pair.a].structure == name:
            other = found.objects[pair.b].structure
            apart.setdefault(other, []).append(pair.distance_nm)
            contact[other] = contact.get(other, 0.0) + pair.contact_nm2
    return {
        other: {
            "median_distance_nm": float(np.median(values)),
            "smallest_distance_nm": min(values),
            "contact_nm2": contact[other],
        }
        for other, values in apart.items()
    }


def _spread(widths: Any) -> dict[str, float]:
    """Return mean, median and spread of distances along the normals, without the outer 5 %."""
    known = widths[np.isfinite(widths)]
    low, median, high = np.quantile(known, [0.05, 0.5, 0.95])
    inner = known[(known >= low) & (known <= high)]
    return {
        "mean_nm": float(inner.mean()),
        "median_nm": float(median),
        "sd_nm": float(inner.std()),
        "percentile_5_nm": float(low),
        "percentile_95_nm": float(high),
    }


def _median(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else None


def notes(found: Measurement) -> list[str]:
    """Return sentences on what limits the numbers."""
    said = []
    if not found.objects:
        said.append(f"{found.volume.path or found.volume.name}: no voxel is labelled.")
    for name in found.structures.names:
        said += _notes_of(found, name)
    if found.origin_nm == (0.0, 0.0, 0.0) and found.volume.origin_nm is None:
        said.append("The file says no origin: places count from the middle of the first voxel.")
    if min(found.voxel_size_nm) == UNKNOWN_NM:
        said.append("An edge of the voxel is exactly 1 angstrom, which programs write that do not "
                    "know it; give --voxel-size if it is another.")  # fmt: skip
    return said


def _notes_of(found: Measurement, name: str) -> list[str]:
    mine = [one for one in found.objects if one.structure == name]
    said = []
    said += _of_small(found, name, mine)
    if not mine:
        values = [str(v) for v, s in found.structures.values.items() if s == name]
        if not said:
            said.append(f"{name}: no voxel is labelled {' or '.join(values[:5])}.")
        return said
    cut = sum(one.touches_border for one in mine)
    if cut:
        said.append(
            f"{name}: {cut} of {len(mine)} objects touch the border of the volume; their volume, "
            "surface and length are lower bounds."
        )
    thin = sum(one.thin for one in mine)
    if thin:
        said.append(
            f"{name}: {thin} of {len(mine)} objects are thinner than 4 voxels; their surface is a "
            "guess."
        )
    branched = sum(one.line is not None and one.line.beside > 0.1 for one in mine)
    if branched:
        said.append(
            f"{name}: {branched} of {len(mine)} tubes have over a tenth of their voxels beside the "
            "middle line: branches, or several tubes that touch; only the longest way is measured."
        )
    return said


def _of_small(found: Measurement, name: str, mine: Sequence[Measured]) -> list[str]:
    """Say which objects were left out as too small, and which look as if they should be."""
    said = []
    out, voxel_nm3 = found.left_out[name], float(np.prod(found.voxel_size_nm))
    if out.objects:
        share = out.voxels / (out.voxels + sum(one.voxels for one in mine))
        said.append(
            f"{name}: {out.objects} of {out.objects + len(mine)} objects were left out, smaller "
            f"than {found.smallest_nm3[name]:.4g} nm3 ({found.smallest_nm3[name] / voxel_nm3:.0f} "
            f"voxels), {100 * share:.2g} % of the volume; --smallest-nm3 {name}=0 keeps them."
        )
    specks = specks_nm3([one.volume_nm3 for one in mine])
    if specks is not None:
        small = [one.volume_nm3 for one in mine if one.volume_nm3 < specks]
        share = sum(small) / sum(one.volume_nm3 for one in mine)
        said.append(
            f"{name}: {len(small)} of {len(mine)} objects together hold {100 * share:.2g} % of the "
            f"volume; if they are specks, --smallest-nm3 {name}={specks:g} leaves them out."
        )
    return said

"""Which slices were predicted worst.

result of `evaluate` -> tomogram and slice of the worst, with their mIOU

It never reads a slice.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np


class SliceScore(NamedTuple):
    """A scored slice and the mean mIOU of the structures that are on it."""

    tomogram: str
    slice: int
    miou: float


def worst_slices(result: dict[str, Any], count: int) -> list[SliceScore]:
    """Return the slices with the lowest mean mIOU, the worst first; none of those without truth."""
    scores: dict[tuple[str, int], list[float]] = {}
    for structure in result["structures"].values():
        for one in structure.get("labels", structure)["miou_per_slice"]:
            if one["miou"] is not None:
                scores.setdefault((one["tomogram"], one["slice"]), []).append(one["miou"])
    found = [SliceScore(*key, float(np.mean(values))) for key, values in scores.items()]
    return sorted(found, key=lambda one: (one.miou, one.tomogram, one.slice))[:count]

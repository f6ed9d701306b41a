"""All that is said of a structure's objects and boundaries, beside the counts of pixels.

Predicted slices + masks -> objects found and not, surface Dice, centre-line Dice, errors in nm

It never reads a slice that is not scored, and leaves out pixels that are not labelled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seget.evaluation.boundaries import Boundaries, SurfaceCounts
from seget.evaluation.centre_lines import (
    CentreLineCounts,
    Shape,
    centre_lines,
    has_skeletons,
)
from seget.evaluation.object_match import ObjectCounts, ObjectError, compare_objects
from seget.evaluation.pieces import Overlaps, Pieces
from seget.evaluation.predicted import Predicted

Bools = npt.NDArray[np.bool_]
TOLERANCE_PX = 2.0  # of surface Dice, by default, in pixels of a slice


@dataclass
class ObjectScores:
    """Objects and boundaries of one structure, over tomograms.

    Attributes
    ----------
    tolerance_nm
        Of surface Dice; None: two pixels of the first tomogram.
    counts, surface, lines
        What was counted.
    errors
        Tomogram, its voxel size and origin, and what is wrong with an object.
    """

    tolerance_nm: float | None = None
    counts: ObjectCounts = field(default_factory=ObjectCounts)
    surface: SurfaceCounts = field(default_factory=SurfaceCounts)
    lines: CentreLineCounts = field(default_factory=CentreLineCounts)
    errors: list[dict[str, Any]] = field(default_factory=list)
    _shape: Shape = field(default_factory=Shape)  # of those whose centre lines were compared
    _compared: set[str] = field(default_factory=set)

    def add(self, predicted: Predicted, structure: str) -> None:
        """Take in the scored slices of a tomogram."""
        size = predicted.voxel_size_nm
        truth, guessed, overlaps = Pieces(), Pieces(), Overlaps()
        if self.tolerance_nm is None and size is not None:
            self.tolerance_nm = TOLERANCE_PX * math.sqrt(size[1] * size[2])
        boundaries = None if size is None else Boundaries(size, self.tolerance_nm or 0.0)
        for z, drawn, found, labelled in seen_slices(predicted, structure):
            overlaps.add(truth.add(z, drawn), guessed.add(z, found))
            if boundaries is not None:
                boundaries.add(z, drawn, found, labelled)
        of_truth, of_guessed = truth.found(), guessed.found()
        counts, errors = compare_objects(of_truth, of_guessed, overlaps)
        self.counts += counts
        self.errors += [_row(one, predicted, structure) for one in errors]
        self._compared.add(predicted.compared(structure))
        if boundaries is None or size is None:
            return
        surface = boundaries.finish()
        self.surface += surface
        slices = predicted.scored[structure][1]
        flat = all(z + 1 not in slices for z in slices)
        per = size[0] if flat else 1.0
        volume = float(of_truth.voxels.sum() * np.prod(size))
        shape = Shape(volume / per, surface.truth / per, counts.truth, flat)
        if has_skeletons() and shape.can_be_tubes:
            seen = ((z, drawn, found) for z, drawn, found, _ in seen_slices(predicted, structure))
            self.lines += centre_lines(seen, size)
            self._shape += shape

    def summary(self) -> dict[str, Any]:
        """Return `objects` of `seget evaluate --json`; nan where there is no number."""
        tubes = self._shape.are_tubes(self.lines.width_nm)
        found = {
            "compared": ", ".join(sorted(self._compared)),
            **asdict(self.counts),
            "f1": self.counts.f1,
            "surface_dice": self.surface.dice,
            "surface_tolerance_nm": self.tolerance_nm,
            "centre_line_dice": self.lines.dice if tubes else math.nan,
        }
        return {"objects": found}


def seen_slices(
    predicted: Predicted, structure: str
) -> Iterator[tuple[int, Bools, Bools, Bools | None]]:
    """Yield number, truth, prediction and labelled pixels (None: all) of each scored slice.

    What is not labelled is neither in the truth nor in the prediction.
    """
    mask = predicted.tomogram.masks[structure]
    for z in predicted.scored[structure][1]:
        drawn, found, labelled = mask.slice(z), predicted.found(structure, z), mask.labelled(z)
        if labelled is not None:
            drawn, found = drawn & labelled, found & labelled
        yield z, drawn, found, labelled


def labelled_slice(predicted: Predicted, structure: str, z: int) -> tuple[Bools, Bools]:
    """Return the truth of a slice and its labelled pixels, `(y, x)` each."""
    mask = predicted.tomogram.masks[structure]
    labelled = mask.labelled_box(z, None)
    return mask.slice(z) & labelled, labelled


def _row(one: ObjectError, predicted: Predicted, structure: str) -> dict[str, Any]:
    """Return an error with its place in nm, in the file's frame."""
    size, origin = predicted.voxel_size_nm, predicted.tomogram.image.origin_nm or (0.0, 0.0, 0.0)
    nm: tuple[float | None, ...] = (None, None, None)
    if size is not None:
        nm = tuple(o + i * s for o, i, s in zip(origin, one.place_px, size, strict=True))
    return {
        "kind": one.kind,
        "structure": structure,
        "tomogram": predicted.tomogram.name,
        "voxels": one.voxels,
        "volume_nm3": None if size is None else one.voxels * float(np.prod(size)),
        **{f"{axis}_nm": value for axis, value in zip("zyx", nm, strict=True)},
        **{f"{axis}_px": value for axis, value in zip("zyx", one.place_px, strict=True)},
        "first_slice": one.first,
        "last_slice": one.last,
        "parts": one.parts,
        "iou": one.iou,
    }

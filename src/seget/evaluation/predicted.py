"""What stands in a folder of results for each tomogram of a dataset, and which slices are scored.

folder of results + Dataset -> Predicted: score maps and labels, slices of a part

It never scores and never predicts; it reads a slice when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget import files
from seget.dataset import Dataset, Tomogram
from seget.errors import InputError
from seget.results import ScoreMap, match, read_labels
from seget.volume import FULL_SCORE, Triple, Volume, known_pixel_nm


@dataclass(frozen=True)
class Predicted:
    """What stands in a folder for one tomogram: score maps by structure, and labels if any.

    `scored` has, by structure, the part and the slices that its scores are counted on.
    """

    tomogram: Tomogram
    scored: dict[str, tuple[str, tuple[int, ...]]]
    maps: dict[str, ScoreMap]
    scores: dict[str, Volume]
    labels: Volume | None
    values: dict[str, int]

    @property
    def structures(self) -> list[str]:
        """The structures that are both predicted and annotated."""
        return [structure for structure in self.maps if structure in self.tomogram.masks]

    @property
    def slices(self) -> tuple[int, ...]:
        """The slices on which any structure is scored, ascending."""
        return tuple(sorted({z for _, slices in self.scored.values() for z in slices}))

    def part_of(self, z: int) -> str:
        """Return the parts that a slice is in, such as " (test)"; "" for slices that were given."""
        parts = {part for part, slices in self.scored.values() if z in slices} - {"given"}
        return f" ({', '.join(sorted(parts))})" if parts else ""

    def groups(self) -> list[dict[str, Any]]:
        """Return tomogram, part, slices and structures, for each different part and slices."""
        groups: dict[tuple[str, tuple[int, ...]], list[str]] = {}
        for structure, scored in self.scored.items():
            groups.setdefault(scored, []).append(structure)
        return [
            {
                "tomogram": self.tomogram.name,
                "part": part,
                "slices": list(slices),
                "structures": structures,
            }
            for (part, slices), structures in groups.items()
            if slices
        ]

    @property
    def voxel_size_nm(self) -> Triple | None:
        """`(z, y, x)` edges of a voxel; None where unknown."""
        size = self.tomogram.image.voxel_size_nm
        return None if known_pixel_nm(size) is None else size

    def compared(self, structure: str) -> str:
        """Say what `found` is of: the labels, or scores above the threshold."""
        return "labels" if self._in_labels(structure) else "scores at the threshold"

    def found(self, structure: str, z: int) -> npt.NDArray[np.bool_]:
        """Return where a structure was found on a slice, `(y, x)`: in the labels if there are any.

        Without labels it is where the score is above the structure's threshold.
        """
        if self._in_labels(structure):
            assert self.labels is not None
            return np.asarray(self.labels.slice(z) == self.values[structure])
        threshold = self.maps[structure].sidecar.threshold
        return np.asarray(self.scores[structure].slice(z) > threshold * FULL_SCORE)

    def _in_labels(self, structure: str) -> bool:
        return self.labels is not None and structure in self.values


def find_predictions(
    folder: Path, dataset: Dataset, slices: tuple[int, ...] | str | None
) -> Iterator[Predicted]:
    """Yield what stands in `folder` for each tomogram of the dataset that was predicted.

    Raises
    ------
    InputError
        None was, maps under a tomogram's name are of another one, a map has another shape, or a
        slice asked for is not annotated.
    """
    found = False
    places = match(folder, {tomogram.name: tomogram.image for tomogram in dataset.tomograms})
    for tomogram in dataset.tomograms:
        maps = places[tomogram.name].maps if tomogram.name in places else {}
        if not set(maps) & set(tomogram.masks):
            continue
        found = True
        scored = _chosen_slices(tomogram, [s for s in maps if s in tomogram.masks], slices, dataset)
        scores = {s: files.read(m.path) for s, m in maps.items()}
        for structure, volume in scores.items():
            if volume.shape != tomogram.image.shape:
                raise InputError(
                    f"{maps[structure].path}: has shape {volume.shape}, the tomogram has "
                    f"{tomogram.image.shape}; predict again from this tomogram."
                )
        labels, values = read_labels(places[tomogram.name].folder, maps)
        yield Predicted(tomogram, scored, maps, scores, labels, values)
    if not found:
        raise InputError(
            f"{folder}: holds no score map of a tomogram and a structure of {dataset.path}; "
            "predict one of its tomograms into this folder."
        )


def _chosen_slices(
    tomogram: Tomogram,
    structures: list[str],
    slices: tuple[int, ...] | str | None,
    dataset: Dataset,
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return the part that is scored, in words, and its slices, of each structure."""
    masks = {structure: tomogram.masks[structure] for structure in structures}
    if slices is None:
        return {structure: mask.split.scored() for structure, mask in masks.items()}
    if isinstance(slices, str):
        return {structure: ("all", mask.annotated) for structure, mask in masks.items()}
    unknown = sorted(set(slices) - set(tomogram.annotated))
    if unknown:
        raise InputError(
            f"{dataset.path}: slice {unknown[0]} of {tomogram.name} is not annotated; "
            f"annotated are {tomogram.annotated[0]} to {tomogram.annotated[-1]}."
        )
    chosen = {}
    for structure, mask in masks.items():
        part, of_part = mask.split.scored()
        own = tuple(z for z in slices if z in mask.annotated)
        chosen[structure] = part if set(own) <= set(of_part) else "given", own
    return chosen

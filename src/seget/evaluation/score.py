"""Score maps and labels against the masks: the numbers of a result.

folder of results + Dataset -> {structure: mIOU and the rest}

It never predicts, never scores a slice that is not annotated, and gives no mIOU to a structure that
is on none of the scored slices. Paper: section 3.3, equation 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seget import files
from seget.dataset import Dataset, Tomogram
from seget.errors import InputError
from seget.evaluation.agreement import Agreement, StructureScores, Truth
from seget.metrics import mean_ignoring_absent
from seget.results import ScoreMap, match, read_labels
from seget.volume import Volume


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


def evaluate(
    folder: Path | str, dataset: Dataset, slices: tuple[int, ...] | str | None = None
) -> dict[str, Any]:
    """Score what stands in `folder` against a dataset's masks.

    Parameters
    ----------
    folder
        The -o of `seget predict` or `segment`; with several tomograms, one subfolder each.
    dataset
        Its test part is scored, else its validation part, else everything annotated.
    slices
        0-based slices to score instead, or `"all"` annotated ones.

    Returns
    -------
    The object of `seget evaluate --json`: `structures`, `mean_miou`, `scored`, `notes`, and under
    `not_predicted` the dataset's tomograms that are not in the scores. Each structure is scored on
    its own slices and its labelled pixels, whose number is `judged_px`. The mIOU, IoU and Dice of a
    structure that is on none of the scored slices are None, and left out of the mean; what was
    predicted of it stands in `false_positive_px`, `_nm2` (None where the voxel size is unknown) and
    `_share` (of the scored pixels), and in a sentence of `notes`.
    """
    counted: dict[str, StructureScores] = {}
    scored: list[dict[str, Any]] = []
    for predicted in find_predictions(Path(folder), dataset, slices):
        scored += predicted.groups()
        for structure in predicted.structures:
            threshold = predicted.maps[structure].sidecar.threshold
            scores = counted.setdefault(structure, StructureScores(threshold))
            _take_in(scores, predicted, structure)
    structures = {structure: one.summary() for structure, one in counted.items()}
    notes = []
    for structure, own in counted.items():
        # Slices that were asked for may be a few of the test slices: others may show the structure.
        parts = {one["part"] for one in scored if structure in one["structures"]}
        part = parts.pop() if slices in (None, "all") and len(parts) == 1 else "scored"
        if not own.scores.total.is_present:
            notes.append(_absence(structure, "annotated" if part == "all" else part, own.scores))
    mean = mean_ignoring_absent(s["miou"] for s in structures.values())[0]
    result: dict[str, Any] = without_nan(
        {"structures": structures, "mean_miou": mean, "scored": scored, "notes": notes}
    )
    names = {one["tomogram"] for one in scored}
    result["not_predicted"] = [t.name for t in dataset.tomograms if t.name not in names]
    return result


def _take_in(counted: StructureScores, predicted: Predicted, structure: str) -> None:
    """Count the scored slices of one tomogram."""
    name = predicted.tomogram.name
    pixel_nm2 = predicted.tomogram.image.pixel_area_nm2
    mask = predicted.tomogram.masks[structure]
    for z in predicted.scored[structure][1]:
        truth = Truth.of(mask, z)
        counted.add_slice(name, z, predicted.scores[structure].slice(z), truth, pixel_nm2)
        if predicted.labels is not None and structure in predicted.values:
            found = predicted.labels.slice(z) == predicted.values[structure]
            counted.labels.add(name, z, found, truth, pixel_nm2)


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


def _absence(structure: str, part: str, agreement: Agreement) -> str:
    """Say that a structure is on no slice of a part, and what was predicted of it all the same."""
    if not agreement.total.pixels:
        return (
            f"{structure} is not annotated on any {part} slice: nothing of it was judged, and it "
            "is left out of the mean."
        )
    found = agreement.false_positives()
    area = found["false_positive_nm2"]
    return (
        f"{structure} is on no {part} slice: it has no mIOU and is left out of the mean; "
        f"{found['false_positive_px']:,} px of it were predicted there, "
        f"{found['false_positive_share']:.3%} of the image"
        + (f", {area:,.0f} nm2." if not math.isnan(area) else ".")
    )


def without_nan(value: Any) -> Any:
    """Return the same plain value with None for nan, which JSON does not have."""
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [without_nan(item) for item in value]
    return value

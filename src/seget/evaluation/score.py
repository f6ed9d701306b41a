"""Score maps and labels against the masks: the numbers of a result.

folder of results + Dataset -> {structure: mIOU and the rest}

It never predicts, never scores a slice that is not annotated, and gives no mIOU to a structure that
is on none of the scored slices. Paper: section 3.3, equation 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seget.bootstrap import mean_interval
from seget.dataset import Dataset, slice_ranges
from seget.evaluation.agreement import Agreement, StructureScores, Truth
from seget.evaluation.object_scores import ObjectScores
from seget.evaluation.predicted import Predicted, find_predictions
from seget.metrics import mean_ignoring_absent

# What the scores of slices are worth that a model has seen, by the part that they had.
SEEN = {
    "train": (
        "taught the model {}: their scores tell how well they are learnt, not how well other "
        "slices are segmented; hold some out (docs/dataset.md)."
    ),
    "validation": (
        "chose the epoch and the threshold of {}, which flatters: only slices that chose nothing "
        "tell how good it is (holdout, docs/dataset.md)."
    ),
}


def evaluate(
    folder: Path | str,
    dataset: Dataset,
    slices: tuple[int, ...] | str | None = None,
    tolerance_nm: float | None = None,
) -> dict[str, Any]:
    """Score what stands in `folder` against a dataset's masks.

    Parameters
    ----------
    folder
        The -o of `seget predict` or `segment`; with several tomograms, one subfolder each.
    dataset, slices
        Its test part is scored, else its validation part, else everything annotated; or 0-based
        slices that are given, or `"all"` annotated ones.
    tolerance_nm
        Up to which boundaries agree; None: two pixels.

    Returns
    -------
    The object of `seget evaluate --json`: `structures`, `mean_miou`, `scored`, `notes`, and under
    `not_predicted` the dataset's tomograms that are not in the scores. Each structure is scored on
    its own slices and its labelled pixels (`judged_px`). The mIOU, IoU and Dice of a structure that
    is on none of them are None, and left out of the mean; what was predicted of it stands in
    `false_positive_px`, `_nm2` (None where the voxel size is unknown) and `_share`. `notes` say
    that, and which scored slices the model has seen. `miou_interval` and `mean_miou_interval` are
    95 % intervals (see `bootstrap`), None of few slices. `objects` of a structure has its objects
    and boundaries (see `ObjectScores`), and `object_errors` each that is wrong, the largest first.
    """
    counted: dict[str, StructureScores] = {}
    objects: dict[str, ObjectScores] = {}
    scored: list[dict[str, Any]] = []
    notes: list[str] = []
    for predicted in find_predictions(Path(folder), dataset, slices):
        scored += predicted.groups()
        notes += _flattery(predicted)
        for structure in predicted.structures:
            _take_in(counted, predicted, structure)
            objects.setdefault(structure, ObjectScores(tolerance_nm)).add(predicted, structure)
    structures = {s: one.summary() | objects[s].summary() for s, one in counted.items()}
    result = {
        "structures": structures,
        "mean_miou": mean_ignoring_absent(s["miou"] for s in structures.values())[0],
        "mean_miou_interval": mean_interval([one.scores.counts() for one in counted.values()]),
        "scored": scored,
        "notes": notes + _absences(counted, scored, slices in (None, "all")),
        "object_errors": _errors(objects.values()),
        "not_predicted": _not_in(scored, dataset),
    }
    return dict(without_nan(result))


def _not_in(scored: list[dict[str, Any]], dataset: Dataset) -> list[str]:
    """Return the names of the dataset's tomograms of which nothing is scored."""
    names = {one["tomogram"] for one in scored}
    return [tomogram.name for tomogram in dataset.tomograms if tomogram.name not in names]


def _errors(scores: Iterable[ObjectScores]) -> list[dict[str, Any]]:
    """Return the objects that are wrong, the largest first."""
    return sorted((e for one in scores for e in one.errors), key=lambda error: -error["voxels"])


def _take_in(counted: dict[str, StructureScores], predicted: Predicted, structure: str) -> None:
    """Count the scored slices of one tomogram."""
    threshold = predicted.maps[structure].sidecar.threshold
    scores = counted.setdefault(structure, StructureScores(threshold))
    name = predicted.tomogram.name
    pixel_nm2 = predicted.tomogram.image.pixel_area_nm2
    mask = predicted.tomogram.masks[structure]
    for z in predicted.scored[structure][1]:
        truth = Truth.of(mask, z)
        scores.add_slice(name, z, predicted.scores[structure].slice(z), truth, pixel_nm2)
        if predicted.labels is not None and structure in predicted.values:
            found = predicted.labels.slice(z) == predicted.values[structure]
            scores.labels.add(name, z, found, truth, pixel_nm2)


def _flattery(predicted: Predicted) -> list[str]:
    """Say which scored slices the models have seen, and what their scores are worth."""
    notes = []
    for part, sentence in SEEN.items():
        of_slices: dict[tuple[int, ...], list[str]] = {}
        for structure in predicted.structures:
            learnt = predicted.maps[structure].sidecar.learnt
            seen = set(getattr(learnt, part)) if learnt else set()
            if found := tuple(z for z in predicted.scored[structure][1] if z in seen):
                of_slices.setdefault(found, []).append(structure)
        notes += [
            f"{predicted.tomogram.name}: slice{'s' if len(z) > 1 else ''} {slice_ranges(z)} "
            + sentence.format(", ".join(structures))
            for z, structures in of_slices.items()
        ]
    return notes


def _absences(
    counted: dict[str, StructureScores], scored: list[dict[str, Any]], are_whole: bool
) -> list[str]:
    """Say which structures are on none of the scored slices; `are_whole`: these are whole parts."""
    notes = []
    for structure, own in counted.items():
        # Slices that were asked for may be a few of the test slices: others may show the structure.
        parts = {one["part"] for one in scored if structure in one["structures"]}
        part = parts.pop() if are_whole and len(parts) == 1 else "scored"
        if not own.scores.total.is_present:
            notes.append(_absence(structure, "annotated" if part == "all" else part, own.scores))
    return notes


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

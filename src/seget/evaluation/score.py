"""Score maps and labels against the masks: the numbers of a result.

folder of results + Dataset -> {structure: mIOU and the rest}

It never predicts, never scores a slice that is not annotated, and gives no mIOU to a structure that
is on none of the scored slices. Paper: section 3.3, equation 6.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from seget import files
from seget.dataset import Dataset, Tomogram
from seget.errors import InputError
from seget.metrics import Counts, count, mean_ignoring_absent
from seget.patches import corners
from seget.results import ScoreMap, match, read_labels
from seget.volume import FULL_SCORE, Volume

# The paper's patches, so that "per patch" means what it meant there (3.1).
PATCH_PX, STRIDE_PX = 512, 256

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Predicted:
    """What stands in a folder for one tomogram: score maps by structure, and labels if any."""

    tomogram: Tomogram
    part: str
    slices: tuple[int, ...]
    maps: dict[str, ScoreMap]
    scores: dict[str, Volume]
    labels: Volume | None
    values: dict[str, int]

    @property
    def structures(self) -> list[str]:
        """The structures that are both predicted and annotated."""
        return [structure for structure in self.maps if structure in self.tomogram.masks]


@dataclass
class Agreement:
    """Counts of one structure: over everything, a slice (with its pixel's area in nm2), a patch."""

    total: Counts = field(default_factory=Counts)
    slices: list[tuple[str, int, Counts, float]] = field(default_factory=list)
    patches: list[Counts] = field(default_factory=list)

    def add(
        self, tomogram: str, z: int, prediction: Bools, truth: Bools, pixel_nm2: float = math.nan
    ) -> None:
        """Take in a slice; `pixel_nm2` is the area of its pixels, nan if unknown."""
        counts = count(prediction, truth)
        self.total += counts
        self.slices.append((tomogram, z, counts, pixel_nm2))
        for y, x in corners((truth.shape[0], truth.shape[1]), PATCH_PX, STRIDE_PX):
            part = (slice(y, y + PATCH_PX), slice(x, x + PATCH_PX))
            self.patches.append(count(prediction[part], truth[part]))

    def counts(self) -> list[list[Any]]:
        """Return [tomogram, slice, tp, fp, fn, tn] of each slice."""
        return [[name, z, c.tp, c.fp, c.fn, c.tn] for name, z, c, _ in self.slices]

    def false_positives(self) -> dict[str, float]:
        """Return what was predicted where truth has nothing, over all slices."""
        area_nm2 = math.fsum(c.fp * pixel_nm2 for _, _, c, pixel_nm2 in self.slices)
        return _false_positives(self.total, area_nm2)

    def summary(self) -> dict[str, Any]:
        """Return the scores under the names of `seget evaluate --json`; nan where it is absent."""
        per_patch, absent = mean_ignoring_absent(c.miou for c in self.patches)
        return {
            "miou": self.total.miou,
            "iou": self.total.iou,
            "dice": self.total.dice,
            "pixel_accuracy": self.total.pixel_accuracy,
            **self.false_positives(),
            "miou_per_slice": [
                {"tomogram": name, "slice": z, "miou": c.miou}
                | _false_positives(c, c.fp * pixel_nm2)
                for name, z, c, pixel_nm2 in self.slices
            ],
            "miou_per_patch": per_patch,
            "patches": len(self.patches),
            "patches_without_foreground": absent,
            "foreground_fraction": self.total.foreground_fraction,
        }


@dataclass
class StructureScores:
    """All that is counted of one structure: its scores at 0.5, at its threshold, its labels."""

    threshold: float
    scores: Agreement = field(default_factory=Agreement)
    labels: Agreement = field(default_factory=Agreement)
    at_threshold: Counts = field(default_factory=Counts)

    def add(self, predicted: Predicted, structure: str) -> None:
        """Take in the scored slices of one tomogram."""
        name = predicted.tomogram.name
        pixel_nm2 = predicted.tomogram.image.pixel_area_nm2
        for z in predicted.slices:
            truth = predicted.tomogram.masks[structure].slice(z)
            self.add_slice(name, z, predicted.scores[structure].slice(z), truth, pixel_nm2)
            if predicted.labels is not None and structure in predicted.values:
                labels = predicted.labels.slice(z)
                found = labels == predicted.values[structure]
                self.labels.add(name, z, found, truth, pixel_nm2)

    def add_slice(
        self,
        tomogram: str,
        z: int,
        scores: npt.NDArray[np.uint8],
        truth: Bools,
        pixel_nm2: float = math.nan,
    ) -> None:
        """Take in the scores `(y, x)` of one slice, 0..127; see `Agreement.add`."""
        self.scores.add(tomogram, z, scores > 0.5 * FULL_SCORE, truth, pixel_nm2)
        self.at_threshold += count(scores > self.threshold * FULL_SCORE, truth)

    def summary(self) -> dict[str, Any]:
        """Return the structure's entry of `seget evaluate --json`."""
        summary = self.scores.summary() | {
            "threshold": self.threshold,
            "miou_at_threshold": self.at_threshold.miou,
        }
        return summary | ({"labels": self.labels.summary()} if self.labels.slices else {})


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
    `not_predicted` the dataset's tomograms that are not in the scores. The mIOU, IoU and Dice of a
    structure that is on none of the scored slices are None, and left out of the mean; what was
    predicted of it stands in `false_positive_px`, `_nm2` (None where the voxel size is unknown) and
    `_share` (of the scored pixels), and in a sentence of `notes`.
    """
    counted: dict[str, StructureScores] = {}
    scored: list[dict[str, Any]] = []
    for predicted in find_predictions(Path(folder), dataset, slices):
        name = predicted.tomogram.name
        scored.append({"tomogram": name, "part": predicted.part, "slices": list(predicted.slices)})
        for structure in predicted.structures:
            threshold = predicted.maps[structure].sidecar.threshold
            counted.setdefault(structure, StructureScores(threshold)).add(predicted, structure)
    structures = {structure: one.summary() for structure, one in counted.items()}
    # Slices that were asked for may be a few of the test slices: others may show the structure.
    parts = {one["part"] for one in scored} if slices in (None, "all") else {"scored"}
    part = parts.pop() if len(parts) == 1 else "scored"
    part = "annotated" if part == "all" else part
    notes = [
        _absence(structure, part, one.scores)
        for structure, one in counted.items()
        if not one.scores.total.is_present
    ]
    mean = mean_ignoring_absent(s["miou"] for s in structures.values())[0]
    result: dict[str, Any] = without_nan(
        {"structures": structures, "mean_miou": mean, "scored": scored, "notes": notes}
    )
    names = {one["tomogram"] for one in scored}
    result["not_predicted"] = [t.name for t in dataset.tomograms if t.name not in names]
    return result


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
        part, chosen = _chosen_slices(tomogram, slices, dataset)
        scores = {s: files.read(m.path) for s, m in maps.items()}
        for structure, volume in scores.items():
            if volume.shape != tomogram.image.shape:
                raise InputError(
                    f"{maps[structure].path}: has shape {volume.shape}, the tomogram has "
                    f"{tomogram.image.shape}; predict again from this tomogram."
                )
        labels, values = read_labels(places[tomogram.name].folder, maps)
        yield Predicted(tomogram, part, chosen, maps, scores, labels, values)
    if not found:
        raise InputError(
            f"{folder}: holds no score map of a tomogram and a structure of {dataset.path}; "
            "predict one of its tomograms into this folder."
        )


def _chosen_slices(
    tomogram: Tomogram, slices: tuple[int, ...] | str | None, dataset: Dataset
) -> tuple[str, tuple[int, ...]]:
    """Return the part that is scored, in words, and its slices."""
    if slices is None:
        return tomogram.split.scored()
    if isinstance(slices, str):
        return "all", tomogram.annotated
    unknown = sorted(set(slices) - set(tomogram.annotated))
    if unknown:
        raise InputError(
            f"{dataset.path}: slice {unknown[0]} of {tomogram.name} is not annotated; "
            f"annotated are {tomogram.annotated[0]} to {tomogram.annotated[-1]}."
        )
    part, scored = tomogram.split.scored()
    return part if set(slices) <= set(scored) else "given", slices


def _false_positives(counts: Counts, area_nm2: float) -> dict[str, float]:
    """Return the foreground that is in the prediction alone: pixels, area, share of the image."""
    return {
        "false_positive_px": counts.fp,
        "false_positive_nm2": area_nm2,
        "false_positive_share": counts.false_positive_share,
    }


def _absence(structure: str, part: str, agreement: Agreement) -> str:
    """Say that a structure is on no slice of a part, and what was predicted of it all the same."""
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

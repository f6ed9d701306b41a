"""What `evaluate` found as tables for other programs.

result of `evaluate` -> scores.csv, a line a structure; object_errors.csv, a line an object

It never computes a score. A cell is empty where there is no number.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from seget import files

SCORES, ERRORS = "scores.csv", "object_errors.csv"
OF_PIXELS = (
    "miou", "miou_at_threshold", "iou", "dice", "pixel_accuracy", "false_positive_px", "judged_px",
)  # fmt: skip
OF_OBJECTS = (
    "compared", "surface_dice", "surface_tolerance_nm", "centre_line_dice", "f1", "truth",
    "predicted", "found", "missed", "invented", "split", "merged", "inexact", "truth_specks",
    "predicted_specks",
)  # fmt: skip
OF_ERRORS = (
    "kind", "structure", "tomogram", "voxels", "volume_nm3", "z_nm", "y_nm", "x_nm",
    "z_px", "y_px", "x_px", "first_slice", "last_slice", "parts", "iou",
)  # fmt: skip


def write_tables(folder: Path, result: dict[str, Any]) -> None:
    """Write both tables into a folder."""
    lines = []
    for structure, scores in result["structures"].items():
        labels = scores["labels"]["miou"] if "labels" in scores else None
        ends = scores["miou_interval"] or (None, None)
        pixels = [scores[key] for key in OF_PIXELS]
        objects = [scores["objects"][key] for key in OF_OBJECTS]
        lines.append([structure, labels, *ends, *pixels, *objects])
    head = ("structure", "miou_of_labels", "miou_low", "miou_high", *OF_PIXELS, *OF_OBJECTS)
    files.write_text(folder / SCORES, _csv(head, lines))
    errors = ([error[key] for key in OF_ERRORS] for error in result["object_errors"])
    files.write_text(folder / ERRORS, _csv(OF_ERRORS, errors))


def _csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([f"{value:.7g}" if isinstance(value, float) else value for value in row])
    return text.getvalue()

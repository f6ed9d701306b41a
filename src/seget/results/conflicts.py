"""What stands beside labels: where they were contested, and a table of what decided.

Fusion -> conflicts.csv; labels.mrc -> conflicts.mrc

It never decides: `fusion` did.
"""

from __future__ import annotations

import csv
import io
from math import prod
from pathlib import Path

from seget import files
from seget.fusion import Fusion

CONFLICTS = files.Legend(
    {1: "claimed by two structures", 2: "missed by a hair"}, {1: "#ff0000", 2: "#ffff00"}
)
COLUMNS = ("structure_a", "structure_b", "voxels", "nm3", "objects", "decided_by")


def conflicts_path(labels: Path) -> Path:
    """Return where the conflicts of labels stand: conflicts.mrc beside labels.mrc."""
    name = "conflicts" if labels.stem == "labels" else f"{labels.stem}_conflicts"
    return labels.with_name(f"{name}{labels.suffix}")


def write_table(conflicts: Path, fusion: Fusion) -> None:
    """Write the table of a fusion as `.csv` beside its conflicts; nm3 is empty where unknown."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    voxel_nm3 = prod(fusion.voxel_size_nm) if fusion.voxel_size_nm else None
    for a, b, voxels, objects, decided_by in fusion.table():
        nm3 = "" if voxel_nm3 is None else f"{voxels * voxel_nm3:.6g}"
        writer.writerow((a, b, voxels, nm3, objects, decided_by))
    files.write_text(conflicts.with_suffix(".csv"), text.getvalue())

"""How far predicted labels move what is measured: the same numbers from true masks and from labels.

python -m benchmarks.measured PHANTOM SEGMENTED -> a table in Markdown

PHANTOM is the folder of `seget phantom`, SEGMENTED that of `seget segment` on its tomogram. It
never trains: how good the labels are is the caller's.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from seget import files
from seget.measurement import Options, measure_files
from seget.results import LABELS, read_labels

# Column of the table -> key of summary.json, and what it is divided by.
SHOWN = {
    "objects": ("objects", 1),
    "volume, um3": ("volume_nm3", 1e9),
    "surface, um2": ("surface_nm2", 1e6),
    "median diameter, nm": ("median_equivalent_diameter_nm", 1),
    "length of all tubes, nm": ("length_nm", 1),
    "width, nm": ("width", 1),
}


def main() -> None:
    """Measure both and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("phantom", type=Path)
    parser.add_argument("segmented", type=Path)
    parser.add_argument("--min-voxels", type=int, default=1)
    given = parser.parse_args()
    volume, values = read_labels(given.segmented)
    assert volume is not None, f"{given.segmented / LABELS}: not there"
    truth = np.zeros(volume.shape, np.uint8)
    for name, value in values.items():
        truth[np.asarray(files.read(given.phantom / f"{name}.mrc").data) > 0] = value
    named = tuple(f"{name}={value}" for name, value in values.items())
    options = Options(structures=named, min_voxels=given.min_voxels, meshes=None)
    with TemporaryDirectory() as folder:
        true = measure_files(volume.on_same_grid(truth, "truth"), Path(folder, "true"), options)
        said = measure_files(volume, Path(folder, "predicted"), options)
    print("| structure | " + " | ".join(SHOWN) + " |")
    print("|---" * (1 + len(SHOWN)) + "|")
    for name in values:
        cells = [_cell(true["structures"][name], said["structures"][name], k) for k in SHOWN]
        print(f"| {name} | " + " | ".join(cells) + " |")


def _cell(true: Mapping[str, Any], predicted: Mapping[str, Any], column: str) -> str:
    """Return the true number, the predicted one, and by how much it is off."""
    key, unit = SHOWN[column]
    a, b = (_number(said[key]) for said in (true, predicted))
    if not a or b is None:
        return ""
    if key == "objects":
        return f"{a:.0f} -> {b:.0f}"
    return f"{a / unit:.4g} -> {b / unit:.4g} ({b / a - 1:+.1%})"


def _number(value: Any) -> float | None:
    return value["mean_nm"] if isinstance(value, dict) else value


if __name__ == "__main__":
    main()

"""How far predicted labels move what is measured: the same numbers from true masks and from labels.

python -m benchmarks.measured PHANTOM... -> a table in Markdown

PHANTOM is a folder of `seget phantom`; SEGMENTED, that of `seget segment` on its tomogram, stands
in it. It never trains: how good the labels are is the caller's.
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
    parser.add_argument("phantoms", type=Path, nargs="+", metavar="PHANTOM")
    parser.add_argument("--segmented", default="segmented", help="name of the folder in each")
    parser.add_argument("--smallest-nm3", type=float, help="the default is that of seget measure")
    given = parser.parse_args()
    smallest = {} if given.smallest_nm3 is None else {"any": given.smallest_nm3}
    print("| cell | structure | " + " | ".join(SHOWN) + " | left out |")
    print("|---" * (3 + len(SHOWN)) + "|")
    for phantom in given.phantoms:
        true, said = _both(phantom, phantom / given.segmented, smallest)
        for name in said:
            cells = [_cell(true[name], said[name], column) for column in SHOWN]
            cells.append(str(said[name]["left_out"]["objects"]))
            print(f"| {phantom.name} | {name} | " + " | ".join(cells) + " |", flush=True)


def _both(
    phantom: Path, segmented: Path, smallest: dict[str, float]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the numbers of each structure from the true masks and from the labels."""
    volume, values = read_labels(segmented)
    assert volume is not None, f"{segmented / LABELS}: not there"
    truth = np.zeros(volume.shape, np.uint8)
    for name, value in values.items():
        truth[np.asarray(files.read(phantom / f"{name}.mrc").data) > 0] = value
    named = tuple(f"{name}={value}" for name, value in values.items())
    options = Options(structures=named, smallest_nm3=smallest, meshes=None)
    with TemporaryDirectory() as folder:
        true = measure_files(volume.on_same_grid(truth, "truth"), Path(folder, "true"), options)
        said = measure_files(volume, Path(folder, "predicted"), options)
    return true["structures"], said["structures"]


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

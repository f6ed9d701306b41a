"""How long `seget measure` takes for a large volume, and how much memory.

    python -m benchmarks.measure_large [FOLDER]

draws a simulated cell, mirrors its labels until they fill 76 x 2048 x 2048 voxels, measures them by
the command in a process of its own, and prints seconds and the highest anonymous memory (Linux).
FOLDER keeps labels and outputs (3 GB); without it they are removed. It says nothing of how exact
the measures are.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from benchmarks.bench.memory import SEGET, peak_bytes

from seget import files

SHAPE = (76, 2048, 2048)
EDGE_PX = 512  # of the cell that is mirrored


def labels(folder: Path) -> tuple[Path, list[str]]:
    """Return a label volume of `SHAPE`, a cell mirrored, and its structures; drawn once."""
    path = folder / "labels.mrc"
    if path.exists():
        return path, _structures(folder)
    size = f"{SHAPE[0]},{EDGE_PX},{EDGE_PX}"
    subprocess.run([SEGET, "phantom", folder / "cell", "--size", size], check=True)
    masks = [files.read(folder / "cell" / f"{name}.mrc") for name in _structures(folder)]
    repeats = ((0, SHAPE[1] - EDGE_PX), (0, SHAPE[2] - EDGE_PX))
    like = files.read(folder / "cell" / "tomogram.mrc")
    with files.create(path, like=like, dtype=np.uint8, shape=SHAPE) as out:
        for z in range(SHAPE[0]):
            plane = np.zeros((EDGE_PX, EDGE_PX), np.uint8)
            for number, mask in enumerate(masks, start=1):
                plane[mask.slice(z) > 0] = number
            out[z] = np.pad(plane, repeats, mode="symmetric")
    return path, _structures(folder)


def _structures(folder: Path) -> list[str]:
    stems = sorted(path.stem for path in (folder / "cell").glob("*.mrc"))
    return [stem for stem in stems if stem != "tomogram"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", help="keeps labels and outputs")
    given = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        path, structures = labels(folder)
        named = [f"--structure={name}={n}" for n, name in enumerate(structures, start=1)]
        out = folder / "measured"
        peak, seconds = peak_bytes([SEGET, "measure", path, "-o", out, "--overwrite", *named])
        objects = sum(1 for _ in (out / "objects.csv").open()) - 1
    shape = " x ".join(map(str, SHAPE))
    print(f"{shape}, {objects} objects: {seconds:.0f} s, {peak / 1e9:.2f} GB")


if __name__ == "__main__":
    main()

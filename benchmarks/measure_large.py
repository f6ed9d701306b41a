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
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from seget import files

SHAPE = (76, 2048, 2048)
EDGE_PX = 512  # of the cell that is mirrored


def labels(folder: Path) -> tuple[Path, list[str]]:
    """Return a label volume of `SHAPE`, a cell mirrored, and its structures; drawn once."""
    path = folder / "labels.mrc"
    if path.exists():
        return path, _structures(folder)
    size = f"{SHAPE[0]},{EDGE_PX},{EDGE_PX}"
    _seget("phantom", str(folder / "cell"), "--size", size)
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


def _seget(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "seget", *arguments], check=True)


def measure(path: Path, structures: list[str], out: Path) -> tuple[float, float]:
    """Return the seconds and the highest anonymous memory, in GB, of one measurement."""
    start, highest = time.perf_counter(), 0.0
    command = [sys.executable, "-m", "seget", "measure", str(path), "-o", str(out), "--overwrite"]
    for number, name in enumerate(structures, start=1):
        command += ["--structure", f"{name}={number}"]
    with subprocess.Popen(command) as process:
        while process.poll() is None:
            highest = max(highest, _anonymous_gb(process.pid))
            time.sleep(0.1)
        if process.returncode:
            raise SystemExit(process.returncode)
    return time.perf_counter() - start, highest


def _anonymous_gb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = [line.split()[1] for line in status.splitlines() if line.startswith("RssAnon:")]
    return int(found[0]) * 1024 / 1e9 if found else 0.0  # none while it ends


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?", help="keeps labels and outputs")
    given = parser.parse_args()
    with TemporaryDirectory() as scratch:
        folder = given.folder or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        seconds, gigabytes = measure(*labels(folder), folder / "measured")
        objects = sum(1 for _ in (folder / "measured" / "objects.csv").open()) - 1
    shape = " x ".join(map(str, SHAPE))
    print(f"{shape}, {objects} objects: {seconds:.0f} s, {gigabytes:.2f} GB")


if __name__ == "__main__":
    main()

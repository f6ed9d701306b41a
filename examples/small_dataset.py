"""A small made-up tomogram with two structures, to try seget on.

    python examples/small_dataset.py FOLDER

Writes tomogram.mrc, a mask a structure and dataset.toml: bright granules and dark microtubule-like
rods in noise, 20 x 256 x 256 voxels of 4 nm. It resembles no real cell; it is there to run on.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

import seget

SHAPE = (20, 256, 256)
DATASET = """\
name = "example"
holdout = "block"

[[tomogram]]
image = "tomogram.mrc"

[tomogram.masks]
granules = "granules.mrc"
microtubules = "microtubules.mrc"
"""

Bools = npt.NDArray[np.bool_]


def granules(rng: np.random.Generator) -> Bools:
    """Return twelve drifting ellipses: `(z, y, x)`."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    mask = np.zeros(SHAPE, np.bool_)
    for _ in range(12):
        cy, cx, dy, dx = *rng.uniform(20, 236, 2), *rng.uniform(-1, 1, 2)
        ry, rx = rng.uniform(9, 18, 2)
        mask |= np.hypot((y - cy - dy * z) / ry, (x - cx - dx * z) / rx) < 1
    return mask


def microtubules(rng: np.random.Generator) -> Bools:
    """Return eight straight rods that cross the volume: `(z, y, x)`."""
    z, y, x = np.ogrid[: SHAPE[0], : SHAPE[1], : SHAPE[2]]
    mask = np.zeros(SHAPE, np.bool_)
    for _ in range(8):
        angle, offset, drift = rng.uniform(0, np.pi), rng.uniform(-100, 100), rng.uniform(-1, 1)
        across = np.cos(angle) * (y - 128) + np.sin(angle) * (x - 128)
        mask |= np.abs(across - offset - drift * z) < 3
    return mask


def main(folder: Path) -> None:
    """Write the dataset into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    bodies = granules(rng)
    rods = microtubules(rng) & ~bodies
    grey = 130.0 + 45.0 * bodies - 45.0 * rods
    noise = rng.normal(0, 25, SHAPE)
    noise = (noise + np.roll(noise, 1, axis=1) + np.roll(noise, 1, axis=2)) / np.sqrt(3)
    image = np.clip(grey + noise, 0, 255).round().astype(np.uint8)
    masks = {"granules": bodies, "microtubules": rods}
    for name, data in {"tomogram": image, **masks}.items():
        volume = seget.Volume(data.astype(np.uint8), (4.0, 4.0, 4.0), (0.0, 0.0, 0.0), name)
        seget.write(folder / f"{name}.mrc", volume)
    (folder / "dataset.toml").write_text(DATASET)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/small_dataset.py FOLDER")
    main(Path(sys.argv[1]))

"""What a model does on tomograms unlike those it was trained on: frames, hot voxels, voxel sizes.

    python benchmarks/other_tomograms.py [--steps 900] [--plain | --native]

Trains one joint model on the simulated cell of seed 0 at 4.51 nm, then scores the cell of seed 1 as
it is, in frames and between empty slices, with hot voxels, with its contrast turned, and rendered
at half and at twice the voxel size. With --plain the same is scored without what seget does about
it where that can be switched off (--no-rescale, no --invert). With --native only the cells of other
voxel sizes are scored, each by a model that was trained at its own. Prints a Markdown table and
writes build/other_tomograms.json; phantoms and runs are kept in build/other_tomograms.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import numpy.typing as npt

from seget import files
from seget.cli.demo import DEMO_SETTINGS
from seget.dataset import read_dataset
from seget.metrics import Counts, count
from seget.phantom import PRESETS, simulate
from seget.prediction import Options, predict
from seget.recipes import modern
from seget.trained import Trained
from seget.training import Run, train
from seget.volume import FULL_SCORE, Volume

Array = npt.NDArray[Any]
Masks = Mapping[str, Array]

BUILD = Path("build")
PLACE = BUILD / "other_tomograms"
SMALL = PRESETS["small"]


def padded(
    share: float, value: float | None = 0.0
) -> Callable[[Array, Masks], tuple[Array, Masks]]:
    """Put a frame around every slice, of so large a share of it; None takes the mean grey value."""

    def change(image: Array, masks: Masks) -> tuple[Array, Masks]:
        edge = int(image.shape[1] / (1 - share) ** 0.5 - image.shape[1]) // 2
        wide = ((0, 0), (edge, edge), (edge, edge))
        filling = image.mean().round() if value is None else value
        framed = np.pad(image, wide, constant_values=filling)
        return framed, {name: np.pad(mask, wide) for name, mask in masks.items()}

    return change


def between_empty_slices(image: Array, masks: Masks) -> tuple[Array, Masks]:
    """Put eight black slices at either end."""
    deep = ((8, 8), (0, 0), (0, 0))
    return np.pad(image, deep), {name: np.pad(mask, deep) for name, mask in masks.items()}


def with_nan_sides(image: Array, masks: Masks) -> tuple[Array, Masks]:
    """Replace the outer tenth on either side by NaN; what was drawn there does not count."""
    made, kept = image.astype(np.float32), {name: mask.copy() for name, mask in masks.items()}
    edge = image.shape[2] // 10
    for part in (np.s_[..., :edge], np.s_[..., -edge:]):
        made[part] = np.nan
        for mask in kept.values():
            mask[part] = False
    return made, kept


def with_hot_voxels(number: int, value: float) -> Callable[[Array, Masks], tuple[Array, Masks]]:
    """Set some voxels to a value far out."""

    def change(image: Array, masks: Masks) -> tuple[Array, Masks]:
        hot = image.astype(np.float32)
        hot.ravel()[np.random.default_rng(1).integers(0, hot.size, number)] = value
        return hot, masks

    return change


SITUATIONS: dict[str, Callable[[Array, Masks], tuple[Array, Masks]]] = {
    "as it is": lambda image, masks: (image, masks),
    "black frame, 5 %": padded(0.05),
    "black frame, 10 %": padded(0.10),
    "black frame, 55 %": padded(0.55),
    "white frame, 25 %": padded(0.25, 255.0),
    "frame of the mean, 25 %": padded(0.25, None),
    "8 + 8 empty slices": between_empty_slices,
    "NaN sides": with_nan_sides,
    "5 voxels of 1e5": with_hot_voxels(5, 1e5),
    "20 voxels of 1e4": with_hot_voxels(20, 1e4),
    "2000 voxels of 3e3": with_hot_voxels(2000, 3e3),
    "contrast turned": lambda image, masks: (255 - image, masks),
}


def phantom(seed: int, factor: float = 1.0) -> Path:
    """Simulate a cell, `factor` times as many voxels an edge; return its dataset.toml."""
    edges = tuple(round(edge * factor) for edge in SMALL.shape)
    shape = (edges[0], edges[1], edges[2])
    folder = PLACE / f"cell-{seed}-{SMALL.voxel_nm / factor:.4g}nm"
    toml = folder / "dataset.toml"
    if not toml.exists():
        made = simulate(replace(SMALL, seed=seed, shape=shape, voxel_nm=SMALL.voxel_nm / factor))
        for name, volume in {"tomogram": made.tomogram, **made.masks}.items():
            files.write(folder / f"{name}.mrc", volume)
        files.write_text(toml, made.dataset_toml)
    return toml


def model(steps: int, factor: float = 1.0) -> Trained:
    """Train on the first cell, or take up what was trained."""
    dataset = read_dataset(phantom(0, factor))
    recipe = modern().override([*DEMO_SETTINGS, f"epochs={-(-steps // 50)}"])
    run = Run(PLACE / f"run-{steps}{'' if factor == 1 else f'-{factor:g}'}", resume=True)
    return train(dataset, dataset.structures, recipe, run)


def opened(toml: Path) -> tuple[Volume, dict[str, Array]]:
    """Return a cell's tomogram and its masks, in memory."""
    tomogram = read_dataset(toml).tomograms[0]
    depth = range(tomogram.image.shape[0])
    masks = {s: np.stack([m.slice(z) for z in depth]) for s, m in tomogram.masks.items()}
    return replace(tomogram.image, data=np.asarray(tomogram.image.data)), masks


def scores(volume: Volume, masks: Masks, trained: Trained, options: Options) -> dict[str, float]:
    """Return the mIOU at 0.5 of each structure over the whole volume."""
    found = predict(volume, trained, options)
    counts: dict[str, Counts] = {
        s: count(np.asarray(found[s].data) > 0.5 * FULL_SCORE, masks[s].astype(bool))
        for s in trained.structures
    }
    return {structure: one.miou for structure, one in counts.items()}


def in_situations(trained: Trained, plain: bool) -> dict[str, dict[str, float]]:
    """Return the mIOUs of the second cell in each situation."""
    rows = {}
    volume, masks = opened(phantom(1))
    for name, change in SITUATIONS.items():
        image, drawn = change(np.asarray(volume.data), masks)
        options = Options(invert=name == "contrast turned" and not plain)
        rows[name] = scores(replace(volume, data=image), drawn, trained, options)
    return rows


def main() -> None:
    """Train, score, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--plain", action="store_true")
    parser.add_argument("--native", action="store_true")
    asked = parser.parse_args()
    trained = model(asked.steps)
    rows: dict[str, dict[str, float]] = {}
    if not asked.native:
        rows |= in_situations(trained, asked.plain)
    for factor in (2.0, 0.5):
        volume, masks = opened(phantom(1, factor))
        nm = SMALL.voxel_nm / factor
        used = model(asked.steps, factor) if asked.native else trained
        rows[f"{nm:.4g} nm a voxel"] = scores(volume, masks, used, Options(rescale=not asked.plain))
    structures = list(trained.structures)
    print(f"| tomogram | mean | {' | '.join(structures)} |\n|---|{'---:|' * (len(structures) + 1)}")
    for name, row in rows.items():
        numbers = [mean(row.values()), *(row[s] for s in structures)]
        print(f"| {name} | {' | '.join(f'{number:.3f}' for number in numbers)} |")
    result = {"steps": asked.steps, "plain": asked.plain, "native": asked.native, "miou": rows}
    (BUILD / "other_tomograms.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()

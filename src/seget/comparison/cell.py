"""One cell: a network trained and scored on slices it has not seen.

Cell + dataset.toml + folder -> run folder, scores of the test slices, a plain result

It never looks at another cell. A cell may run in another process or on another machine, so it takes
and returns plain values that can be sent there and back.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from seget import files
from seget.comparison.machine_name import machine_name
from seget.comparison.plan import SHIPPED, Cell, adapted_to, chosen_for
from seget.dataset import Dataset, read_dataset
from seget.evaluation import StructureScores, Truth, without_nan
from seget.listener import Listener
from seget.prediction import Options, open_reader, score_slices, scorer
from seget.trained import Trained, general
from seget.training import Diverged, Run, read_log, train

RUNS = "runs"  # in the folder of a comparison; holds a run folder for each cell
SCORES = "scores.npz"
# Columns of log.csv that the curves need.
CURVE = ("epoch", "step", "loss", "miou", "elapsed_s")


@dataclass(frozen=True)
class CellSetup:
    """What all cells of a comparison have in common.

    Attributes
    ----------
    dataset
        The dataset.toml.
    folder
        Where each cell has a run folder of its name.
    changes
        `key=value` settings of the recipe.
    device
        `auto`, `cpu`, `cuda` or `mps`.
    """

    dataset: Path
    folder: Path
    changes: tuple[str, ...] = ()
    device: str = "auto"


def run_cell(cell: Cell, setup: CellSetup, listener: Listener | None = None) -> dict[str, Any]:
    """Train a cell, or go on with it, and score it; return its result in plain values.

    A training whose loss became no number is a result too: `failed` says why.
    """
    dataset = read_dataset(setup.dataset)
    folder = setup.folder / cell.key
    recipe = cell.recipe(dataset, setup.changes)
    start = general() if cell.network == SHIPPED else None
    run = Run(folder, seed=cell.seed, device=setup.device, resume=True, start=start)
    result: dict[str, Any] = {
        "network": cell.network,
        "structures": list(cell.structures),
        "seed": cell.seed,
        "learning_rate": recipe.learning_rate,
        "steps": cell.steps,
        "chosen": chosen_for(cell.network, cell.structures, dataset, setup.changes),
    }
    try:
        trained = train(dataset, cell.structures, recipe, run, listener)
    except Diverged as error:
        return result | {"failed": str(error)}
    rows = read_log(folder)
    result |= {
        "steps_made": int(rows[-1]["step"]),
        "minutes": round(rows[-1]["elapsed_s"] / 60, 2),
        "step_s": (rows[-1]["elapsed_s"] - sum(row["validation_s"] for row in rows))
        / rows[-1]["step"],
        "validation_miou": max(row["miou"] for row in rows),
        "rows": [{key: row[key] for key in CURVE} for row in rows],
    }
    if not cell.search:
        result["machine"] = machine_name(setup.device)
        result["adapted"] = adapted_to(dataset, cell.structures)
        result |= _score(dataset, trained, setup.device, folder)
    plain: dict[str, Any] = without_nan(result)
    return plain


def _score(dataset: Dataset, trained: Trained, device: str, folder: Path) -> dict[str, Any]:
    """Score the test part (else validation, else all); keep the score maps for the pictures."""
    counted = {s: StructureScores(trained.thresholds[s]) for s in trained.structures}
    kept: dict[str, npt.NDArray[np.uint8]] = {}
    seconds = 0.0
    for tomogram in dataset.tomograms:
        if not (slices := tomogram.slices("scored", trained.structures)):
            continue
        options = Options(device, engine="torch", invert=tomogram.invert)
        reader = open_reader(tomogram.image, trained, options)
        scoring = scorer(trained, reader, options)
        started = perf_counter()
        for z, scores in score_slices(reader, scoring, slices):
            seconds += perf_counter() - started
            kept[f"{tomogram.name}__{z}"] = scores
            for structure, score in zip(trained.structures, scores, strict=True):
                mask = tomogram.mask_of(structure, z, "scored")
                if mask is not None:
                    counted[structure].add_slice(
                        tomogram.name, z, score, Truth.of(mask, z), tomogram.image.pixel_area_nm2
                    )
            started = perf_counter()
    with files.atomic_path(folder / SCORES) as part, part.open("wb") as file:
        np.savez_compressed(file, **kept)  # type: ignore[arg-type]
    return {
        "slice_s": seconds / len(kept),
        "scores": {s: one.summary() for s, one in counted.items()},
        "counts": {s: one.scores.counts() for s, one in counted.items()},
    }


def read_scores(folder: Path, cell: Cell) -> Mapping[str, npt.NDArray[np.uint8]] | None:
    """Return `tomogram__slice` -> scores `(k, y, x)` of a finished cell, if they are there."""
    path = folder / cell.key / SCORES
    if not path.is_file():
        return None
    with np.load(path) as arrays:
        return dict(arrays)


def tidy(folder: Path, cell: Cell) -> None:
    """Remove what is not needed any more: checkpoints, and all of a cell that chose a rate."""
    run = folder / cell.key
    shutil.rmtree(run if cell.search else run / "checkpoints", ignore_errors=True)

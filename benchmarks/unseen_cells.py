"""Models of the noisy cells on twelve others, of which no choice in seget knows.

    python benchmarks/unseen_cells.py RUN OTHER_RUN ...

RUN is a folder like build/table1/life-end/runs/seget_shipped/joint/rate0.001-seed2. Draws the cells
of seeds 48 to 59 as table1.py draws its own. Prints a Markdown table of the mIOU at 0.5, then that
of RUN minus each other's with a 95 % interval from drawing cells with replacement, the same for
both.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from calibration import held_out, scorer
from table1 import BUILD, cell

from seget.dataset import Dataset, read_dataset
from seget.trained import load
from seget.training.validation import validate

CELLS = range(48, 60)
DRAWN = 2000


def tables(model: Path, cells: list[Dataset]) -> tuple[tuple[str, ...], npt.NDArray[np.int64]]:
    """Return the structures, and tp, fp, fn, tn as `(cells, structures, 4)`."""
    trained = load(model)
    counts = []
    for one in cells:
        found = validate(
            scorer(trained), trained.structures, held_out(trained, one, "scored"), "scored"
        )
        each = [found.counts(s) for s in trained.structures]
        counts.append([(c.tp, c.fp, c.fn, c.tn) for c in each])
    return trained.structures, np.array(counts)


def mious(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the mIOU (equation 6) of each structure over all cells."""
    tp, fp, fn, tn = np.moveaxis(counts.sum(axis=0), -1, 0)
    found: npt.NDArray[np.float64] = (tp / (tp + fp + fn) + tn / (tn + fp + fn)) / 2
    return found


def main() -> None:
    """Print a row a model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    asked = parser.parse_args()
    cells = []
    for seed in CELLS:
        path = BUILD / "life" / f"{seed}.toml"
        path.write_text(f'name = "cell{seed}"\n{cell(seed)}')
        cells.append(read_dataset(path))
    counted = {}
    for model in asked.models:
        structures, counted[model] = tables(model, cells)
        if len(counted) == 1:
            print(f"| model | {' | '.join(structures)} | mean |")
            print("|---|" + "---|" * (len(structures) + 1))
        numbers = [*mious(counted[model]), mious(counted[model]).mean()]
        print(f"| {model} | " + " | ".join(f"{n:.4f}" for n in numbers) + " |", flush=True)
    draws = np.random.default_rng(0).integers(0, len(cells), (DRAWN, len(cells)))
    first, *others = counted.values()
    for model, other in zip(asked.models[1:], others, strict=True):
        differences = [mious(first[d]).mean() - mious(other[d]).mean() for d in draws]
        low, high = np.percentile(differences, [2.5, 97.5])
        mean = mious(first).mean() - mious(other).mean()
        print(f"\nminus {model}: {mean:+.4f} ({low:+.4f} to {high:+.4f})")


if __name__ == "__main__":
    main()

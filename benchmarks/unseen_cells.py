"""Models of the noisy cells on twelve others, of which no choice in seget knows.

    python benchmarks/unseen_cells.py RUN OTHER_RUN ...

RUN is a folder like build/table1/life-end/runs/seget_shipped/joint/rate0.001-seed2, or that of
general, src/seget/models/general. Draws the cells
of seeds 48 to 59 as table1.py draws its own. Prints a Markdown table of the mIOU at 0.5, then that
of RUN minus each other's with a 95 % interval from drawing cells with replacement, the same for
both.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import numpy.typing as npt
from calibration import held_out
from table1 import BUILD, cell

from seget.dataset import Dataset, read_dataset
from seget.metrics import mious
from seget.prediction import Options, scorer
from seget.trained import load
from seget.training.validation import validate

CELLS = range(48, 60)
DRAWN = 2000


def counted(model: Path, cells: list[Dataset], options: Options) -> npt.NDArray[np.int64]:
    """Return tp, fp, fn, tn as `(cells, structures, 4)`."""
    trained = load(model)
    counts = []
    for one in cells:
        (slices,) = held_out(trained, one, "scored")
        scoring = scorer(trained, slices[1], options)
        found = validate(scoring, trained.structures, [slices], "scored")
        each = [found.counts(s) for s in one.structures]
        counts.append([(c.tp, c.fp, c.fn, c.tn) for c in each])
    return np.array(counts)


def main() -> None:
    """Print a row a model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--no-adapt", action="store_true", help="by a model's own statistics")
    asked = parser.parse_args()
    options = Options(engine="torch", adapt=False if asked.no_adapt else None)
    cells = []
    for seed in CELLS:
        path = BUILD / "life" / f"{seed}.toml"
        path.write_text(f'name = "cell{seed}"\n{cell(seed)}')
        cells.append(read_dataset(path))
    structures = cells[0].structures
    print(f"| model | {' | '.join(structures)} | mean |")
    print("|---|" + "---|" * (len(structures) + 1))
    counts = []
    for model in asked.models:
        counts.append(counted(model, cells, options))
        each = mious(counts[-1].sum(axis=0))
        numbers = " | ".join(f"{n:.4f}" for n in (*each, each.mean()))
        print(f"| {model} | {numbers} |", flush=True)
    draws = np.random.default_rng(0).integers(0, len(cells), (DRAWN, len(cells)))
    drawn = [mious(of_cells[draws].sum(axis=1)).mean(axis=1) for of_cells in counts]
    whole = [mious(of_cells.sum(axis=0)).mean() for of_cells in counts]
    for model, theirs, mean in zip(asked.models[1:], drawn[1:], whole[1:], strict=True):
        low, high = np.percentile(drawn[0] - theirs, [2.5, 97.5])
        print(f"\nminus {model}: {whole[0] - mean:+.4f} ({low:+.4f} to {high:+.4f})")


if __name__ == "__main__":
    main()
